"""The optimisation loop, its settings, and what is trained with it."""
