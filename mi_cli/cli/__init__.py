"""The commands: their arguments, signals, exit codes, and the call into Hydra."""
