"""The plots, by the name an experiment gives them: ``plot(records) -> Figure`` of each reads records only."""

PLOTS = (
    "estimate_against_axis",
    "estimate_against_step",
    "gaussian_samples",
    "method_comparison",
    "mi_and_mse_against_step",
)
