"""The plots, by the name an experiment gives them: ``plot(records) -> Figure`` of each reads records only."""

PLOTS = (
    "coverage",
    "error_against_samples",
    "error_against_seconds",
    "estimate_against_axis",
    "estimate_against_step",
    "estimate_heat_map",
    "extrapolation",
    "forest",
    "gaussian_samples",
    "method_comparison",
    "mi_and_mse_against_step",
    "pair_heat_map",
)
