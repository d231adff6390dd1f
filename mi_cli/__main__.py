"""``python -m mi_cli`` is ``mi-run``."""

import os
import sys

# What lies in the folder it is started in is no module to import, unless that is the checkout this comes from.
if not sys.flags.safe_path and not __file__.startswith(os.path.join(sys.path[0], "mi_cli", "")):  # noqa: PTH118
    del sys.path[0]

from mi_cli.cli.main import command

if __name__ == "__main__":
    command()
