"""Tables of one's own as encoded columns.

A table comes from a ``Source`` (``source.py``). ``files.py`` reads files, with ``delimited.py`` for the lines of a CSV;
``in_memory.py`` takes arrays and frames. ``columns.py`` makes numbers of one column. ``selection.py`` chooses the
columns of x and y, and ``encoding.py`` encodes them: missing values, classes, groups and time are dealt with there.
``encoded_table.py`` holds the result, ``notes.py`` describes it, and ``column_pairs.py`` lists all pairs of columns.
"""
