"""What all contracts share: how one is named and reported, and the contracts that every class of a config keeps."""

from __future__ import annotations

import atexit
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import FunctionType, ModuleType
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from mi_cli.fields import Section

__all__ = [
    "Case",
    "Check",
    "checks",
    "described",
    "expect",
    "module_is_light",
    "pickled_and_back",
    "run_all",
    "section_contracts",
]


class Case(Protocol):
    """A class under test, with what its contracts need to know of it."""

    @property
    def cls(self) -> type[Any]:
        """The class."""

    @property
    def label(self) -> str:
        """What messages call it."""


@dataclass(frozen=True)
class Check:
    """One contract of one class. Calling it checks the contract.

    Args:
        subject: the class, as messages name it.
        contract: what is promised, in a few words.
        body: what checks it.
    """

    subject: str
    contract: str
    body: Callable[[], None]

    def __call__(self) -> None:
        """Check the contract.

        Raises:
            AssertionError: the contract is broken. The message names the class and the contract.
        """
        try:
            self.body()
        except AssertionError as error:
            raise AssertionError(f"{self}: {error}") from None
        except Exception as error:
            raise AssertionError(f"{self}: raises {type(error).__name__}: {error}") from error

    def __str__(self) -> str:
        """Class and contract."""
        return f"{self.subject}: {self.contract}"


AnyCase = TypeVar("AnyCase", bound=Case)


def checks(case: AnyCase, contracts: Iterable[Callable[[AnyCase], None]]) -> list[Check]:
    """The contracts of a case, each named as its function is."""
    return [Check(case.label, contract.__name__.replace("_", " "), partial(contract, case)) for contract in contracts]


def run_all(chosen: Iterable[Check]) -> None:
    """Call each check in turn; the first that fails raises AssertionError."""
    for check in chosen:
        check()


def expect(condition: object, message: str) -> None:
    """Raise AssertionError with ``message`` unless the condition holds."""
    if not condition:
        raise AssertionError(message)


class SectionCase(Protocol):
    """A section of a config under test."""

    @property
    def cls(self) -> type[Section]:
        """The class."""

    @property
    def label(self) -> str:
        """What messages call it."""

    @property
    def made(self) -> Any:
        """One of its objects."""


def fields_serialise(case: SectionCase) -> None:
    """A run saves its config as JSON and YAML, and reads it again."""
    values = case.made.model_dump(mode="json")
    again = case.cls.model_validate(json.loads(json.dumps(values)))
    expect(again == case.made, f"its fields as JSON, {values}, give another object: {again!r}")


def unknown_fields_are_refused(case: SectionCase) -> None:
    """A key that is mistyped is an error, and no default in its place."""
    values = case.made.model_dump(mode="json") | {"no_such_field": 1}
    try:
        case.cls.model_validate(values)
    except ValidationError:
        return
    raise AssertionError("no_such_field=1 is accepted; expected: a pydantic ValidationError")


def objects_are_immutable(case: SectionCase) -> None:
    """Trials share their sections."""
    try:
        case.made.name = "other"
    except ValidationError:
        return
    raise AssertionError("its fields can be changed; expected: a frozen model, as Section is")


def objects_can_be_pickled(case: SectionCase) -> None:
    """Trials are sent to other processes."""
    expect(pickled_and_back(case.made) == case.made, "comes back from pickle as another object")


def pickled_and_back(value: Any) -> Any:
    """What another process gets that ``value`` is sent to. Only this module unpickles, and only what it has pickled."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301


def name_is_a_default(case: SectionCase) -> None:
    """A config chooses the class by its name."""
    expect(isinstance(case.made.name, str) and case.made.name, f"its name is {case.made.name!r}; expected: text")


def import_is_light(case: SectionCase) -> None:
    """Configs are validated before torch is imported."""
    module_is_light(case.cls.__module__)


def module_is_light(module: str) -> None:
    """Raise AssertionError if a module imports torch, unless it is a module of tests, which imports this package.

    A module that only this process knows is not imported anew.
    """
    loaded = sys.modules[module]
    if module != "__main__" and getattr(loaded, "__spec__", None) is not None and not _uses_contracts(loaded):
        light, fault = _imported_alone(module)
        expect(light, f"module {module} {fault}")


def _uses_contracts(module: ModuleType) -> bool:
    """Whether a module has names of this package, as those of tests do: it need not be imported anew to find out."""
    names = (value.__module__ for value in vars(module).values() if isinstance(value, FunctionType | type))
    return any(name.startswith("mi_cli.testing") for name in names if isinstance(name, str))


# A fresh interpreter, with what every module of a config imports. It forks itself for each module that it is asked for,
# and answers in JSON: whether torch is loaded then, or why the module cannot be imported.
_IMPORTER = """
import importlib, json, os, sys, traceback
sys.path[:] = json.loads(sys.argv[1])
import numpy, mi_cli.fields
answers = os.dup(1)
os.dup2(2, 1)
for line in sys.stdin:
    if (child := os.fork()) == 0:
        module, sys.path[:] = json.loads(line)
        try:
            importlib.import_module(module)
            answer = "torch" in sys.modules and "mi_cli.testing" not in sys.modules
        except BaseException:
            answer = traceback.format_exc().strip()
        os.write(answers, (json.dumps(answer) + chr(10)).encode())
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        os.write(answers, (json.dumps("its process died") + chr(10)).encode())
"""


@cache
def _importer() -> subprocess.Popen[str]:
    """The process that imports modules. It ends with this one, and not by Ctrl-C or what a notebook's end sends."""
    command, pipe = [sys.executable, "-c", _IMPORTER, json.dumps(sys.path)], subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)  # noqa: S603
    atexit.register(process.communicate)
    return process


@cache
def _imported_alone(module: str) -> tuple[bool, str]:
    """Whether a fresh interpreter can import a module without torch, and what is wrong otherwise."""
    process = _importer()
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 (for the type checker)
    print(json.dumps([module, sys.path]), file=process.stdin, flush=True)
    answer = json.loads(process.stdout.readline())
    if isinstance(answer, str):
        return False, f"cannot be imported alone: {answer}"
    return not answer, "imports torch; expected: `from mi_cli.lazy import torch`"


section_contracts: tuple[Callable[[Any], None], ...] = (
    name_is_a_default,
    fields_serialise,
    unknown_fields_are_refused,
    objects_are_immutable,
    objects_can_be_pickled,
    import_is_light,
)


def described(fields: Mapping[str, Any]) -> str:
    """Fields as one would type them, in brackets; nothing where there are none."""
    return f"({', '.join(f'{key}={value!r}' for key, value in fields.items())})" if fields else ""
