from . import collect as collect
from . import page as page
from . import publish as publish
from . import terminal_tables as terminal_tables
