"""The files that a run writes to its folder: results, journal, saved config, provenance."""
