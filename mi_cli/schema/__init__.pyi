from .config import Config as Config
from .effects import changeable as changeable
from . import sweep as sweep
