"""Every experiment runs, as it is and as it was first published."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from examples import ROWS
from runs import run_config

from mi_cli.compose.resolve import resolve
from mi_cli.schema.locations import config_folder

EXPERIMENTS = sorted(path.stem for path in (config_folder() / "experiment").glob("*.yaml"))
PUBLISHED = sorted(path.stem.removeprefix("published_") for path in (config_folder() / "experiment_variant").iterdir())
FEW_ROWS = ("dataset.n_samples=300", "folds=2")
FEWER = {  # values of an axis, rows and folds
    "gaussian_sweep": ["sweep.dataset.rho=[0.4,1.0]"],
    "linear_discriminator": ["sweep.dataset.rho=[0.6]"],
    "dimension_sweep": ["sweep.representation.dim=[1,3]", "sweep.noise.scale=[0.05]"],
    "noise_study": ["sweep.noise.scale=[0.4]"],
    "nonlinear": ["sweep.noise.scale=[0.2]"],
    "high_dimension": ["sweep.dataset.powers=[7]"],
    "label_count": ["sweep.split.labelled=[20,50]"],
    "shift_scale": ["sweep.dataset.terms=[19]"],
    "benchmark": ["sweep.dataset.task=[1v1-normal-0.75,multinormal-sparse-3-3-2-2.0]", *FEW_ROWS],
    "bend_and_mix": ["sweep.dataset.task=[1v1-X-0.9,3v1-concentric_gaussians-5]", *FEW_ROWS],
    "off_benchmark": ["sweep.dataset.task=[normal_200_rows,counts_200_rows,classes_10_500_rows]", "folds=2"],
    "staircase": ["sweep.dataset.mi=[1.0,2.0]", "training.batch=16"],
    "high_mi": ["sweep.dataset.mi=[1.0,4.0]", *FEW_ROWS],
    "sample_size": ["sweep.dataset.task=[1v1-additive-0.75]", "sweep.dataset.n_samples=[200,300]", "folds=2"],
    "cost": ["sweep.dataset.task=[1v1-additive-0.75]", "dataset.n_samples=300"],
}
TABLE = f"dataset.path='{ROWS}'"
FEWER |= {
    "coverage": [
        "sweep.dataset=[{name:off_benchmark,task:counts_200_rows},{name:bend_and_mix,task:1v1-X-0.9,n_samples:200}]",
        "folds=2",
    ],
    "conditional_coverage": ["sweep.dataset=[{name:xor,n_samples:100},{name:confounded,n_samples:100}]"],
    "counts_coverage": ["sweep.dataset.n_samples=[400]", "sweep.dataset.classes=[2,5]", "evaluation.permutations=19"],
    "interaction_coverage": [
        "sweep.dataset=[{name:equicorrelated,n_samples:100},{name:xor,n_samples:100}]",
    ],
    "interval_coverage": [
        "sweep.dataset.map=[swiss_roll]",
        "sweep.dataset.mi=[0.0,0.5]",
        "sweep.dataset.n_samples=[300,500]",
    ],
    "estimate": [TABLE, "dataset.x=[a]", "dataset.y=[b]"],
    "interaction": [TABLE, "dataset.x=[a,b,c]"],
    "lags": [TABLE, "dataset.x=[a]", "dataset.y=[b]", "time.lags=[0,2]", "evaluation.permutations=19"],
    "pairwise": [TABLE, "dataset.x=[a,b,c]"],
    "represent": [TABLE, "dataset.label=b", "dataset.exclude=[patient]", "sweep.split.labels=[10,30]"],
    "sample_size_bias": [TABLE, "dataset.x=[a]", "dataset.y=[b]", "sweep.dataset.share=[0.4,0.6,1.0]"],
    "select": [
        TABLE,
        "dataset.y=[b]",
        "dataset.exclude=[patient]",
        "selection.permutations=19",
        "selection.subsamples=2",
    ],
    "self_consistency": [TABLE, "dataset.x=[a]", "dataset.y=[b]", "folds=2"],
    "time_coverage": [
        "sweep.dataset=[{name:var,n_samples:150},{name:copied_bits,n_samples:150}]",
        "time.max_history=1",
        "evaluation.permutations=19",
    ],
    "transfer_entropy": [TABLE, "dataset.x=[a,b]", "time.max_history=1", "evaluation.permutations=19"],
}
LEAST = ("budget=smoke", "training.steps=20", "threads=1")
WIDTHS = ("hidden", "separable", "concat", "baseline", "dual")  # of networks


def with_small_networks(values: dict[str, Any]) -> dict[str, Any]:
    """A resolved config whose networks have layers of eight."""

    def small(section: dict[str, Any]) -> dict[str, Any]:
        return section | {key: [8] * len(section[key]) for key in WIDTHS if section.get(key)}

    swept = values["sweep"].get("estimator")
    axis = {"estimator": [small(option) for option in swept]} if isinstance(swept, list) else {}
    sections = {name: small(values[name]) for name in ("estimator", "representation")}
    return values | sections | {"sweep": values["sweep"] | axis}


@pytest.mark.usefixtures("few_subsets", "few_trees", "quick_figures")
@pytest.mark.parametrize(
    ("name", "variant"),
    [(name, "corrected") for name in EXPERIMENTS] + [(name, "published") for name in PUBLISHED],
)
def test_experiment_runs(name, variant, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fewer = FEWER.get(name, [])
    if variant == "published":  # which has some of the axes only
        axes = resolve([f"experiment={name}", f"variant={variant}"]).values["sweep"]
        fewer = [text for text in fewer if text.split("=")[0].split(".")[1] in axes]
    resolved = resolve([f"experiment={name}", f"variant={variant}", *LEAST, *fewer])
    code = run_config(with_small_networks(resolved.values), tmp_path)
    out, err = capsys.readouterr()
    assert code == 0, err
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["estimate"] or row["test_mse"] for row in rows)
    assert len({row["seed"] for row in rows}) == len(resolved.values["sweep"].get("seed", [0])) <= 2
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["name"] == name
    assert summary["variant"] == variant
    for claim in summary["claims"]:
        assert claim["verdict"] in ("holds", "fails", "undecided")
        assert claim["text"][:40] in out
    assert {path.stem for path in Path("plots").iterdir()} == set(resolved.values["plots"])
    assert summary["claims"] or summary["tables"]
    assert resolved.values["plots"]
