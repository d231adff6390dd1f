"""The datasets, one kind a file; ``registry/builtin.py`` has them by the name that a config gives them.

``base.py`` says what a dataset is. ``sources.py`` has distributions whose MI is known, ``normal_mixture.py`` has
mixtures, and ``maps.py`` has maps that keep the MI. ``off_benchmark`` is a package, with a family of distributions in
each file. ``task_dataset.py`` is the base of datasets by task, and ``task_names.py`` checks the name of one.
``calibration.py`` sets a parameter from a given MI. ``distortions.py`` has noise and shifts. ``table.py`` is a table of
one's own, which ``mi_cli.tabular`` reads and encodes.
"""
