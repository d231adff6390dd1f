import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from mi_cli import ConfigError
from mi_cli.representations import (
    ColumnEncoder,
    EncoderShape,
    EncodingTask,
    KeptEncoder,
    encoder_files,
    fit_encoders,
    load_encoder,
    save_encoder,
)
from mi_cli.representations.objectives.autoencoder import Autoencoder
from mi_cli.representations.objectives.two_table import TwoTable
from mi_cli.tabular.in_memory import named_columns
from mi_cli.training.context import Context
from mi_cli.training.settings import Training

WEIGHTS, JSON = "weights.safetensors", "encoder.json"


def table(n=60, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n).round(3)
    return pl.DataFrame(
        {"size": np.where(rng.random(n) < 0.1, np.nan, size), "mass": rng.gamma(2, size=n), "sex": list("mfu" * 20)[:n]}
    ).with_columns(pl.col("size").fill_nan(None))


def trained(objective=None, **fields):
    encoding = ColumnEncoder.fit(named_columns(table()))
    x = encoding.transform(named_columns(table()))
    shape = EncoderShape(dim=3, hidden=(5,), **fields)
    task = EncodingTask(x, encoding.groups, x[:10], names=encoding.names)
    chosen = objective or Autoencoder()
    context = Context(torch.device("cpu"))
    (encoder,) = fit_encoders(chosen, shape, [task], Training(steps=3, batch=32), context)
    return encoder, encoding, chosen


@pytest.fixture
def folder(tmp_path):
    save_encoder(tmp_path / "run", *trained(), fingerprint="abc")
    return tmp_path / "run"


def test_kept_encoder_has_the_same_codes_bit_for_bit(folder):
    encoder, encoding, _ = trained()
    expected = encoder.codes(encoding.transform(named_columns(table())))
    for place in (folder, folder / "encoder", str(folder)):
        assert (load_encoder(place).transform(table()) == expected).all()


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh", "elu"])
def test_activations_are_those_of_training(tmp_path, activation):
    encoder, encoding, objective = trained(activation=activation)
    save_encoder(tmp_path, encoder, encoding, objective)
    assert load_encoder(tmp_path).network.shape.activation == activation


def test_parts_are_kept(tmp_path):
    encoder, encoding, objective = trained(TwoTable(first=("mass",)))
    save_encoder(tmp_path, encoder, encoding, objective)
    kept = load_encoder(tmp_path)
    assert kept.network.parts == encoder.parts
    assert len(kept.network.parts) == 2
    expected = encoder.codes(encoding.transform(named_columns(table())))
    assert (kept.transform(table()) == expected).all()


def test_folder_says_what_the_encoder_is(folder):
    kept = load_encoder(folder)
    assert isinstance(kept, KeptEncoder)
    assert kept.names == ("size", "mass", "sex")
    assert kept.code_names == ("z_0", "z_1", "z_2")
    assert kept.fingerprint == "abc"
    assert kept.objective["name"] == "autoencoder"
    assert set(kept.versions) == {"mi-cli", "torch", "python"}
    assert sorted(path.name for path in (folder / "encoder").iterdir()) == [JSON, WEIGHTS]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather"])
def test_files_are_encoded_in_batches_as_frames_are_at_once(folder, tmp_path, monkeypatch, suffix):
    rows = pl.concat([table(seed=seed) for seed in range(60)])  # 3,600 rows
    path = tmp_path / f"rows.{suffix}"
    {"csv": rows.write_csv, "parquet": rows.write_parquet, "feather": rows.write_ipc}[suffix](path)
    kept = load_encoder(folder)
    monkeypatch.setattr("mi_cli.representations.kept._MOST_NUMBERS", 1)
    batches = list(kept.batches(path))
    assert [len(batch) for batch in batches] == [1024, 1024, 1024, 528]
    assert (np.concatenate(batches) == kept.transform(rows)).all()
    assert (kept.transform(path) == kept.transform(rows)).all()


