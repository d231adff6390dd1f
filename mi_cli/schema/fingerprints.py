"""The digest of the code that trials are computed by, which tells whether a recorded trial may be used again."""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import lru_cache
from pathlib import Path

from mi_cli.files import PACKAGE

__all__ = ["TRIAL_CODE", "code"]

# The layers that a trial's numbers come from: science and procedures. ``analysis`` belongs to the science as well, but
# it works on the rows of finished trials. A test compares this with the layers that pyproject.toml declares.
TRIAL_CODE = ("bounds", "datasets", "estimators", "networks", "problems.py", "procedures", "tabular", "training")
_VERSIONS = ("torch", "numpy", "scipy", "scikit-learn")


@lru_cache(maxsize=4)
def code(package: Path = PACKAGE) -> str:
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
