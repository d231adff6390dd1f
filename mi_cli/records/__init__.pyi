from . import provenance as provenance
from . import results as results
