"""What became of targets in the past, and how that is shown."""
