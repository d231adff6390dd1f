"""Distributions whose MI is known and that no benchmark has, one family a file.

``task.py`` says what a task is, ``tasks.py`` lists them by name, and ``dataset.py`` is the dataset. ``regressions.py``
has y = f(x) + noise, ``planes.py`` has shapes, parities and pairs, ``counts.py`` has counts, zeros and ties,
``classes.py`` has classes, and ``injections.py`` has maps to images and to many columns.
"""
