"""The estimators, by the name a config gives them (``estimator.name``); each is imported when it is asked for."""

ESTIMATORS = {
    "dv": "mi_cli.estimators.variational:DonskerVaradhan",
    "fdime": "mi_cli.estimators.lower_bounds:FDime",
    "flo": "mi_cli.estimators.lower_bounds:ContrastiveFenchelLegendre",
    "infonce": "mi_cli.estimators.lower_bounds:InfoNce",
    "js": "mi_cli.estimators.lower_bounds:JensenShannon",
    "linear": "mi_cli.estimators.linear:LinearDiscriminator",
    "mine": "mi_cli.estimators.variational:Mine",
    "nwj": "mi_cli.estimators.lower_bounds:Nwj",
    "smile": "mi_cli.estimators.lower_bounds:Smile",
    "tuba": "mi_cli.estimators.lower_bounds:Tuba",
}
