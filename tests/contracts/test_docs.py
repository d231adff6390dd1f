"""The documentation holds together: links lead somewhere, commands compose, code is code, and the README is short."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import polars as pl
import pytest
import yaml
from markdown_it import MarkdownIt

from mi_cli import __version__
from mi_cli.cli.arguments import arguments
from mi_cli.cli.short_commands import SHORT, expanded, is_table
from mi_cli.compose.composer import Composer
from mi_cli.compose.resolve import resolve
from mi_cli.registry.builtin import PROCEDURES

# They compose hundreds of commands by lines that tests/unit/compose covers, and tracing them would double their time.
pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))  # whose cells are executed when the site is built
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *TUTORIALS])
EXPERIMENTS = sorted((ROOT / "configs" / "experiment").glob("*.yaml"))
README_LINES = 120
SENTENCE_WORDS = 30
OTHERS = [["list"], ["schema"], ["show"], ["open"]]  # commands that run no experiment

FENCE = re.compile(r"^(`{3,})(\w*)[^\n]*\n(.*?)^\1 *$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^()\s]+)\)|!\[[^\]]*\]\(([^()\s]+)\)")
ABBREVIATION = re.compile(r"\b(?:al|cf|e\.g|i\.e|vs)\.$")
PLACEHOLDER = re.compile(r"[<>…]|\.\.\.|\b[A-Z]{3,}(_[A-Z]+)*\b")
EXTRAS = {  # overrides that need more than mi-run itself, and what they need
    "hydra/launcher=joblib": "hydra_plugins.hydra_joblib_launcher",
    "hydra/launcher=submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "hydra/launcher=submitit_slurm": "hydra_plugins.hydra_submitit_launcher",
    "search=optuna": "optuna",
    "tracker=mlflow": "mlflow",
    "tracker=tensorboard": "tensorboard",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^ {4}.*$", "", FENCE.sub("", text(path)), flags=re.MULTILINE)


def blocks(path: Path, language: str) -> list[str]:
    return [found[3] for found in FENCE.finditer(text(path)) if found[2] == language]


@cache
def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as the usual hosts make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE):
        bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", bare.strip().lower()).replace(" ", "-")
        found.add(anchor if anchor not in found else f"{anchor}-1")
    return found


def links(path: Path) -> Iterator[str]:
    for found in LINK.finditer(re.sub(r"`[^`]*`", "", prose(path))):
        target = found[1] or found[2]
        if not re.match(r"[a-z]+:", target):
            yield target


def commands(path: Path) -> Iterator[str]:
    """The lines of blocks of code that run ``mi-run``, and commands within the prose, without their comments.

    Two spaces end a command: what stands after them says what it does.
    """
    executed = ("bash", "python") if path in TUTORIALS else ()
    code = [
        *(found[3] for found in FENCE.finditer(text(path)) if found[2] not in executed),
        *re.findall(r"(?:^ {4}.*\n)+", text(path), re.MULTILINE),
    ]
    for line in re.sub(r" *\\\n *", " ", "\n".join(code)).splitlines():
        for part in line.split("&&"):
            if part.strip().startswith("mi-run "):
                yield re.split(r" # |  ", part.strip())[0].strip()
    for found in re.findall(r"`(mi-run [^`]+)`", prose(path)):
        yield " ".join(found.split())


SHOWN = sorted({(command, name(path)) for path in PAGES for command in commands(path)})
TABLES = {f"experiment={path.stem}" for path in EXPERIMENTS if "override /dataset: table" in text(path)}
COMPLETE = [(command, page) for command, page in SHOWN if not PLACEHOLDER.search(command)]


def single(override: str) -> str:
    """The first of the comma-separated values of a multirun."""
    key, _, value = override.partition("=")
    return override if value[:1] in ("[", "{", "'", '"') else f"{key}={value.partition(',')[0]}"


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_somewhere(path):
    lost = []
    for target in links(path):
        file, _, anchor = unquote(target).partition("#")
        page = (path.parent / file).resolve() if file else path
        if not page.exists() or (anchor and anchor not in anchors(page)):
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize(("command", "page"), COMPLETE)
def test_command_composes(command, page, monkeypatch):
    monkeypatch.delenv("MI_CONFIG_PATH", raising=False)
    typed = shlex.split(command, comments=True)[1:]
    if "--help" in typed or typed[:1] in OTHERS:
        assert typed in ([[short, "--help"] for short in SHORT] + [["--help"], *OTHERS])
        return
    if len(typed) == 1 and is_table(typed[0]):
        return
    args = arguments(expanded(typed))
    overrides = [single(text) if args.multirun else text for text in args.overrides]
    for override in overrides:
        if override in EXTRAS and importlib.util.find_spec(EXTRAS[override].partition(".")[0]) is None:
            pytest.skip(f"needs {EXTRAS[override]}")
    if any(text in TABLES or text.startswith("dataset.path=") for text in overrides):
        Composer.of_folder().compose(overrides)  # resolving it would look for the file
    elif overrides:
        resolve([*overrides, "++sweep.seed=[0]"])  # of many seeds one will do


SMALL = ("budget=smoke", "plots=[]", "threads=1")


@pytest.fixture
def site(monkeypatch):
    """The module that executes commands and code when the site is built."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return importlib.import_module("commands")


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path not in TUTORIALS and path.name != "CONTRIBUTING.md"], ids=name
)
def test_the_site_executes_every_command_of_a_block(site, path):
    """Those of the prose are composed above."""
    in_prose = {" ".join(found.split()) for found in re.findall(r"`(mi-run [^`]+)`", prose(path))}
    assert set(commands(path)) - in_prose <= set(site.commands(text(path)))


