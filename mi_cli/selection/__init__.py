"""Which columns of a table to keep for a target: relevance, redundancy and conditional relevance of all at once."""