def test_numpy_file_is_encoded_by_the_names_of_its_arrays(folder, tmp_path):
    rows = table()
    arrays = {"mass": rows["mass"].to_numpy(), "sex": rows["sex"].to_numpy().astype("U1")}
    np.savez(tmp_path / "rows.npz", size=rows["size"].fill_null(np.nan).to_numpy(), **arrays)
    kept = load_encoder(folder)
    assert (kept.transform(tmp_path / "rows.npz") == kept.transform(rows)).all()


def test_text_of_a_batch_that_looks_like_numbers_stays_text(tmp_path):
    labels = np.array(["7", "8", "x"] * 20)
    encoding = ColumnEncoder.fit(named_columns({"a": np.arange(60.0) / 7, "c": labels}))
    x = encoding.transform(named_columns({"a": np.arange(60.0) / 7, "c": labels}))
    task = EncodingTask(x, encoding.groups, x[:0])
    (encoder,) = fit_encoders(
        Autoencoder(), EncoderShape(dim=2), [task], Training(steps=1), Context(torch.device("cpu"))
    )
    save_encoder(tmp_path, encoder, encoding, Autoencoder())
    (tmp_path / "new.csv").write_text("a,c\n1,7\n2, 8\n3,\n")
    kept = load_encoder(tmp_path)
    expected = kept.transform({"a": [1.0, 2.0, 3.0], "c": np.array(["7", "8", None], object)})
    assert (kept.transform(tmp_path / "new.csv") == expected).all()


def test_arrays_have_the_columns_in_order(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2))
    encoding = ColumnEncoder.fit(named_columns(x))
    encoded = encoding.transform(named_columns(x))
    task = EncodingTask(encoded, encoding.groups, encoded[:5])
    (encoder,) = fit_encoders(
        Autoencoder(), EncoderShape(dim=2), [task], Training(steps=1), Context(torch.device("cpu"))
    )
    save_encoder(tmp_path, encoder, encoding, Autoencoder())
    kept = load_encoder(tmp_path)
    assert (kept.transform(x) == kept.transform({"x_1": x[:, 1], "x_0": x[:, 0]})).all()
    with pytest.raises(ConfigError, match="has 3 columns"):
        kept.transform(rng.normal(size=(5, 3)))


def test_other_columns_are_logged_once_or_refused(folder, caplog):
    kept = load_encoder(folder)
    more = table().with_columns(extra=pl.lit(1))
    for _ in range(2):
        kept.transform(more)
    assert [record.getMessage() for record in caplog.records] == [
        "columns that the encoder does not take are ignored: extra"
    ]
    with pytest.raises(ConfigError, match="extra"):
        kept.transform(more, extra="refuse")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop("mass"), "column mass is absent"),
        (lambda frame: frame.with_columns(mass=pl.col("sex")), "column mass"),
        (lambda frame: frame.with_columns(sex=pl.col("mass")), "column sex holds numbers"),
    ],
)
def test_columns_of_new_rows_are_one_line(folder, tmp_path, change, words):
    kept = load_encoder(folder)
    changed = change(table())
    changed.write_parquet(tmp_path / "new.parquet")
    for rows in (changed, tmp_path / "new.parquet"):
        with pytest.raises(ConfigError, match=words) as error:
            kept.transform(rows)
        assert len(error.value.lines) == 1
    assert "dataset.path" not in str(error.value)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather"])
@pytest.mark.parametrize(
    ("sex", "words"),
    [
        (["3.5"] * 60, "column sex holds numbers (3.5), and none of its classes; accepted: f, m, u, as in"),
        (["7", "8", None] * 20, "column sex holds numbers (7, 8), and none"),
        (["x", "y", None] * 20, "column sex holds text (x, y), and none of its classes"),
    ],
)
def test_columns_with_none_of_their_classes_are_refused_in_all_files(folder, tmp_path, suffix, sex, words):
    rows, path = table().with_columns(sex=pl.Series(sex, dtype=pl.String)), tmp_path / f"new.{suffix}"
    {"csv": rows.write_csv, "parquet": rows.write_parquet, "feather": rows.write_ipc}[suffix](path)
    kept = load_encoder(folder)
    for given, start in ((path, f"data={path}: "), (rows, "")):
        with pytest.raises(ConfigError) as error:
            kept.transform(given)
        assert str(error.value).startswith(f"{start}{words}")


