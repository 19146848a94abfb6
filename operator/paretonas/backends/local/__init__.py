"""A folder on this machine."""
