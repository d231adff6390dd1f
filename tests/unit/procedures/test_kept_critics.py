import hashlib
import json
import math
import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from examples import SMALL as SMALL_RUN
from examples import context, merged
from safetensors.torch import load_file, save_file

from mi_cli.cli.main import main
from mi_cli.errors import ConfigError
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.estimators.lower_bounds import InfoNce
from mi_cli.problems import Draw, Problem, Rows
from mi_cli.procedures.crossfit import pool, split_into_folds
from mi_cli.procedures.kept_critics import critic_files, load_critics
from mi_cli.registry.lookup import section_class
from mi_cli.schema.config import validate
from mi_cli.tabular.frozen_columns import FrozenColumn
from mi_cli.training.settings import Evaluation, Training

JSON, WEIGHTS = "critic.json", "weights.safetensors"
RHO = 0.8
SMALL = {"hidden": (16,), "embedding": 8, "keep": True}
SIDES = ([FrozenColumn(name="x", of="number")], [FrozenColumn(name="y", of="number")])


def rows(n=400, seed=0):
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return x, RHO * x + math.sqrt(1 - RHO**2) * noise


def problem(n=400):
    x, y = (torch.from_numpy(side).unsqueeze(1) for side in rows(n))
    parts = [Rows(x[part], y[part]) for part in (slice(0, n // 2), slice(n // 2, n * 5 // 8), slice(n * 5 // 8, n))]
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    return Problem(1, 1, parts[0], None, parts[1], parts[2], *generators, lr=0.01)


def estimated(estimator, problems, steps=60):
    training = Training(steps=steps, batch=64, validate_every=20)
    return estimator.estimate(problems, training, Evaluation(shifts=20), context())[0]


@pytest.fixture(scope="module")
def dv():
    estimator = DonskerVaradhan(**SMALL)
    return estimator, estimated(estimator, [problem()])[0]


@pytest.fixture
def folder(tmp_path, dv):
    estimator, estimate = dv
    for path, contents in critic_files(estimator, SIDES, estimate.kept, "abc").items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(contents)
    return tmp_path


def truth(x, y):
    """ln p(x, y) / p(x) p(y)."""
    joint = -0.5 * math.log(1 - RHO**2) - (x**2 - 2 * RHO * x * y + y**2) / (2 * (1 - RHO**2))
    return joint + (x**2 + y**2) / 2


# What is kept


def test_nothing_is_kept_unless_asked_for():
    (estimate,) = estimated(DonskerVaradhan(**SMALL | {"keep": False}), [problem()], steps=5)
    assert estimate.kept == ()


def test_keeping_changes_no_number():
    with_critic, without = (
        estimated(DonskerVaradhan(**SMALL | {"keep": keep}), [problem()], steps=5)[0] for keep in (True, False)
    )
    assert with_critic == without


def test_mean_over_test_rows_is_the_estimate(folder, dv):
    tested = problem().test
    scored = load_critics(folder).score({"x": tested.x[:, 0].numpy(), "y": tested.y[:, 0].numpy()})
    assert scored[:, 0].mean() == pytest.approx(dv[1].value, abs=1e-4)
    assert (scored[:, 1:] == 1).all()


@pytest.mark.parametrize("estimator", [DonskerVaradhan, InfoNce])
def test_pointwise_mi_of_new_rows_is_near_the_truth(estimator):
    chosen = estimator(**SMALL | {"hidden": (32,)})
    (estimate,) = estimated(chosen, [problem(2000)], steps=300)
    x, y = rows(500, seed=1)
    kept = _loaded(chosen, estimate)
    scored = kept.score({"x": x, "y": y})
    assert np.corrcoef(scored[:, 0], truth(x, y))[0, 1] > 0.95
    assert scored[:, 0].mean() == pytest.approx(truth(x, y).mean(), abs=0.1)


def _loaded(estimator, estimate):
    with tempfile.TemporaryDirectory() as name:
        for path, contents in critic_files(estimator, SIDES, estimate.kept).items():
            place = Path(name, path)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(contents)
        return load_critics(name)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("nwj", {"preprocess": "standardise"}),
        ("tuba", {"preprocess": "none", "norms": False}),
        ("infonce", {"critic": "concat", "norms": False}),
        ("js", {"critic": "bilinear"}),
        ("smile", {"critic": "quadratic"}),
        ("fdime", {"product": "derangement"}),
        ("flo", {}),
        ("mine", {"preprocess": "none"}),
    ],
)
def test_every_critic_and_map_is_kept(name, settings):
    estimator = section_class("estimator", name)(**SMALL | settings)
    (estimate,) = estimated(estimator, [problem()], steps=20)
    x, y = rows(50, seed=2)
    scored = _loaded(estimator, estimate).score({"x": x, "y": y})
    assert np.isfinite(scored).all()
    assert scored[:, 0].std() > 0.01


def test_rows_are_scored_by_the_folds_that_have_not_seen_them(tmp_path):
    estimator = DonskerVaradhan(**SMALL)
    folds = split_into_folds(problem(), 4)
    estimates = estimated(estimator, folds, steps=20)
    pooled = pool(estimates, [len(fold.test) for fold in folds], 0.95)
    assert len(pooled.kept) == 4
    kept = _loaded(estimator, pooled)
    for number, fold in enumerate(folds):
        scored = kept.score({"x": fold.test.x[:, 0].numpy(), "y": fold.test.y[:, 0].numpy()})
        assert scored[:, 1].all()
        alone = _loaded(estimator, estimates[number])
        own = alone.score({"x": fold.test.x[:, 0].numpy(), "y": fold.test.y[:, 0].numpy()})
        only = scored[:, 2] == 1  # rows that lie in no other fold's leftovers
        assert only.mean() > 0.5
        assert scored[only, 0] == pytest.approx(own[only, 0])
    x, y = rows(10, seed=3)
    assert (kept.score({"x": x, "y": y})[:, 2] == 4).all()


def test_rows_that_were_trained_on_are_not_held_out(folder):
    x, y = rows()
    scored = load_critics(folder).score({"x": x, "y": y})
    assert (scored[:250, 1] == 0).all()  # trained on, or chosen by
    assert (scored[250:, 1] == 1).all()
    assert np.isfinite(scored[:, 0]).all()


def test_rows_without_a_value_have_no_score(folder):
    scored = load_critics(folder).score({"x": [1.0, np.nan, 2.0], "y": [1.0, 1.0, np.nan]})
    assert np.isfinite(scored[:, 0]).tolist() == [True, False, False]
    assert scored[1:, 1:].tolist() == [[0, 0], [0, 0]]


# Whole commands


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = rows(200)
    kind = np.where(x > 0, "up", "down")
    pl.DataFrame({"x": x, "kind": kind, "three": list("abca" * 50), "y": y}).write_csv("table.csv")
    return tmp_path


def test_run_keeps_its_critics_and_scores_rows(table, capsys):
    run = ["experiment=estimate", "dataset.path=table.csv", "dataset.x=[x,kind,three]", "dataset.y=[y]"]
    run += ["sweep.estimator=null", "estimator=dv", "estimator.keep=true", "estimator.hidden=[8]", "training.steps=10"]
    assert main([*run, "folds=3", "hydra.run.dir=run", "plots=[]"]) == 0
    assert sorted(path.name for path in (table / "run" / "critic").iterdir()) == [JSON, WEIGHTS]
    capsys.readouterr()
    assert main(["score", "run=run", "data=table.csv", "output=scores.parquet"]) == 0
    assert capsys.readouterr().out == "mi-run: 200 rows: scores.parquet\n"
    scores = pl.read_parquet("scores.parquet")
    assert scores.schema == {"pmi": pl.Float64, "held_out": pl.Boolean, "critics": pl.Int64}
    assert scores["held_out"].all()
    estimate = float(pl.read_csv("run/results.csv")["estimate"][0])
    assert scores["pmi"].mean() == pytest.approx(estimate, abs=0.02)
    new = pl.read_csv("table.csv").with_columns(three=pl.lit("z"))
    new.write_csv("new.csv")
    assert main(["score", "run=run", "data=new.csv", "output=new_scores.csv"]) == 0
    assert pl.read_csv("new_scores.csv")["pmi"].null_count() == 200  # a class that the run did not have


@pytest.mark.parametrize(
    ("more", "accepted"),
    [
        ({}, "dataset=table without transform"),
        ({"noise": {"name": "gaussian", "scale": 0.1}}, "dataset=table without transform, noise=none"),
        ({"estimator": {"critic": "hybrid"}}, "dataset=table without transform, another critic than hybrid"),
    ],
)
def test_keep_needs_a_table_and_a_critic_that_can_be_kept(more, accepted):
    with pytest.raises(ConfigError) as error:
        validate(merged(merged(SMALL_RUN, {"estimator": {"keep": True}}), more))
    (fault,) = [fault for fault in error.value.faults if fault.key == "estimator.keep"]
    assert fault.accepted == accepted


def test_estimators_without_critics_name_those_that_keep_some(table, capsys):
    words = ["experiment=estimate", "dataset.path=table.csv", "sweep.estimator=null", "estimator=gaussian"]
    assert main([*words, "estimator.keep=true"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    start = "mi-run: estimator.keep=true: is a setting of estimators that keep critics; accepted: estimator="
    assert line.startswith(start)
    assert {"dv", "infonce"} <= set(line.removeprefix(start).replace(" or ", ", ").split(", "))
    assert "gaussian" not in line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run=.", "data=table.csv", "output=s.csv"], ".: has no critics (critic.json)"),
        (["run=.", "data=table.csv", "output=s.csv", "extra=refuse"], "extra=refuse: is no setting"),
        (["run=kept", "data=other.csv", "output=s.csv"], "data=other.csv: column x is absent"),
        (["run=kept", "data=text.csv", "output=s.csv"], "data=text.csv: column x holds text values; accepted: number"),
        (["run=kept", "data=no.csv", "output=s.csv"], "data=no.csv: no such file"),
        ([], "run: is not given; use mi-run score run=FOLDER data=new.csv output=scores.csv"),
    ],
)
def test_bad_words_are_one_line(table, dv, capsys, words, line):
    for path, contents in critic_files(dv[0], SIDES, dv[1].kept).items():
        (table / "kept" / path).parent.mkdir(parents=True, exist_ok=True)
        (table / "kept" / path).write_bytes(contents)
    (table / "other.csv").write_text("y,z\n1,2\n")
    (table / "text.csv").write_text("x,y\na,1\nb,2\n")
    assert main(["score", *words]) == 2
    assert capsys.readouterr().err.startswith(f"mi-run: {line}")


# Folders of others


def refusal(folder):
    with pytest.raises(ConfigError) as error:
        load_critics(folder)
    (line,) = error.value.lines
    return line


def rewrite(folder, change):
    path = folder / "critic" / JSON
    described = json.loads(path.read_text())
    change(described)
    path.write_text(json.dumps(described))


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(code="import os"),
        lambda v: v.update(x=[]),
        lambda v: v.update(x=v["x"] * 2),
        lambda v: v["y"][0].update(classes=["a", "b", "c"]),
        lambda v: v.update(partitions=[]),
        lambda v: v.update(partitions=[0.0, 0.0]),
        lambda v: v.update(weights="0" * 64),
        lambda v: v["estimator"].update(name="ksg"),
        lambda v: v["estimator"].update(name="os:system"),
        lambda v: v["estimator"].update(hidden=[17]),
        lambda v: v["estimator"].update(hidden=[10**9, 10**9]),
        lambda v: v["estimator"].update(critic="hybrid"),
        lambda v: v["estimator"].update(preprocess="standardise"),
        lambda v: v["estimator"].update(norms=False),
        lambda v: v["estimator"].update(_target_="os.system"),
        lambda v: v.pop("estimator"),
    ],
)
def test_other_descriptions_are_refused(folder, change):
    rewrite(folder, change)
    refusal(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.pop("0.parameters"),
        lambda w: w.update({"0.parameters": w["0.parameters"][1:].clone()}),
        lambda w: w.update({"0.parameters": torch.full_like(w["0.parameters"], torch.nan)}),
        lambda w: w.update({"0.reference": w["0.reference"][:0].clone()}),
        lambda w: w.update({"0.reference": w["0.reference"][:, 0].clone()}),
        lambda w: w.update({"0.seen": w["0.seen"].double()}),
        lambda w: w.update({"0.x.counts": torch.tensor([1])}),
        lambda w: w.update({"0.x.counts": torch.tensor([-1, 201])}),
        lambda w: w.update({"0.x.values": w["0.x.values"].flip(0)}),
        lambda w: w.update({"0.y.length.sd": torch.zeros(1)}),
        lambda w: w.pop("0.y.length.mean"),
        lambda w: w.update({"0.x.more": torch.zeros(1)}),
    ],
)
def test_other_weights_are_refused(folder, change):
    path = folder / "critic" / WEIGHTS
    weights = load_file(path)
    change(weights)
    save_file(weights, path)
    rewrite(folder, lambda v: v.update(weights=hashlib.sha256(path.read_bytes()).hexdigest()))
    refusal(folder)


@pytest.mark.parametrize("name", [WEIGHTS, JSON])
def test_pickles_pipes_and_links_are_refused(folder, tmp_path, name):
    path = folder / "critic" / name
    path.write_bytes(pickle.dumps({"a": 1}))
    refusal(folder)
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    assert "leads out" in refusal(folder)
    path.unlink()
    os.mkfifo(path)
    assert "no regular file" in refusal(folder)


def test_fresh_rows_have_a_reference_as_well():
    source = torch.Generator().manual_seed(0)

    def draw(n):
        x, noise = torch.randn(2, n, 1, generator=source)
        return Rows(x, 0.5 * x + noise)

    fixed = problem()
    fresh = Problem(1, 1, None, Draw(draw, source), fixed.val, fixed.test, fixed.init, fixed.order, lr=0.01)
    (estimate,) = estimated(DonskerVaradhan(**SMALL), [fresh], steps=3)
    assert estimate.kept[0].reference.shape == (256, 1)
