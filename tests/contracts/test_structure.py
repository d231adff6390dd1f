"""The code stays small and in its place: short files and functions, few imports inside functions, tests by module."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from examples import TESTS

from mi_cli.registry.builtin import PROCEDURES

PACKAGE = TESTS.parent / "mi_cli"
SOURCES = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 60
IMPORTS_IN_FUNCTIONS = 60
MODULES_OUTSIDE_PACKAGES = 12
FILES_THAT_NAME_A_PROCEDURE = 3  # its module, the registry, and one more
NAMED = (  # how code names the procedure {name}, which is also a column of results or a verb elsewhere
    r"procedure\W{{0,6}}[!=]?=+\s*[\"']?{name}\b",
    r"procedure\b.*[\"']{name}[\"']",
    r"mi_cli\.procedures(\.| import .*\b){name}\b",
    r"\bname\b.*=\s*[\"']{name}[\"']",
)


@cache  # and not at import: a worker that collects this module may run none of its tests
def trees():
    return {name: ast.parse(source) for name, source in SOURCES.items()}


@cache
def functions():
    return {
        f"{name}:{node.name}": node
        for name, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_unit_tests_are_where_their_modules_are():
    """They bear its name, or that of a package; tests of all that a package has begin with "every"."""
    for path in (TESTS / "unit").rglob("test_*.py"):
        tested = PACKAGE / path.relative_to(TESTS / "unit").with_name(path.stem.removeprefix("test_"))
        if tested.name.startswith("every_"):
            tested = tested.parent
        assert tested.is_dir() or tested.with_suffix(".py").is_file(), path


def test_modules_are_short():
    long = {name: lines for name, source in SOURCES.items() if (lines := len(source.splitlines())) > LINES_OF_A_MODULE}
    assert long == {}


def test_functions_are_short():
    lines = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions().items()}
    assert {name: n for name, n in lines.items() if n > LINES_OF_A_FUNCTION} == {}


def test_imports_stand_at_the_top():
    imports = {
        (name.partition(":")[0], inner.lineno)
        for name, node in functions().items()
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }
    assert len(imports) <= IMPORTS_IN_FUNCTIONS, sorted(imports)


def test_modules_are_in_packages():
    assert len([name for name in SOURCES if "/" not in name]) <= MODULES_OUTSIDE_PACKAGES


@pytest.mark.parametrize("name", PROCEDURES)
def test_procedure_is_named_in_few_places(name):
    patterns = [re.compile(pattern.format(name=name)) for pattern in NAMED]
    naming = {file for file, source in SOURCES.items() if any(pattern.search(source) for pattern in patterns)}
    assert f"procedures/{name}.py" in naming  # so that a pattern finds what it should
    assert "registry/builtin.py" in naming
    assert len(naming) <= FILES_THAT_NAME_A_PROCEDURE, sorted(naming)
