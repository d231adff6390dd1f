"""What a config may say: sections, types, sweep axes, fingerprints."""
