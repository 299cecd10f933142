"""The AsyncAPI 3.0 document: what is said on which topic, how it is sent, who answers."""

from typing import Any

from pydantic import BaseModel

from telemetry.contract.commands import COMMANDS, MAX_COMMAND_BYTES, Command
from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import CONTENT_TYPE
from telemetry.contract.registry import UP_MESSAGES
from telemetry.contract.snapshot import SNAPSHOT_CONTENT_TYPE, SnapshotProperties
from telemetry.contract.topics import RETAINED_LEAVES
from telemetry.contract.up_message import CONTRACT_VERSION, UpMessage

MQTT_BINDING = "0.2.0"
DOWN: dict[str, type[BaseModel]] = {"ack": Ack, "hub-state": HubState, "command": Command}
JWS_PATTERN = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"

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


def asyncapi() -> dict[str, Any]:
    """The document, AsyncAPI 3.0.0. `send` and `receive` are seen from the unit."""
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": CONTENT_TYPE,
        "servers": {"broker": _server()},
        "channels": _up_channels() | _down_channels(),
        "operations": _up_operations() | _down_operations(),
        "components": {"messages": _messages()},
    }


def _info() -> dict[str, Any]:
    return {
        "title": "Patrol unit to hub",
        "version": CONTRACT_VERSION,
        "description": "What a patrol unit tells a hub over MQTT, and what it listens to. "
        "CloudEvents 1.0 in structured mode; SI units, WGS 84, UTC; QoS 1 throughout. "
        "See README.md beside this file, and rules.md for who must do what.",
        "license": {"name": "Apache-2.0"},
    }


def _server() -> dict[str, Any]:
    """How a unit connects: the bindings say its session and its Last Will."""
    return {
        "host": "{host}:{port}",
        "protocol": "mqtts",
        "protocolVersion": "5.0",
        "description": "MQTT 5; 3.1.1 where the broker knows no better. Client id: the unit's id.",
        "variables": {
            "host": {"default": "localhost"},
            "port": {"default": "8883", "description": "1883 without TLS"},
        },
        "bindings": {
            "mqtt": {
                "clientId": "{unit}",
                "cleanSession": False,
                "lastWill": {
                    "topic": "{root}/{unit}/status",
                    "qos": 1,
                    "message": "a status message, `offline`, with this connection's session",
                    "retain": True,
                },
                "keepAlive": 15,
                "sessionExpiryInterval": 86_400,
                "bindingVersion": MQTT_BINDING,
            }
        },
    }


# --- channels ------------------------------------------------------------------------------------


def _by_leaf() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for model in UP_MESSAGES:
        found.setdefault(model.LEAF, []).append(short_name(model))
    return found


def _up_channels() -> dict[str, Any]:
    plain = {
        leaf: _channel(f"{{root}}/{{unit}}/{leaf}", names) for leaf, names in _by_leaf().items()
    }
    return plain | {"snapshot": _channel("{root}/{unit}/snapshot/{episode}", ["snapshot"])}


def _down_channels() -> dict[str, Any]:
    return {
        "ack": _channel("{root}/{unit}/ack", ["ack"]),
        "hub-state": _channel("{root}/hub/state", ["hub-state"]),
        "command": _channel("{root}/{unit}/command", ["command", "command-unsigned"]),
    }


_PARAMETERS = {
    "root": {"default": "patrol/v1", "description": "topic root, configurable"},
    "unit": {"description": "unit id, [a-z0-9-]{1,32}, never `hub`"},
    "episode": {"description": "the episode's id, as in its events"},
}


def _channel(address: str, names: list[str]) -> dict[str, Any]:
    return {
        "address": address,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "parameters": {
            name: dict(text) for name, text in _PARAMETERS.items() if f"{{{name}}}" in address
        },
    }


# --- operations ----------------------------------------------------------------------------------


def _up_operations() -> dict[str, Any]:
    found = {
        f"send-{leaf}": _operation("send", leaf, RATES[leaf], retain=leaf in RETAINED_LEAVES)
        for leaf in _by_leaf()
    }
    text = "a redacted picture, with alerts and on request"
    return found | {"send-snapshot": _operation("send", "snapshot", text, retain=False)}


def _down_operations() -> dict[str, Any]:
    command = _operation(
        "receive", "command", "One command; answered on `reply`. Never retained.", retain=False
    )
    command["bindings"]["mqtt"]["messageExpiryInterval"] = 30
    command["reply"] = {"channel": {"$ref": "#/channels/reply"}}
    return {
        "receive-ack": _operation("receive", "ack", _first_line(Ack), retain=False),
        "receive-hub-state": _operation("receive", "hub-state", _first_line(HubState), retain=True),
        "receive-command": command,
    }


def _operation(action: str, channel: str, summary: str, *, retain: bool) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": MQTT_BINDING}},
    }


# --- messages ------------------------------------------------------------------------------------


def _messages() -> dict[str, Any]:
    found = {short_name(model): _up_message(model) for model in UP_MESSAGES}
    found["snapshot"] = _snapshot()
    for name, model in (("ack", Ack), ("hub-state", HubState)):
        found[name] = _message(name, _first_line(model), "application/json")
        found[name]["payload"] = {"$ref": f"./schemas/{name}.json"}
    return found | {"command": _signed_command(), "command-unsigned": _unsigned_command()}


def _message(name: str, summary: str, content_type: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": summary,
        "contentType": content_type,
        "bindings": {"mqtt": {"contentType": content_type, "bindingVersion": MQTT_BINDING}},
    }


def _up_message(model: type[UpMessage]) -> dict[str, Any]:
    name = short_name(model)
    data = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "type": {"const": model.TYPE},
            "data": {"$ref": f"./schemas/{name}.json"},
        },
    }
    message = _message(model.TYPE, _first_line(model), CONTENT_TYPE)
    return message | {"payload": {"allOf": [{"$ref": "./schemas/envelope.json"}, data]}}


def _snapshot() -> dict[str, Any]:
    """AsyncAPI calls the user properties of MQTT 5 headers."""
    message = _message("snapshot", "JPEG bytes, redacted, without an envelope", "image/jpeg")
    return message | {
        "contentType": SNAPSHOT_CONTENT_TYPE,
        "headers": {"$ref": "./schemas/snapshot.json"},
        "payload": {"type": "string", "format": "binary"},
    }


def _signed_command() -> dict[str, Any]:
    message = _message("command", "A command, signed: JWS compact, EdDSA", "application/jose")
    return message | {
        "payload": {
            "type": "string",
            "pattern": JWS_PATTERN,
            "maxLength": MAX_COMMAND_BYTES,
            "description": "header.claims.signature; the claims are those of command-unsigned",
        }
    }


def _unsigned_command() -> dict[str, Any]:
    """The claims, as they stand in a signed command, too."""
    arguments = [
        {
            "properties": {
                "name": {"const": name},
                "args": {"$ref": f"./schemas/command.{name}.json"},
            }
        }
        for name in COMMANDS
    ]
    summary = "The claims of a command by themselves; units take them so on the bench only"
    message = _message("command-unsigned", summary, "application/json")
    claims = {"$ref": "./schemas/command.json"}
    return message | {"payload": {"allOf": [claims, {"oneOf": arguments}]}}


def _first_line(model: type[BaseModel]) -> str:
    return str(model.__doc__).partition("\n")[0]


HEADERS: dict[str, type[BaseModel]] = {"snapshot": SnapshotProperties}
