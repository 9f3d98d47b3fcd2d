"""`syncd run`: the same pass, driven by what changes."""
