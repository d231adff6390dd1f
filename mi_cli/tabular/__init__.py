"""Files of people's own become encoded columns."""
