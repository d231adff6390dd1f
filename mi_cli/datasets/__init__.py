"""The datasets, by the name a config gives them (``dataset.name``); each is imported when it is asked for."""

DATASETS = {
    "additive_uniform": "mi_cli.datasets.additive_uniform:UniformPairs",
    "beyond_normal": "mi_cli.datasets.beyond_normal:BeyondNormal",
    "discrete_continuous": "mi_cli.datasets.discrete_continuous:DiscreteContinuous",
    "gamma_exponential": "mi_cli.datasets.gamma_exponential:GammaExponential",
    "gaussian": "mi_cli.datasets.gaussian:Gaussian",
    "gaussian_mixture": "mi_cli.datasets.gaussian_mixture:GaussianMixture",
    "manifold": "mi_cli.datasets.manifold:Manifold",
    "polynomial_differences": "mi_cli.datasets.polynomial_differences:PolynomialDifferences",
    "root_functions": "mi_cli.datasets.root_functions:RootFunctions",
    "student": "mi_cli.datasets.student:StudentT",
    "table": "mi_cli.datasets.table:Table",
}
