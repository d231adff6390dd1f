"""Pages, tables and summaries, made from records alone."""
