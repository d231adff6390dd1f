"""The procedures, by the name a config gives them (``procedure``)."""
