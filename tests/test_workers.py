"""Workers that stacks are run on, in this process and in others."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from examples import CPU, SMALL, endless_command, trials, values

from mi_cli import runner, workers
from mi_cli.context import Stopped
from mi_cli.datasets.gaussian import Gaussian
from mi_cli.workers import Workers, work


@pytest.fixture(params=[1, 2], ids=["threads", "processes"])
def pool(request):
    found = Workers(request.param, 8, request.param, CPU)
    assert found.forks == (request.param == 2 and sys.platform == "linux")
    yield found
    found.stop()
    found.close()
    torch.set_num_threads(1)


def estimates(done):
    return [outcome.methods["mine"]["estimate"] for outcome in done.outcomes]


def test_work_comes_back_with_the_time_it_took(pool):
    found = trials(SMALL, {"seed": [0, 1]})
    here = work(found, workers.Context(CPU))
    done = pool.submit(found).result()
    assert estimates(done) == estimates(here)
    assert [outcome.trial.index for outcome in done.outcomes] == [0, 1]
    assert {"data", "training", "evaluation"} == done.phases.keys()
    assert sum(done.phases.values()) <= done.seconds


def test_steps_of_all_workers_are_counted(pool):
    stacks = [trials(SMALL, {"seed": [seed, seed + 1]}) for seed in (0, 2, 4)]
    for future in [pool.submit(stack) for stack in stacks]:
        future.result()
    assert pool.steps == 3 * 2 * 60


def test_fault_comes_back_with_its_trace(pool, monkeypatch):
    def sample(self, n, generator, dtype=None):
        raise ValueError("no rows")

    monkeypatch.setattr(Gaussian, "sample", sample)
    error = pool.submit(trials()).exception()
    assert isinstance(error, ValueError)
    assert str(error) == "no rows"


def test_stop_ends_a_stack_within_its_step(pool):
    future = pool.submit(trials(SMALL, training={"steps": 10**6}))
    while not pool.steps:
        time.sleep(0.01)
    begun = time.monotonic()
    pool.stop()
    assert isinstance(future.exception(timeout=10), Stopped)
    assert time.monotonic() - begun < 1


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
@pytest.mark.parametrize("rhos", [[0.2, 0.4], [0.2, 0.4, 0.6, 0.8]], ids=["one trial each", "two trials each"])
def test_worker_that_dies_costs_no_trial(tmp_path, monkeypatch, rhos):
    parent, draw = os.getpid(), Gaussian.sample

    def sample(self, n, generator, dtype=None):
        if os.getpid() != parent and self.rho == 0.4:
            os._exit(9)  # as a process that ran out of memory
        return draw(self, n, generator, dtype)

    monkeypatch.setattr(Gaussian, "sample", sample)
    assert runner.run(values(SMALL, {"dataset": {"rho": rhos}}, threads=2), tmp_path) == 0
    assert "run one by one" in (tmp_path / "run.log").read_text()


def processes():
    """Commands of all processes, by number."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                found[int(folder.name)] = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has ended
                continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_processes_end_with_a_parent_that_is_killed(tmp_path):
    folder = tmp_path / "here"

    def running():
        return sum(f"hydra.run.dir={folder}".encode() in words for words in processes().values())

    with endless_command(folder, threads=2) as process:
        assert running() == 3
        process.send_signal(signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 20
        while running() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert running() == 0
