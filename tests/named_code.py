"""Code that a config names, which runs only where it is trusted."""

from __future__ import annotations

from pathlib import Path

from hydra.experimental.callback import Callback


class Told(Callback):
    """Leaves a file behind."""

    def on_run_start(self, config, **more):
        Path("ran").touch()
