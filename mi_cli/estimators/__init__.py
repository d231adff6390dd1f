"""The estimators, by the name a config gives them (``estimator.name``); each is imported when it is asked for."""

ESTIMATORS = {
    "dv": "mi_cli.estimators.variational:DonskerVaradhan",
    "linear": "mi_cli.estimators.linear:LinearDiscriminator",
    "mine": "mi_cli.estimators.variational:Mine",
}
