"""An estimator, a dataset and an experiment for mi-run."""
