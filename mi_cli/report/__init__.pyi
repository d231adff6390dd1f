from . import collect as collect
from . import page as page
from . import publish as publish
