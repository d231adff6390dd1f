"""The procedures, by the name a config gives them (``procedure``)."""

PROCEDURES = {
    "compare": "mi_cli.procedures.compare",
    "estimate": "mi_cli.procedures.estimate",
    "maximise": "mi_cli.procedures.maximise",
}
