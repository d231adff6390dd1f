"""The version of mi-run."""

__version__ = "0.1.0"
