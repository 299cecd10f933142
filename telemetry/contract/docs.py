"""Writes `docs/contract/` from the message types: AsyncAPI 3.0, JSON Schemas, examples.

python -m telemetry.contract.docs docs/contract        (make docs)
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import CONTENT_TYPE, Envelope, schema_id
from telemetry.contract.examples import down_examples, up_examples
from telemetry.contract.registry import UP_MESSAGES
from telemetry.contract.topics import RETAINED_LEAVES
from telemetry.contract.up_message import CONTRACT_VERSION, UpMessage

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOWN: dict[str, type[BaseModel]] = {"ack": Ack, "hub-state": HubState}
WRITTEN_BY = "Written by `make docs` from telemetry/contract/unit.py; change it there."

RATES = {
    "status": "at each connect and clean stop, and by the broker as the Last Will",
    "state": "on change, and after each connect",
    "position": "adaptive: on patrol 5 s, dispatched 1 s, parked 30 s, and in turns",
    "health": "every 30 s, and when a fault comes or goes",
    "event": "as it happens",
    "reply": "at each step of a command",
}


def short_name(model: type[UpMessage]) -> str:
    """`patrol.event.detection.v1` is called `event.detection` here."""
    return model.TYPE.removeprefix("patrol.").rpartition(".")[0]


def files() -> dict[str, str]:
    """Everything that belongs into the folder: relative path to text."""
    found = {f"schemas/{name}.json": _json(schema) for name, schema in schemas().items()}
    found |= {f"examples/{name}.json": _json(example) for name, example in examples().items()}
    text = yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=100)
    return found | {"asyncapi.yaml": f"# {WRITTEN_BY}\n{text}"}


def schemas() -> dict[str, dict[str, Any]]:
    """One schema per message, for readers: unknown fields are allowed."""
    found = {"envelope": _schema(Envelope, "urn:patrol-edge:schema:envelope")}
    for model in UP_MESSAGES:
        found[short_name(model)] = _schema(model, schema_id(model.TYPE))
    for name, down in DOWN.items():
        found[name] = _schema(down, f"urn:patrol-edge:schema:{name}")
    return found


def examples() -> dict[str, Any]:
    return dict(_examples())


def _examples() -> Iterator[tuple[str, Any]]:
    for name, payload in {**up_examples(), **down_examples()}.items():
        yield name, json.loads(payload)


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


# --- AsyncAPI ------------------------------------------------------------------------------------


def asyncapi() -> dict[str, Any]:
    """The document, AsyncAPI 3.0.0. `send` and `receive` are seen from the unit."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for leaf in dict.fromkeys(model.LEAF for model in UP_MESSAGES):
        models = [model for model in UP_MESSAGES if leaf == model.LEAF]
        messages |= {short_name(model): _up_message(model) for model in models}
        channels[leaf] = _channel(f"{{root}}/{{unit}}/{leaf}", [short_name(m) for m in models])
        operations[f"send-{leaf}"] = _operation(
            "send", leaf, RATES[leaf], retain=leaf in RETAINED_LEAVES
        )
    for name, address in (("ack", "{root}/{unit}/ack"), ("hub-state", "{root}/hub/state")):
        messages[name] = _down_message(name)
        channels[name] = _channel(address, [name])
        text = str(DOWN[name].__doc__).partition("\n")[0]
        operations[f"receive-{name}"] = _operation(
            "receive", name, text, retain=name == "hub-state"
        )
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _info() -> dict[str, Any]:
    return {
        "title": "Patrol unit to hub",
        "version": CONTRACT_VERSION,
        "description": "What a patrol unit tells a hub over MQTT, and what it listens to. "
        "CloudEvents 1.0 in structured mode; SI units, WGS 84, UTC; QoS 1 throughout. "
        "See README.md beside this file.",
        "license": {"name": "Apache-2.0"},
    }


def _channel(address: str, names: list[str]) -> dict[str, Any]:
    parameters = {"root": {"default": "patrol/v1", "description": "topic root, configurable"}}
    if "{unit}" in address:
        parameters["unit"] = {"description": "unit id, [a-z0-9-]{1,32}, never `hub`"}
    return {
        "address": address,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "parameters": parameters,
    }


def _operation(action: str, channel: str, summary: str, *, retain: bool) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": "0.2.0"}},
    }


def _up_message(model: type[UpMessage]) -> dict[str, Any]:
    name = short_name(model)
    return {
        "name": model.TYPE,
        "summary": str(model.__doc__).partition("\n")[0],
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": "./schemas/envelope.json"},
                {
                    "type": "object",
                    "required": ["data"],
                    "properties": {
                        "type": {"const": model.TYPE},
                        "data": {"$ref": f"./schemas/{name}.json"},
                    },
                },
            ]
        },
    }


def _down_message(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": str(DOWN[name].__doc__).partition("\n")[0],
        "contentType": "application/json",
        "payload": {"$ref": f"./schemas/{name}.json"},
    }


def write(folder: Path) -> None:
    """Write all files; what was written before and is no longer made is removed."""
    wanted = files()
    for sub in ("schemas", "examples"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
        for old in (folder / sub).glob("*.json"):
            if f"{sub}/{old.name}" not in wanted:
                old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m telemetry.contract.docs FOLDER\n")
        return 2
    write(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
