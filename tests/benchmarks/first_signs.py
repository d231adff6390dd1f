"""How long a command takes until it says something, names its folder, and has trained its first step.

    python -m tests.benchmarks.first_signs [--rounds 5]

Runs the installed `mi-run` on a pseudo-terminal and reads what it prints. The progress bar shows the MI of a stack, or
the time left, once a step is trained. The command is interrupted then. Prints medians in seconds, from the start of the
process.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TRAINED = re.compile(r"\d:\d\d left|MI -?\d")
COMMAND = str(Path(sys.executable).with_name("mi-run"))


def seconds(arguments: list[str]) -> tuple[float, float, float]:
    """Until the first line, until the folder is named, and until a step is trained."""
    begun, found, text = time.perf_counter(), [0.0, 0.0, 0.0], ""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(COMMAND, [COMMAND, *arguments])
    while not found[2]:
        text += os.read(terminal, 65536).decode(errors="replace")
        signs = (bool(text.strip()), "folder:" in text, bool(TRAINED.search(text)))
        for place, is_there in enumerate(signs):
            if is_there and not found[place]:
                found[place] = time.perf_counter() - begun
    os.kill(process, signal.SIGINT)
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # the terminal of a process that has ended
        pass
    os.waitpid(process, 0)
    return found[0], found[1], found[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        rows = np.random.default_rng(0).normal(size=(600, 3)) @ (np.eye(3) + 0.3)
        np.savetxt(f"{folder}/rows.csv", rows, delimiter=",", header="a,b,target", comments="")
        commands = {
            "gaussian_sweep": ["experiment=gaussian_sweep"],
            "estimate": ["estimate", f"{folder}/rows.csv", "--y", "target"],
        }
        for name, command in commands.items():
            more = ["reuse=false", f"hydra.run.dir={folder}/run_"]
            every = [seconds([*command, more[0], f"{more[1]}{name}_{number}"]) for number in range(rounds)]
            first, named, trained = (statistics.median(column) for column in zip(*every, strict=True))
            print(f"{name}: first line {first:.2f} s, folder {named:.2f} s, first step {trained:.2f} s")


if __name__ == "__main__":
    main()
