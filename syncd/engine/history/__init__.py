"""The history: what was applied when, and the contents that a target can be put back to."""
