"""Workers that stacks are run on, in this process and in others."""

from __future__ import annotations

import csv
import time
from multiprocessing import forkserver as multiprocessing_forkserver
from pathlib import Path

import pytest
import torch
from examples import (
    CPU,
    SMALL,
    begin_with_death,
    begin_with_fault,
    failing_at,
    no_rows,
    slowdown,
    trials,
    values,
)
from runs import run_config

from mi_cli.datasets.gaussian import Gaussian
from mi_cli.execution import forkserver, workers
from mi_cli.execution.workers import Workers, run_stack
from mi_cli.training.context import Stopped


@pytest.fixture(params=[1, 2], ids=["threads", "processes"])
def pool(request):
    found = Workers(request.param, 8, request.param, "cpu")
    assert found.forks == (request.param == 2 and forkserver.AVAILABLE)
    yield found
    found.stop()
    found.close()
    torch.set_num_threads(1)


def estimates(done):
    return [outcome.methods["mine"]["estimate"] for outcome in done.outcomes]


def test_work_comes_back_with_the_time_it_took(pool):
    found = trials(SMALL, {"seed": [0, 1]})
    here = run_stack(found, workers.Context(CPU))
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


def test_fault_comes_back_with_its_trace(monkeypatch):
    monkeypatch.setattr(Gaussian, "sample", failing_at(0.4, no_rows))
    monkeypatch.setattr(workers, "_begin", begin_with_fault)
    for n in (1, 2):
        pool = Workers(n, 8, n, "cpu")
        error = pool.submit(trials(SMALL, dataset={"rho": 0.4})).exception()
        pool.close()
        assert isinstance(error, ValueError)
        assert str(error) == "no such\nrows"


def test_stop_ends_a_stack_within_its_step(pool):
    future = pool.submit(trials(SMALL, training={"steps": 10**6}))
    while not pool.steps:
        time.sleep(0.01)
    begun = time.monotonic()
    pool.stop()
    assert isinstance(future.exception(timeout=10), Stopped)
    assert time.monotonic() - begun < slowdown()


@pytest.mark.skipif(not forkserver.AVAILABLE, reason="processes are forked on Linux only")
@pytest.mark.parametrize("rhos", [[0.2, 0.4], [0.2, 0.4, 0.6, 0.8]], ids=["one trial each", "two trials each"])
def test_worker_that_dies_costs_no_other_trial(tmp_path, monkeypatch, rhos):
    monkeypatch.setattr(workers, "_begin", begin_with_death)
    assert run_config(values(SMALL, {"dataset": {"rho": rhos}}, threads=2), tmp_path) == 1
    with (tmp_path / "results.csv").open() as file:
        rows = {row["dataset.rho"]: row for row in csv.DictReader(file)}
    assert [rows[str(rho)]["status"] for rho in rhos] == ["failed" if rho == 0.4 else "ok" for rho in rhos]
    assert rows["0.4"]["reason"] == "the process it ran in was killed, as happens where memory runs out"
    assert "run one by one" in (tmp_path / "run.log").read_text()


@pytest.mark.skipif(not forkserver.AVAILABLE, reason="processes are forked on Linux only")
def test_workers_are_forked_from_a_process_without_threads():
    forkserver.context()
    server = Path(f"/proc/{multiprocessing_forkserver._forkserver._forkserver_pid}")
    Workers(2, 1, 2, "cpu").close()  # its imports are done
    assert "libtorch_cpu" in (server / "maps").read_text()
    assert len(list((server / "task").iterdir())) == 1
