from . import (
    crossfit as crossfit,
    encoders as encoders,
    estimation as estimation,
    kept_critics as kept_critics,
    label_comparison as label_comparison,
    pointwise as pointwise,
    lagged as lagged,
    probes as probes,
    represented as represented,
    seeds as seeds,
    splits as splits,
    transferred as transferred,
)
