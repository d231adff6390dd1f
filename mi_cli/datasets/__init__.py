"""The datasets, by the name a config gives them (``dataset.name``); each is imported when it is asked for."""

DATASETS = {
    "beyond_normal": "mi_cli.datasets.beyond_normal:BeyondNormal",
    "gaussian": "mi_cli.datasets.gaussian:Gaussian",
    "polynomial_differences": "mi_cli.datasets.polynomial_differences:PolynomialDifferences",
    "root_functions": "mi_cli.datasets.root_functions:RootFunctions",
}
