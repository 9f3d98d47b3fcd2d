"""What a pass found and did, as a value and in three formats. Pure."""