def test_batches_may_have_new_classes_only(folder, tmp_path, monkeypatch):
    new = table().with_columns(sex=pl.Series(["x", "y"] * 30))
    rows = pl.concat([new] * 20 + [table()])
    rows.write_csv(tmp_path / "new.csv")
    monkeypatch.setattr("mi_cli.representations.kept._MOST_NUMBERS", 1)
    kept = load_encoder(folder)
    assert (kept.transform(tmp_path / "new.csv") == kept.transform(rows)).all()


def test_a_single_new_class_is_accepted(folder):
    kept = load_encoder(folder)
    one, other = (kept.transform(table().with_columns(sex=pl.lit(name))) for name in ("x", "y"))
    assert (one == other).all()


def test_columns_of_unequal_lengths_are_refused(folder):
    with pytest.raises(ConfigError) as error:
        load_encoder(folder).transform({"size": [1.0, 2.0], "mass": [1.0, 2.0, 3.0], "sex": ["f", "m"]})
    assert error.value.lines == (
        "x: has columns of different lengths (size 2, mass 3); accepted: as many values in each",
    )


def test_a_run_may_keep_several(tmp_path):
    encoder, encoding, objective = trained()
    files = encoder_files(encoder, encoding, objective) | encoder_files(encoder, encoding, TwoTable(), name="second")
    assert sorted(files) == [f"encoder/{name}" for name in (JSON, f"second/{JSON}", f"second/{WEIGHTS}", WEIGHTS)]
    for path, contents in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(contents)
    assert load_encoder(tmp_path).objective["name"] == "autoencoder"
    assert load_encoder(tmp_path / "encoder" / "second").objective["name"] == "two_table"


def test_diverged_encoders_are_not_kept(tmp_path):
    encoder, encoding, objective = trained()
    broken = type(encoder)(encoder.shape, encoder.columns, {}, encoder.parts, status="diverged", reason="at step 3")
    with pytest.raises(ValueError, match="at step 3"):
        save_encoder(tmp_path, broken, encoding, objective)
    other = ColumnEncoder.fit(named_columns({"a": np.arange(30.0)}))
    with pytest.raises(ValueError, match="columns"):
        save_encoder(tmp_path, encoder, other, objective)
    assert not (tmp_path / "encoder").exists()


# Codes in other processes


ELSEWHERE = """
import os, sys, torch
from mi_cli.representations import load_encoder
for threads in (int(sys.argv[3]), 2):
    torch.set_num_threads(threads)
    sys.stdout.buffer.write(load_encoder(sys.argv[1]).transform(sys.argv[2]).tobytes())
sys.stdout.flush()
os._exit(0)  # to take torch down takes half a second
"""


def test_codes_are_the_same_in_other_processes(folder, tmp_path):
    rows = pl.concat([table(seed=seed) for seed in range(30)])
    rows.write_csv(tmp_path / "rows.csv")
    here = load_encoder(folder).transform(tmp_path / "rows.csv")
    arguments = [folder, tmp_path / "rows.csv", str(torch.get_num_threads())]
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, *arguments], capture_output=True, check=True)
    same, two_threads = np.frombuffer(done.stdout).reshape(2, *here.shape)
    assert (same == here).all()
    assert two_threads == pytest.approx(here, abs=1e-12)


# Folders of others


class _Code:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


def refusal(folder):
    with pytest.raises(ConfigError) as error:
        load_encoder(folder)
    (line,) = error.value.lines
    assert "\n" not in line
    return line


