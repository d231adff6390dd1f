"""The version of mi-run."""

__version__ = "0.2.0"
