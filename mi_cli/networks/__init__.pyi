from .composite_critics import (
    BaselinedCritic as BaselinedCritic,
    DualCritic as DualCritic,
    HybridCritic as HybridCritic,
)
from .critics import (
    ConcatCritic as ConcatCritic,
    Critic as Critic,
    QuadraticCritic as QuadraticCritic,
    Scores as Scores,
    SeparableCritic as SeparableCritic,
)
from .densities import (
    ConditionalGaussian as ConditionalGaussian,
    Density as Density,
    Mixture as Mixture,
    SplineFlow as SplineFlow,
)
from .elliptical import (
    CanonicalVariates as CanonicalVariates,
    LogRatio as LogRatio,
    SingularScatterError as SingularScatterError,
    fit_elliptical as fit_elliptical,
)
from .inliers import fit_inliers as fit_inliers
from .pairs import pair as pair
from .passes import (
    Buffers as Buffers,
    Passes as Passes,
)
from .perceptron import (
    Perceptron as Perceptron,
    with_ones as with_ones,
)
from .product_samples import (
    Partners as Partners,
    Product as Product,
    shifted as shifted,
)
from .regression import (
    Regression as Regression,
    least_squares as least_squares,
)