def test_the_site_finds_commands_and_code(site):
    shell = "```bash\nmi-run experiment=b \\\n  c=1  says so\n```\n"
    page = f"    mi-run a  # it\n\n```python\nmi-run = 1\n```\n\n{shell}\n```text\nmi-run: folder\n  mi-run d\n```\n"
    assert list(site.commands(page)) == ["mi-run a", "mi-run experiment=b c=1", "mi-run d"]
    assert site.python_blocks(page) == ["mi-run = 1\n"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("mi-run a.csv", ["a.csv"]),
        ("mi-run estimate a.csv --y b", ["estimate", "a.csv", "--y", "b", *SMALL]),
        ("mi-run -m experiment=a 'b=1,2'", ["-m", "experiment=a", "b=1,2", *SMALL]),
        ("mi-run experiment=a training.steps=800", ["experiment=a", *SMALL]),
        ("mi-run experiment=a 'sweep.seed=[0,1,2,3,4]'", ["experiment=a", "sweep.seed=[0,1,2,3,4]", "plan=true"]),
        ("mi-run experiment=off_benchmark a=1", ["experiment=off_benchmark", "a=1", "plan=true"]),
        ("mi-run experiment=a budget=smoke", ["experiment=a", *SMALL]),
        ("mi-run lags a.csv --time t", ["lags", "a.csv", "--time", "t", *SMALL]),
        ("mi-run lags --help", ["lags", "--help"]),
        ("mi-run encode run=FOLDER data=b.csv", ["encode", "run=folder", "data=b.csv"]),
    ],
)
def test_what_the_site_types(site, command, words):
    assert site.typed(command) == ["mi-run", *words]


