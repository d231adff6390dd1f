"""The header of the config that a run leaves."""

from __future__ import annotations

__all__ = ["SAVED_HEADER"]


SAVED_HEADER = """\
# Runs again with: mi-run --config-path=<this folder>
defaults:
  - _self_
  - override hydra/job_logging: none
  - override hydra/hydra_logging: none

hydra:
  output_subdir: null
  job: {name: mi-run, chdir: false}

"""
