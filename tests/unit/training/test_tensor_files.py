"""Files of tensors: what is read, and what is refused. test_kept.py and test_kept_critics.py have hostile ones."""

import json

import pytest
import torch
from safetensors.torch import save

from mi_cli.errors import ConfigError
from mi_cli.training.tensor_files import Layout, read_file, tensors_of

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2]), "c": torch.ones(1, dtype=torch.float64)}
LAYOUTS = {"a": Layout("F32", (2, 3)), "b": Layout("I64", (2,)), "c": Layout("F64", (1,))}


def test_tensors_come_back(tmp_path):
    (tmp_path / "t").write_bytes(save(TENSORS))
    contents = read_file(tmp_path, "t", 10_000)
    for expected in (None, LAYOUTS):
        tensors = tensors_of(tmp_path / "t", contents, expected)
        assert set(tensors) == set(TENSORS)
        assert all(torch.equal(tensors[name], tensor) for name, tensor in TENSORS.items())
    assert [layout.bytes for layout in LAYOUTS.values()] == [24, 16, 8]


@pytest.mark.parametrize(
    "changed", [{"a": Layout("F64", (2, 3))}, {"a": Layout("F32", (3, 2))}, {"d": Layout("F32", (1,))}]
)
def test_other_tensors_than_expected_are_refused(tmp_path, changed):
    with pytest.raises(ConfigError):
        tensors_of(tmp_path / "t", save(TENSORS), LAYOUTS | changed)


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": torch.ones(2, dtype=torch.bool)},
        {"a/../b": torch.ones(2)},
        {"a": torch.ones(0)},
        {"a": torch.ones(1, 1, 1, 1, 1)},
    ],
)
def test_unusual_tensors_are_refused(tmp_path, tensors):
    with pytest.raises(ConfigError, match="unusual"):
        tensors_of(tmp_path / "t", save(tensors))


def test_tensors_that_overlap_are_refused(tmp_path):
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"a": entry, "b": entry}).encode()
    with pytest.raises(ConfigError, match="cannot be read"):
        tensors_of(tmp_path / "t", len(header).to_bytes(8, "little") + header + bytes(8))


def test_file_that_cannot_be_opened_is_refused(tmp_path, monkeypatch):
    (tmp_path / "t").write_bytes(b"1234")
    with pytest.raises(ConfigError, match="is too large"):
        read_file(tmp_path, "t", 3)

    def refuse(self, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ConfigError, match="Permission denied"):
        read_file(tmp_path, "t", 100)
