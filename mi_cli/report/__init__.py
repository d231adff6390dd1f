"""Pages, tables and summaries, made from records alone. Its modules are imported when they are first used."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
