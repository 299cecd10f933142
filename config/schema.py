"""The unit file's JSON Schema (2020-12), so that editors complete and check it."""

import json
from typing import Any

from config.models import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_NAME = "unit.schema.json"


def unit_schema() -> dict[str, Any]:
    """The schema of a unit file. Only `unit` is required: layers below give all the rest."""
    schema = Settings.model_json_schema(mode="validation")
    for name, section in schema["properties"].items():
        if name not in schema.get("required", ()) and not _is_scalar(section):
            schema["properties"][name] = _or_empty(section)
    _close_names(schema)
    _drop_titles(schema)
    described = schema.pop("description", "")
    return {"$schema": DIALECT, "title": "Patrol Edge unit file", "description": described} | schema


def schema_text() -> str:
    return json.dumps(unit_schema(), indent=2) + "\n"


def _is_scalar(section: dict[str, Any]) -> bool:
    return section.get("type") not in (None, "object")


def _or_empty(section: dict[str, Any]) -> dict[str, Any]:
    """The section, or nothing below its name, as after all its lines became comments."""
    section.pop("default", None)  # it repeats every default of the section
    return {"anyOf": [section, {"type": "null"}]}


def _close_names(node: Any) -> None:
    """Names that the user chooses must fit the pattern, too."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node["additionalProperties"] = False
        for item in node.values():
            _close_names(item)
    elif isinstance(node, list):
        for item in node:
            _close_names(item)


def _drop_titles(schema: dict[str, Any]) -> None:
    """Pydantic's titles repeat the key in capitals; the description says more."""
    sections = [schema, *schema.get("$defs", {}).values()]
    for section in sections:
        section.pop("title", None)
        for item in section.get("properties", {}).values():
            item.pop("title", None)
