"""What a run leaves in its folder: results, journal, saved config, provenance."""
