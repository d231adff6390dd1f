"""How results are shown: numbers with their unit, intervals as pictures."""
