"""Tables of one's own as encoded columns.

A table comes from a ``Source`` (``source.py``). ``files.py`` reads a file, ``delimited.py`` the lines of a CSV;
``stack.py`` reads several files, whose columns ``joined_columns.py`` joins; ``in_memory.py`` takes arrays and frames.
``columns.py`` makes numbers of one column. ``selection.py`` chooses the columns of x and y, ``unfit_columns.py`` says
which of them cannot be used, and ``encoding.py`` encodes them: missing values, classes, groups and time are dealt with
there. ``encoded_table.py`` holds the result. ``column_pairs.py`` lists all pairs of columns, without those of
``unfit_pairs.py``. ``queries.py`` asks databases, whose text ``text_of_sqlite.py`` reads.

``notes.py`` describes a table, by what ``copies.py`` (rows that repeat others), ``frequent_values.py`` (values that may
stand for missing ones) and ``row_order.py`` (rows that follow each other) see.
"""
