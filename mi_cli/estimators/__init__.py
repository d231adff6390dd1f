"""The estimators, by the name a config gives them (``estimator.name``); each is imported when it is asked for."""

ESTIMATORS = {
    "club": "mi_cli.estimators.conditional:Club",
    "copula": "mi_cli.estimators.gaussian:Copula",
    "doe": "mi_cli.estimators.entropies:EntropyDifference",
    "dv": "mi_cli.estimators.variational:DonskerVaradhan",
    "flow": "mi_cli.estimators.entropies:Flow",
    "gaussian": "mi_cli.estimators.gaussian:Gaussian",
    "gmm": "mi_cli.estimators.gmm:Gmm",
    "histogram": "mi_cli.estimators.histogram:Histogram",
    "ksg": "mi_cli.estimators.ksg:Ksg",
    "l1out": "mi_cli.estimators.conditional:LeaveOneOut",
    "linear": "mi_cli.estimators.linear:LinearDiscriminator",
    "mine": "mi_cli.estimators.variational:Mine",
    "ross": "mi_cli.estimators.ross:Ross",
}
