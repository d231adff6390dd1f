"""Every name that a config can use: built in, or added by another package."""
