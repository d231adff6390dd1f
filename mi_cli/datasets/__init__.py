"""The datasets, by the name a config gives them (``dataset.name``); each is imported when it is asked for."""
