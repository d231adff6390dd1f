"""The estimators, by the name a config gives them (``estimator.name``); each is imported when it is asked for."""

ESTIMATORS = {
    "copula": "mi_cli.estimators.gaussian:Copula",
    "dv": "mi_cli.estimators.variational:DonskerVaradhan",
    "fdime": "mi_cli.estimators.lower_bounds:FDime",
    "flo": "mi_cli.estimators.lower_bounds:ContrastiveFenchelLegendre",
    "gaussian": "mi_cli.estimators.gaussian:Gaussian",
    "gmm": "mi_cli.estimators.gmm:Gmm",
    "histogram": "mi_cli.estimators.histogram:Histogram",
    "infonce": "mi_cli.estimators.lower_bounds:InfoNce",
    "js": "mi_cli.estimators.lower_bounds:JensenShannon",
    "ksg": "mi_cli.estimators.ksg:Ksg",
    "linear": "mi_cli.estimators.linear:LinearDiscriminator",
    "mine": "mi_cli.estimators.variational:Mine",
    "nwj": "mi_cli.estimators.lower_bounds:Nwj",
    "ross": "mi_cli.estimators.ross:Ross",
    "smile": "mi_cli.estimators.lower_bounds:Smile",
    "tuba": "mi_cli.estimators.lower_bounds:Tuba",
}
