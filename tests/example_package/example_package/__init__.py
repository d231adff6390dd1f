"""An estimator, a dataset, a procedure, a plot and experiments for mi-run."""
