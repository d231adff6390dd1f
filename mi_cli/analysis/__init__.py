"""Numbers and verdicts from the result rows of a run.

``claims.py`` judges what an experiment claims. ``tables.py`` lists the tables that a config can ask for; most are
files of their own. ``rows.py`` and ``intervals.py`` have what they share.
"""