@pytest.mark.parametrize(("part", "failed"), [("sys.exit(3)", 1), ("1 / 0", 1), ("None", 0)])
def test_the_site_counts_what_fails(site, capfd, part, failed):
    assert site._failed([lambda: eval(part, {"sys": sys})], 1) == failed
    assert ("exit code" in capfd.readouterr().out) == bool(failed)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_files_that_are_named_exist(path):
    tops = ("mi_cli/", "configs/", "tests/", ".ci/")
    named = [file for file in re.findall(r"`([\w./-]+)`", prose(path)) if "/" in file]
    if path.name == "architecture.md":  # which leaves out mi_cli/
        named = [file if file.startswith(tops) else f"mi_cli/{file}" for file in named]
    lost = [file for file in named if file.startswith(tops) and not (ROOT / file).exists()]
    assert [file for file in lost if Path(file).stem not in ("x", "published_x", "NAME")] == []  # yet to be written


def test_commands_are_found():
    """A pattern that finds nothing would pass every other test."""
    assert len(COMPLETE) > 25
    assert any(page == "README.md" for _, page in COMPLETE)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_code_is_code(path):
    for block in blocks(path, "python"):
        compile(re.sub(r"^%%.*", "", block), name(path), "exec")  # of a cell that begins with a magic, the rest
    for block in blocks(path, "yaml"):
        yaml.safe_load(block)


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """The module of the classes and functions that the page on extending shows."""
    code = [block for block in blocks(ROOT / "docs" / "extending.md", "python") if "mi_cli.testing" not in block]
    (tmp_path / "shown_in_docs.py").write_text("\n\n".join(code), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shown_in_docs", raising=False)
    return importlib.import_module("shown_in_docs")


def test_classes_that_are_shown_keep_their_contracts(shown, monkeypatch):
    from mi_cli.testing import check_dataset, check_estimator, check_procedure

    monkeypatch.setitem(PROCEDURES, "shuffled", "shown_in_docs:Shuffled")
    check_dataset(shown.AddedUniform)
    check_estimator(shown.GaussianFit)
    check_procedure(shown.Shuffled)


def test_plot_that_is_shown_draws(shown):
    figure = shown.histograms(SimpleNamespace(samples=pl.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 1.0, 3.0]})))
    assert [ax.get_xlabel() for ax in figure.axes] == ["x", "y"]


def test_experiment_that_is_shown_composes(tmp_path, monkeypatch):
    (shown,) = (block for block in blocks(ROOT / "docs" / "extending.md", "yaml") if "@package _global_" in block)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "shown.yaml").write_text(shown, encoding="utf-8")
    monkeypatch.setenv("MI_CONFIG_PATH", str(tmp_path))
    assert resolve(["experiment=shown"]).values["claims"]


def paragraphs(markdown: str) -> Iterator[str]:
    """Paragraphs, and items of lists, without headings, tables, blocks of code and pictures. Code is a word: CODE."""
    within = 0
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type.startswith(("table", "heading")):
            within += token.nesting
        elif token.type == "inline" and not within:
            spoken = {"code_inline": "CODE", "softbreak": " ", "hardbreak": " ", "image": "", "html_inline": ""}
            yield "".join(spoken.get(part.type, part.content) for part in token.children)


def sentences(paragraph: str) -> Iterator[str]:
    """The sentences of a paragraph. A sentence may begin with a small letter, as a variable or a number does."""
    words: list[str] = []
    for word in paragraph.split():
        words.append(word)
        bare = word.rstrip(")]\"'”’*_")
        if bare.endswith((".", "!", "?")) and not ABBREVIATION.search(bare):
            yield " ".join(words)
            words = []
    if words:
        yield " ".join(words)


def length(sentence: str) -> int:
    """The number of words and numbers. Names in code, one after another, are a list that is read as one."""
    listed = re.sub(r"CODE(?:,? (?:and |or )?CODE)+", "CODE", sentence)
    return sum(re.search(r"\w", word) is not None for word in listed.split())


def too_long(markdown: str) -> list[str]:
    return [
        sentence
        for paragraph in paragraphs(markdown)
        for sentence in sentences(paragraph)
        if length(sentence) > SENTENCE_WORDS
    ]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_sentences_are_short(path):
    assert too_long(text(path)) == []