def checksum(values):
    rest = {key: value for key, value in values.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def rewrite(folder, change, checksum=checksum):
    """Change the JSON, and give it a checksum: by default that of what it says then."""
    path = folder / "encoder" / JSON
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values | {"checksum": checksum(values)}))


def sign(folder):
    """Have the JSON name the weights that are there, as whoever changes them would."""
    digest = hashlib.sha256((folder / "encoder" / WEIGHTS).read_bytes()).hexdigest()
    rewrite(folder, lambda values: values.update(weights=digest))


def test_folder_without_an_encoder(tmp_path):
    assert "has no encoder" in refusal(tmp_path)
    assert "has no encoder" in refusal(tmp_path / "nothing")


@pytest.mark.parametrize("name", [WEIGHTS, JSON])
def test_pickles_are_not_unpickled(folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (folder / "encoder" / name).write_bytes(pickle.dumps(_Code()))
    refusal(folder)
    torch.save(_Code(), folder / "encoder" / name)
    refusal(folder)
    assert not Path("pwned").exists()


@pytest.mark.parametrize("name", [WEIGHTS, JSON])
def test_links_out_of_the_folder_are_not_followed(folder, tmp_path, name):
    path = folder / "encoder" / name
    path.rename(tmp_path / name)
    path.symlink_to(tmp_path / name)
    assert "leads out" in refusal(folder)
    path.unlink()
    path.symlink_to(tmp_path / "absent")
    refusal(folder)


@pytest.mark.parametrize("name", [WEIGHTS, JSON])
def test_pipes_are_not_read(folder, name):
    path = folder / "encoder" / name
    path.unlink()
    os.mkfifo(path)
    assert "no regular file" in refusal(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(code="import os"),
        lambda v: v.update(format=2),
        lambda v: v.pop("weights"),
        lambda v: v.update(weights="0" * 64),
        lambda v: v["shape"].update(dim=4),
        lambda v: v["shape"].update(dim=10**12),
        lambda v: v["shape"].update(dim=-1),
        lambda v: v["shape"].update(hidden=[2] * 1000),
        lambda v: v["shape"].update(name="os:system"),
        lambda v: v["shape"].update(activation="exec"),
        lambda v: v["shape"].update(_target_="os.system"),
        lambda v: v["encoding"]["columns"].pop(),
        lambda v: v["encoding"]["columns"][0].update(scale=-1),
        lambda v: v["encoding"].update(more=[]),
        lambda v: v.update(parts=[]),
        lambda v: v.update(parts=[[True]]),
        lambda v: v.update(parts=[[True] * 6] * 65),
        lambda v: v.update(fingerprint="x" * 501),
        lambda v: v.update(versions={"a": ["b"]}),
    ],
)
def test_other_descriptions_are_refused(folder, change):
    rewrite(folder, change)
    assert "checksum" not in refusal(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["encoding"]["columns"][0].update(median=0.5),
        lambda v: v["shape"].update(activation="relu"),
        lambda v: v["encoding"]["columns"][2]["classes"].reverse(),
        lambda v: v.update(checksum="0" * 64),
    ],
)
def test_descriptions_that_were_changed_are_refused_by_their_checksum(folder, change):
    rewrite(folder, change, lambda values: values["checksum"])
    assert "its contents do not have its checksum" in refusal(folder)
    rewrite(folder, lambda values: None)
    load_encoder(folder)


def test_repeated_classes_are_refused(folder):
    rewrite(folder, lambda values: values["encoding"]["columns"][2].update(classes=["f", "m", "m"]))
    assert "column sex has the class m twice" in refusal(folder)


@pytest.mark.parametrize("place", [5, None, ["run"]])
def test_what_is_no_folder_is_refused(place):
    with pytest.raises(ConfigError) as error:
        load_encoder(place)
    (fault,) = error.value.faults
    assert (fault.key, fault.value) == ("folder", place)


