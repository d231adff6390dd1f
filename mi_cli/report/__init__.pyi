from . import collect as collect
from . import comparison_text as comparison_text
from . import missing as missing
from . import page as page
from . import publish as publish
from . import recorded_run as recorded_run
from . import run_comparison as run_comparison
from . import terminal_tables as terminal_tables
