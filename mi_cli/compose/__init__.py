"""Hydra: overrides and yaml files become one resolved config, if they are only data."""
