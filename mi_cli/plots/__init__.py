"""The plots, by the name an experiment gives them: ``plot(records) -> Figure`` of each reads records only."""

PLOTS = (
    "error_against_samples",
    "error_against_seconds",
    "estimate_against_axis",
    "estimate_against_step",
    "estimate_heat_map",
    "gaussian_samples",
    "method_comparison",
    "mi_and_mse_against_step",
)
