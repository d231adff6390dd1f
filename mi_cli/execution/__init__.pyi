from . import completed as completed
from . import forkserver as forkserver
from . import plan as plan
from . import progress_display as progress_display
from . import runner as runner