@pytest.mark.parametrize(
    ("markdown", "long"),
    [
        ("word " * 30 + "end.", 1),
        ("word " * 15 + "end. x " + "word " * 15 + "end.", 0),  # a sentence that begins with a variable
        ("word " * 15 + "(Author et al. 2018) " + "word " * 15 + "end.", 1),
        ("word " * 15 + '"quoted." ' + "word " * 15 + "end.", 0),
        ("- " + "word " * 20 + "\n- " + "word " * 20, 0),
        ("- " + "word " * 20 + "\n  " + "word " * 20, 1),
        ("> " + "word " * 31, 1),
        ("# " + "word " * 40 + "\n\n    " + "word " * 40 + "\n\n```text\n" + "word " * 40 + "\n```", 0),
        ("| a |\n|---|\n| " + "word " * 40 + "|", 0),
        ("word " * 25 + "`a`, `b`, `c`, `d`, `e` and `f g h` = 1 − 2.", 0),
        ("word " * 28 + "is [a link](there.md) here.", 1),
    ],
)
def test_long_sentences_are_found(markdown, long):
    assert len(too_long(markdown)) == long


def test_versions_agree():
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    citation = yaml.safe_load(text(ROOT / "CITATION.cff"))
    released = re.findall(r"^## (\d\S*) \((\S+)\)$", text(ROOT / "CHANGELOG.md"), flags=re.MULTILINE)
    assert project["version"] == citation["version"] == __version__
    assert released[0] == (__version__, str(citation["date-released"]))
    assert f"version {__version__}" in text(ROOT / "docs" / "stability.md")


def test_readme_is_short():
    assert len(text(ROOT / "README.md").splitlines()) <= README_LINES


def test_readme_lists_every_page():
    assert {target.partition("#")[0] for target in links(ROOT / "README.md")} >= {
        name(path) for path in PAGES if path.is_relative_to(ROOT / "docs")
    }


def glossary() -> dict[str, str]:
    """The terms of the glossary, in small letters, and their anchors."""
    headings = re.findall(r"^## (.+)$", text(ROOT / "docs" / "glossary.md"), flags=re.MULTILINE)
    return {heading.lower(): re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def uses(markdown: str, term: str) -> bool:
    """Whether the prose has a term of the glossary, also in the plural. A part of a longer term is not a use of it."""
    prose = " ".join(paragraphs(markdown)).lower()
    for longer in sorted(glossary(), key=len, reverse=True):
        if term in longer and term != longer:
            prose = re.sub(rf"\b{longer}s?\b", " ", prose)
    return re.search(rf"\b{term}s?\b", prose) is not None


def test_terms_are_defined_and_in_order():
    terms = list(glossary())
    assert len(terms) > 50
    assert terms == sorted(terms)


@pytest.mark.parametrize("term", ["critic", "nat", "lower bound", "training, validation and test rows"])
def test_uses_of_terms_are_found(term):
    assert uses(f"There are [{term}s](docs/glossary.md) here.", term)
    assert not uses(f"There is `{term}`, and _{term}ally_ and lower confidence bounds.", term)


@pytest.mark.parametrize("term", glossary())
def test_readme_links_the_terms_that_it_uses(term):
    readme = text(ROOT / "README.md")
    assert not uses(readme, term) or f"docs/glossary.md#{glossary()[term]}" in set(links(ROOT / "README.md"))


def test_experiments_are_documented():
    pages = text(ROOT / "docs" / "experiments.md")
    assert [
        path.stem for path in (ROOT / "configs" / "experiment").glob("*.yaml") if f"`{path.stem}`" not in pages
    ] == []


@pytest.mark.parametrize(("group", "page"), [("estimator", "estimators"), ("dataset", "datasets")])
def test_options_are_documented(group, page):
    described = text(ROOT / "docs" / f"{page}.md")
    options = [path.stem for path in (ROOT / "configs" / group).glob("*.yaml")]
    assert [option for option in options if not re.search(rf"`({group}=)?{option}`", described)] == []
