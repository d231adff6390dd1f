from .effects import changeable as changeable
