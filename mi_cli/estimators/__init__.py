"""The estimators, by the name a config gives them (``estimator.name``); each is imported when it is asked for."""

ESTIMATORS = {
    "club": "mi_cli.estimators.conditional:Club",
    "doe": "mi_cli.estimators.entropies:EntropyDifference",
    "dv": "mi_cli.estimators.variational:DonskerVaradhan",
    "flow": "mi_cli.estimators.entropies:Flow",
    "l1out": "mi_cli.estimators.conditional:LeaveOneOut",
    "linear": "mi_cli.estimators.linear:LinearDiscriminator",
    "mine": "mi_cli.estimators.variational:Mine",
}
