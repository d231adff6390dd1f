from .effects import changeable as changeable
from . import sweep as sweep
