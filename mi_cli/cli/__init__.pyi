from . import encode_command as encode_command
from . import hydra_app as hydra_app
from . import multirun as multirun
from . import reproduce as reproduce
from . import score_command as score_command
from . import sharded as sharded
from . import single_run as single_run
