"""Trials become stacks, stacks go to workers, outcomes go to records."""
