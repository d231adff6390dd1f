"""The plots, by the name an experiment gives them: ``plot(records) -> Figure`` of each reads records only."""
