"""Writes `docs/contract/` from the message types: AsyncAPI 3.0, JSON Schemas, examples, rules.

python -m telemetry.contract_docs.docs docs/contract        (make docs)
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from telemetry.conformance.judge import CHECKED
from telemetry.contract.commands import COMMANDS
from telemetry.contract.envelope import Envelope, schema_id
from telemetry.contract.registry import UP_MESSAGES
from telemetry.contract.rules import markdown
from telemetry.contract_docs.asyncapi import DOWN, HEADERS, asyncapi, short_name
from telemetry.contract_docs.examples import all_examples

DIALECT = "https://json-schema.org/draft/2020-12/schema"
WRITTEN_BY = "Written by `make docs` from telemetry/contract/; change it there."


def files() -> dict[str, str]:
    """Everything that is generated in the folder: relative path to text."""
    found = {f"schemas/{name}.json": _json(schema) for name, schema in schemas().items()}
    found |= {f"examples/{name}": payload.decode() for name, payload in _example_files().items()}
    text = yaml.dump(asyncapi(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    found |= {"asyncapi.yaml": f"# {WRITTEN_BY}\n{text}"}
    return found | {"rules.md": markdown(CHECKED)}


def schemas() -> dict[str, dict[str, Any]]:
    """One schema per message, for readers: unknown fields are allowed."""
    found = {"envelope": _schema(Envelope, "urn:patrol-edge:schema:envelope")}
    for model in UP_MESSAGES:
        found[short_name(model)] = _schema(model, schema_id(model.TYPE))
    for name, other in {**DOWN, **HEADERS}.items():
        found[name] = _schema(other, f"urn:patrol-edge:schema:{name}")
    for name, kind in COMMANDS.items():
        schema = _schema(kind.args, f"urn:patrol-edge:schema:command.{name}")
        roles = ", ".join(sorted(kind.roles))
        found[f"command.{name}"] = schema | {
            "title": f"args of {name}",
            "description": f"{kind.summary[0].upper()}{kind.summary[1:]}. May give it: {roles}; "
            f"at most {kind.per_minute} a minute.",
        }
    return found


def _example_files() -> dict[str, bytes]:
    """JSON is laid out for people; a signed command is a line as it is on the wire."""
    return {
        name: _json(json.loads(payload)).encode() if name.endswith(".json") else payload
        for name, payload in all_examples().items()
    }


def examples() -> dict[str, Any]:
    """Those that are JSON, by their names without `.json`."""
    return {
        name.removesuffix(".json"): json.loads(payload)
        for name, payload in all_examples().items()
        if name.endswith(".json")
    }


def _schema(model: type[BaseModel], identity: str) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation")
    _open(schema)
    return {"$schema": DIALECT, "$id": identity, "$comment": WRITTEN_BY} | schema


def _open(part: Any) -> None:
    """Writers may not invent fields; readers must put up with new ones."""
    if isinstance(part, dict):
        if part.get("additionalProperties") is False:
            del part["additionalProperties"]
        for value in part.values():
            _open(value)
    elif isinstance(part, list):
        for value in part:
            _open(value)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


class _Plain(yaml.SafeDumper):
    """Without anchors: not every reader of AsyncAPI follows them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def write(folder: Path) -> None:
    """Write all files; what was written before and is no longer made is removed."""
    wanted = files()
    for sub in ("schemas", "examples"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
        for old in (folder / sub).iterdir():
            if f"{sub}/{old.name}" not in wanted:
                old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m telemetry.contract_docs.docs FOLDER\n")
        return 2
    write(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
