"""Where each part of a target comes from, and why it is or is not in sync. Pure."""
