"""The code stays small: short files, in packages."""

from __future__ import annotations

from examples import TESTS

PACKAGE = TESTS.parent / "mi_cli"
SOURCES = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
LINES_OF_A_MODULE = 400
MODULES_OUTSIDE_PACKAGES = 12


def test_modules_are_short():
    long = {name: lines for name, source in SOURCES.items() if (lines := len(source.splitlines())) > LINES_OF_A_MODULE}
    assert long == {}


def test_modules_are_in_packages():
    assert len([name for name in SOURCES if "/" not in name]) <= MODULES_OUTSIDE_PACKAGES
