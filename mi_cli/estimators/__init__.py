"""The estimators, by the name a config gives them (``estimator.name``); each is imported when it is asked for."""

ESTIMATORS = {
    "copula": "mi_cli.estimators.gaussian:Copula",
    "dv": "mi_cli.estimators.variational:DonskerVaradhan",
    "gaussian": "mi_cli.estimators.gaussian:Gaussian",
    "gmm": "mi_cli.estimators.gmm:Gmm",
    "histogram": "mi_cli.estimators.histogram:Histogram",
    "ksg": "mi_cli.estimators.ksg:Ksg",
    "linear": "mi_cli.estimators.linear:LinearDiscriminator",
    "mine": "mi_cli.estimators.variational:Mine",
    "ross": "mi_cli.estimators.ross:Ross",
}
