"""``python -m mi_cli`` is ``mi-run``."""

import sys

from mi_cli.cli import main

if __name__ == "__main__":
    sys.exit(main())
