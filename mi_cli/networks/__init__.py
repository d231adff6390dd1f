"""Stacked networks: critics, densities, encoders, and the product samples that critics are shown."""
