"""Tensors in files of safetensors, which are checked before they are read: a file may come from somebody else.

The files hold numbers and names of tensors, and no code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from mi_cli.errors import ConfigError, Fault
from mi_cli.tabular.source import name_list

__all__ = ["MOST_HEADER", "Layout", "broken_file", "read_file", "tensors_of"]

MOST_HEADER = 1 << 20  # bytes
_MOST_TENSORS = 10_000
_SIZES = {"F32": 4, "F64": 8, "I64": 8}
_NAME = re.compile(r"[\w.]{1,200}")


@dataclass(frozen=True)
class Layout:
    """What a tensor of a file is: its type, as safetensors calls it, and its shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """How many there are."""
        return _SIZES[self.dtype] * int(np.prod(self.shape, dtype=object))


def broken_file(path: Path, problem: str, accepted: str) -> ConfigError:
    """What is wrong with a file, and what is accepted."""
    return ConfigError(Fault(str(path), problem=problem, accepted=accepted))


def read_file(folder: Path, name: str, most: int) -> bytes:
    """The contents of a file of a folder.

    Args:
        folder: that has the file.
        name: of the file.
        most: bytes that it may have.

    Raises:
        ConfigError: it is no regular file, is a link that leads out of the folder, or is too large.
    """
    path = folder / name
    if not path.is_file():  # a pipe would never end
        raise broken_file(path, "is absent, or no regular file", "a file")
    if path.resolve().parent != folder.resolve():
        raise broken_file(path, "is a link that leads out of the folder", "a file")
    try:
        with path.open("rb") as opened:
            contents = opened.read(most + 1)
    except OSError as error:
        raise broken_file(path, f"cannot be read ({error.strerror})", "a readable file") from None
    if len(contents) > most:
        raise broken_file(path, "is too large", f"at most {most:,} bytes")
    return contents


def tensors_of(path: Path, contents: bytes, expected: Mapping[str, Layout] | None = None) -> dict[str, Tensor]:
    """The tensors of a file, all of them finite.

    Args:
        path: of the file, for messages.
        contents: of the file.
        expected: the tensors that it must have; any of types float32, float64 and int64 unless given.

    Raises:
        ConfigError: the file is damaged, has other tensors than expected, or has numbers that are not finite.
    """
    layouts, header_bytes = _layouts(path, contents)
    if expected is not None:
        if set(layouts) != set(expected):
            raise broken_file(path, f"has {name_list(list(layouts)) or 'nothing'}", name_list(list(expected)))
        for name, layout in expected.items():
            if layouts[name] != layout:
                raise broken_file(path, f"{name} is {layouts[name]}", str(layout))
    total = header_bytes + sum(layout.bytes for layout in layouts.values())
    if len(contents) != total:
        raise broken_file(path, "has another size than its tensors", f"{total:,} bytes")
    try:
        tensors: dict[str, Tensor] = load(contents)
    except SafetensorError as error:
        raise broken_file(path, f"cannot be read ({error})", "a file of safetensors") from None
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise broken_file(path, f"{name} has values that are not finite", "finite numbers")
    return tensors


def _layouts(path: Path, contents: bytes) -> tuple[dict[str, Layout], int]:
    """The tensors that the header lists, and the bytes before the first one."""
    size = int.from_bytes(contents[:8], "little")
    if not 0 < size <= min(MOST_HEADER, len(contents) - 8):
        raise broken_file(path, "has no header, or one that is too large", "a file of safetensors")
    try:
        header = json.loads(contents[8 : 8 + size])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or len(header) > _MOST_TENSORS:
        raise broken_file(path, "has a header that cannot be read", "a file of safetensors")
    return {name: _layout(path, name, entry) for name, entry in header.items()}, 8 + size


def _layout(path: Path, name: str, entry: Any) -> Layout:
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(start), int(end)]}:
            sizes_fit = all(type(width) is int and 0 < width < 2**40 for width in shape) and len(shape) <= 4
            if dtype in _SIZES and sizes_fit and _NAME.fullmatch(name):
                layout = Layout(dtype, tuple(shape))
                if end - start == layout.bytes:
                    return layout
    raise broken_file(path, "has a tensor with an unusual name, type, shape or size", "float32, float64 or int64")
