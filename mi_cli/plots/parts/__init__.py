"""What plots share.

``settings`` arranges the records by setting. ``looks`` has colours and markers, ``labels`` the words for axes and
values, ``series`` the looks and labels of estimators on tasks. ``figures`` makes figures with panels, titles and
legends, ``scales`` sets the limits and scales of their axes, and ``marks`` draws values with intervals.
"""
