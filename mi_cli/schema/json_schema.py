"""The JSON Schema of an experiment file, for editors that complete and check YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mi_cli._version import __version__
from mi_cli.registry.lookup import classes
from mi_cli.schema.config import Config

__all__ = ["experiment_schema"]

_SECTIONS = ("estimator", "dataset")  # whose class depends on their name
_OF_HYDRA = {
    "defaults": {"type": "array", "description": "options of groups, such as - override /estimator: mine"},
    "hydra": {"type": "object", "description": "settings of Hydra"},
}


def experiment_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a file in ``configs/experiment``; also of options that other packages add.

    A file has some of the settings of a config, and the options of its defaults have the rest, so that nothing is
    required. Whether values fit together is checked by ``mi-run`` alone.
    """
    schema = Config.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    for section in _SECTIONS:
        schema["properties"][section] = {"anyOf": list(_options(section, definitions))}
    schema["properties"] = _OF_HYDRA | schema["properties"]
    _relax(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"experiment of mi-run {__version__}",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _options(section: str, definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A reference to the schema of each option of a section, which is added to the definitions."""
    for option in classes(section):
        own = option.model_json_schema()
        definitions |= own.pop("$defs", {})
        name = f"{section}.{option.model_fields['name'].default}"
        definitions[name] = own
        yield {"$ref": f"#/$defs/{name}"}


def _relax(schema: Any) -> None:
    """Require nothing of a section, and refuse settings that it does not have."""
    if isinstance(schema, Mapping):
        if isinstance(schema, dict) and "properties" in schema and schema.get("type") == "object":
            schema.pop("required", None)
            schema.setdefault("additionalProperties", False)
        for child in schema.values():
            _relax(child)
    elif isinstance(schema, list):
        for child in schema:
            _relax(child)