def test_it_is_printed_in_one_line(folder):
    kept = load_encoder(folder)
    assert repr(kept) == "KeptEncoder(objective=autoencoder, dim=3, columns=[size, mass, sex])"
    assert "tensor(" not in repr(kept.network)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"a":' * 100_000,
        "[" * 100_000,
        '{"objective": ' + '{"a":' * 5_000 + "1" + "}" * 5_001,
        '{"format": NaN}',
        "\udcff",
    ],
)
def test_broken_json_is_refused(folder, text):
    (folder / "encoder" / JSON).write_bytes(text.encode(errors="surrogateescape"))
    refusal(folder)


def test_numbers_that_are_not_finite_are_refused(folder):
    path = folder / "encoder" / JSON
    path.write_text(path.read_text().replace('"median": ', '"median": NaN, "name": "b", "x": ', 1))
    refusal(folder)


def test_large_json_is_not_read(folder, monkeypatch):
    monkeypatch.setattr("mi_cli.representations.kept._MOST_JSON", 100)
    assert "is too large" in refusal(folder)


def weights_of(folder):
    return load_file(folder / "encoder" / WEIGHTS)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w | {"layer_0": w["layer_0"].T.contiguous()},
        lambda w: w | {"layer_0": w["layer_0"].double()},
        lambda w: w | {"layer_0": w["layer_0"].half()},
        lambda w: w | {"layer_2": w["layer_0"].clone()},
        lambda w: {"layer_0": w["layer_0"]},
        lambda w: {"../layer_0": w["layer_0"], "layer_1": w["layer_1"]},
        lambda w: w | {"layer_1": torch.full_like(w["layer_1"], torch.nan)},
        lambda w: w | {"layer_1": torch.full_like(w["layer_1"], torch.inf)},
    ],
)
def test_other_weights_are_refused(folder, change):
    save_file(change(weights_of(folder)), folder / "encoder" / WEIGHTS)
    sign(folder)
    refusal(folder)


def with_header(folder, header, data=None):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    contents = (folder / "encoder" / WEIGHTS).read_bytes()
    size = int.from_bytes(contents[:8], "little")
    body = contents[8 + size :] if data is None else data
    (folder / "encoder" / WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + body)
    sign(folder)


def header_of(folder):
    contents = (folder / "encoder" / WEIGHTS).read_bytes()
    return json.loads(contents[8 : 8 + int.from_bytes(contents[:8], "little")])


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\0" * 8,
        (2**63).to_bytes(8, "little") + b"{}",
        (2**40).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (9).to_bytes(8, "little") + b"[" * 9,
        save({}),
    ],
)
def test_broken_files_of_weights_are_refused(folder, contents):
    (folder / "encoder" / WEIGHTS).write_bytes(contents)
    sign(folder)
    refusal(folder)


@pytest.mark.parametrize(
    "offsets", [[0, 0], [0, 10**18], [-4, 136], None, [0], ["0", "140"], [[0], [1]], [0.0, 140.0], [4, 144]]
)
def test_wrong_offsets_are_refused(folder, offsets):
    header = header_of(folder)
    header["layer_0"]["data_offsets"] = offsets
    with_header(folder, header)
    refusal(folder)


def test_overlapping_tensors_and_further_bytes_are_refused(folder):
    header = header_of(folder)
    ends = header["layer_1"]["data_offsets"]
    header["layer_1"]["data_offsets"] = [0, ends[1] - ends[0]]
    with_header(folder, header)
    refusal(folder)
    save_encoder(folder, *trained())
    with_header(folder, header_of(folder), b"\0" * 10_000)
    refusal(folder)


def test_huge_header_is_refused(folder):
    save_encoder(folder, *trained())
    with_header(folder, json.dumps(header_of(folder)).encode() + b" " * (2 << 20))
    refusal(folder)


def test_large_weights_are_not_read(folder):
    def widen(values):
        values["shape"]["hidden"] = [10**6, 10**6]

    rewrite(folder, widen)
    assert "describes" in refusal(folder)
