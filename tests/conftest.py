"""What tests of the command share: a runner that runs nothing, an empty folder, somebody's own configs."""

from __future__ import annotations

import gc
import os
import signal
import sys
import types
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import settings
from PIL import Image

import mi_cli.execution
from mi_cli.records.saved_config import SAVED_HEADER
from mi_cli.schema import locations

if TYPE_CHECKING:
    from mi_cli.search.expansion import Expansion  # which imports NumPy

# The same examples at every run, however busy the machine is; HYPOTHESIS_PROFILE=thorough has many new ones.
settings.register_profile("tests", derandomize=True, deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))

# Tests run side by side, one a core. These libraries are imported later, and would start a thread for each core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")

# Tests start many processes, each of which would compile all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Of ``-n auto``: a single file, or tests of one, run in this process, since workers take seconds to start."""
    files = {argument.partition("::")[0] for argument in config.args}
    return 0 if len(files) == 1 and Path(*files).is_file() else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Exempt what is imported and collected from garbage collection, since it lives until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 10, 10)  # as the command does
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """Files of tests need not survive a loss of power. Runs write thousands, and to sync one takes milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """SIGINT as in a foreground job: a shell has the jobs in its background, and what they start, ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Runner(types.ModuleType):
    """Stands in for ``mi_cli.execution.runner``: writes a file and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__("mi_cli.execution.runner")
        self.runs: list[tuple[dict[str, Any], Path, dict[str, Any]]] = []
        self.plans: list[Expansion] = []
        self.does: Callable[[dict[str, Any], Path], int] = lambda values, folder: 0

    def run(self, values: dict[str, Any], expansion: Expansion, folder: Path, publisher: Any, **more: Any) -> int:
        self.runs.append((values, folder, more))
        (folder / "config.yaml").write_text(SAVED_HEADER + yaml.safe_dump(values))
        return self.does(values, folder)

    def plan(self, expansion: Expansion) -> None:
        self.plans.append(expansion)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    fake = Runner()
    for module in ("runner", "plan"):
        monkeypatch.setitem(sys.modules, f"mi_cli.execution.{module}", fake)
        monkeypatch.setitem(vars(mi_cli.execution), module, fake)  # where a module is kept once it is imported
    return fake


@pytest.fixture
def quick_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made and not drawn, for tests of runs; tests/unit/plots draws each of them."""
    canvas = types.SimpleNamespace(print_png=lambda file: Image.new("L", (1, 1)).save(file, "png"))
    agg = types.SimpleNamespace(FigureCanvasAgg=lambda figure: canvas)
    monkeypatch.setattr("mi_cli.report.publish.backend_agg", agg)
    empty = '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt" viewBox="0 0 9 9"/>'
    monkeypatch.setattr("mi_cli.report.publish.svg_function", lambda: lambda figure: empty)


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rounds of gradient boosting, for tests that are not about trees."""
    monkeypatch.setattr("mi_cli.procedures.label_probes.ROUNDS", (1, 2, 4))


@pytest.fixture
def few_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard errors of nearest neighbours from few subsets, for tests that do not look at them."""
    monkeypatch.setattr("mi_cli.estimators.subsampling._ESTIMATES", 10)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv(locations.OWN_CONFIGS, raising=False)
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of somebody's own configs, some of them wrong."""
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    files = {
        "mine": "# @package _global_\nname: mine\nsummary: my own\ntraining: {batch: 100}\n",
        "syntax": "# @package _global_\nname: a\ntraining: {steps: [1, 2\nseed: 3\n",
        "twice": "# @package _global_\nname: a\nname: b\n",
        "option": "# @package _global_\ndefaults:\n  - override /estimator: nope\n",
        "group": "# @package _global_\ndefaults:\n  - override /estimatr: dv\n",
        "list": "# @package _global_\n- name\n",
        "bare": "- name\n",
        "number": "3\n",
        "word": "# @package _global_\ndefaults: foo\n",
        "entry": "# @package _global_\ndefaults:\n  - override /estimator: dv\n  - 3\n",
        "beside": "# @package _global_\ndefaults:\n  - estimator: dv\n",
        "absent": "# @package _global_\ndefaults:\n  - nothing\n",
        "reference": "# @package _global_\nname: ${foo}\n",
        "package": "name: a\n",
        "key": "# @package _global_\ndatasett: {rho: 1}\n",
    }
    for name, text in files.items():
        (tmp_path / "own" / "experiment" / f"{name}.yaml").write_text(text)
    (tmp_path / "own" / "experiment" / "binary.yaml").write_bytes(b"\xff\xfe")
    return tmp_path / "own"
