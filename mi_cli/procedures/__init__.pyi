from . import (
    crossfit as crossfit,
    encoders as encoders,
    estimation as estimation,
    probes as probes,
    seeds as seeds,
    splits as splits,
)
