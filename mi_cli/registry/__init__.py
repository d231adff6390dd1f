"""Every name that a config can use, built in or added by another package, and the object that it stands for."""
