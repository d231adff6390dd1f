"""Fingerprints of trials: a recorded trial is used again if its fingerprint is the same.

A fingerprint covers the settings that the numbers depend on, the data, the code that computes them, and packages.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from mi_cli.fields import Affects
from mi_cli.files import PACKAGE
from mi_cli.registry import plugins
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding

__all__ = ["TRIAL_CODE", "code_digest", "fingerprint", "numeric_settings"]

# The layers that a trial's numbers come from: science and procedures. ``analysis`` belongs to the science as well, but
# it works on the rows of finished trials. A test compares this with the layers that pyproject.toml declares.
TRIAL_CODE = (
    *("bounds", "datasets", "estimators", "networks", "problems.py"),
    *("procedures", "representations", "selection", "tabular", "training"),
)
_VERSIONS = ("torch", "numpy", "scipy", "scikit-learn")


def fingerprint(config: Config) -> str:
    """Sixteen hexadecimal digits, equal for trials with the same settings, data, code and packages."""
    values = numeric_settings(config)
    if (data := config.dataset.digest()) is not None:
        values["dataset"]["path"] = data
    added = plugins.used_plugins(config.computed_by)
    text = json.dumps([values, code_digest(), added], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def numeric_settings(config: Config) -> dict[str, Any]:
    """The settings that a trial's numbers depend on, as JSON has them."""
    return config.model_dump(mode="json", exclude=excluding(Affects.NOTHING))


@lru_cache(maxsize=4)
def code_digest(package: Path = PACKAGE) -> str:
    """The digest of all modules that compute a trial, and of the versions of the libraries that they compute with.

    Raises:
        FileNotFoundError: a layer is not where it should be; a digest without it would never change.
    """
    digest = hashlib.sha256()
    for part in TRIAL_CODE:
        modules = sorted((package / part).rglob("*.py")) if not part.endswith(".py") else [package / part]
        if not modules:
            raise FileNotFoundError(f"{package / part} has no modules")
        for path in modules:
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    for name in _VERSIONS:
        digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    return digest.hexdigest()
