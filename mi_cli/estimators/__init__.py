"""The estimators, by the name a config gives them (``estimator.name``); each is imported when it is asked for."""
