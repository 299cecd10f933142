"""One example of each command, its claims in clear."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry.contract.commands import COMMANDS, Command
from telemetry.contract.wire_types import rfc3339_ms

_NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
_GOOD_FOR_S = 30
_TASK = "019cc1b0-2200-7000-8000-000000000014"
_SEARCH = "019cc1b0-2200-7000-8000-000000000077"
_PLACE = {"lat_deg": 54.1802, "lon_deg": 12.0951}
_BUNDLE = {
    "url": "https://hub.example/bundles/dog-07.tar",
    "sha256": "6f1d" + "0" * 60,
    "size_bytes": 48_200,
}
_WHILE = {"begin": "2026-11-22T11:50:00.000Z", "end": "2026-11-22T11:55:00.000Z"}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "ping": {},
    "rebirth": {},
    "task.assign": {
        "task": _TASK,
        "title": "Open gate at berth 4",
        "priority": 1,
        "place": _PLACE,
        "radius_m": 40,
        "route": [{"lat_deg": 54.1781, "lon_deg": 12.0912}, _PLACE],
        "deadlines": [{"state": "arrived", "at": "2026-11-22T12:10:00.000Z"}],
    },
    "task.update": {"task": _TASK, "priority": 0},
    "task.cancel": {"task": _TASK, "reason": "gate is closed"},
    "duty.set": {"duty": "standby"},
    "mode.set": {"mode": "emergency", "reason": "storm warning"},
    "rate.set": {"position_every_s": 1, "for_s": 300},
    "sos.cancel": {"episode": "019cc1b0-11f0-7abc-8def-0123456789ab", "reason": "crew is well"},
    "speak": {"text": "Please keep the gate clear.", "language": "en"},
    "play": {"clip": "keep-clear"},
    "talk": _BUNDLE | {"url": "https://hub.example/talk/0417.wav", "volume": 0.8},
    "relay": {"relay": "door_opener", "on": True, "max_on_s": 3},
    "quiet": {"reason": "approach without being seen"},
    "mission.load": {
        "mission": "019cc1b0-2200-7000-8000-000000000099",
        "points": [
            {"lat_deg": 54.1781, "lon_deg": 12.0912, "height_m": 40, "speed_mps": 8},
            {"lat_deg": 54.1802, "lon_deg": 12.0951, "height_m": 40, "hold_s": 20},
        ],
        "on_end": "home",
    },
    "mission.start": {"mission": "019cc1b0-2200-7000-8000-000000000099"},
    "move.hold": {"reason": "look at the gate"},
    "move.home": {"reason": "battery"},
    "move.drive": {"forward_mps": 0.6, "turn_dps": 10},
    "move.posture": {"posture": "sit"},
    "move.stop": {"reason": "a child in front of it"},
    "light": {"on": True, "level": 0.5, "max_on_s": 20},
    "beacon": {"on": True, "max_on_s": 60},
    "siren": {"on": True, "max_on_s": 5},
    "record.start": {"cameras": ["front"], "max_s": 600, "reason": "incident at berth 4"},
    "record.stop": {"cameras": ["front"]},
    "record.mark": {"text": "door opens"},
    "record.protect": {**_WHILE, "reason": "incident at berth 4"},
    "snapshot": {"camera": "front"},
    "media.unlock": {"cameras": ["front"], "reason": "case 2026-117", "for_s": 300},
    "media.lock": {"cameras": ["front"]},
    "stream.start": {"camera": "front", "max_kbit_s": 800, "max_s": 300},
    "stream.stop": {"camera": "front"},
    "ptz": {"camera": "mast", "pan_deg": 45, "tilt_deg": -10, "zoom": 0.3},
    "clip.query": {**_WHILE, "reason": "incident at berth 4"},
    "clip.upload": {"clip": "front-0412", "reason": "incident at berth 4"},
    "plates.list": {
        "list": "stolen-vehicles",
        "version": 7,
        "mode": "replace",
        "legal_basis": "case 2026-1180",
        "expires_at": "2026-11-29T12:00:00.000Z",
        "entries": [
            {"entry": "sv-0412", "plate": "鲁A·12345"},
            {"entry": "sv-0413", "plate": "京AD12345", "priority": 0},
        ],
        "blind": "q3J8m0s1Vb2xTnY6hK9wLg",
    },
    "plates.review": {
        "episode": "019cc1b0-11f0-7abc-8def-0123456789ab",
        "verdict": "misread",
        "reason": "it is 鲁A·12346",
    },
    "search.start": {
        "search": _SEARCH,
        "kind": "person",
        "upper": ["red", "orange"],
        "lower": ["black"],
        "height_min_m": 1.0,
        "height_max_m": 1.4,
        "area": [
            {"lat_deg": 54.178, "lon_deg": 12.091},
            {"lat_deg": 54.178, "lon_deg": 12.097},
            {"lat_deg": 54.181, "lon_deg": 12.097},
            {"lat_deg": 54.181, "lon_deg": 12.091},
        ],
        "expires_at": "2026-11-22T18:00:00.000Z",
        "legal_basis": "missing child 2026-77",
        "reason": "a child was lost at the market",
    },
    "search.stop": {"search": _SEARCH, "reason": "found, and well"},
    "config.apply": _BUNDLE | {"url": "https://hub.example/bundles/harbour-12.peb"},
    "firmware.apply": _BUNDLE,
    "cancel": {"command": "019cc1b0-2200-7000-8000-000000000048"},
}


def claims(name: str) -> dict[str, Any]:
    """The claims of the example of this command."""
    number = 0x30 + list(COMMANDS).index(name)
    return {
        "id": f"019cc1b0-2200-7000-8000-{number:012x}",
        "name": name,
        "args": ARGUMENTS[name],
        "issuer": "control room 2",
        "issued_at": rfc3339_ms(_NOON),
        "expires_at": rfc3339_ms(_NOON + timedelta(seconds=_GOOD_FOR_S)),
        "unit": "dog-07",
    }


def command_examples() -> dict[str, bytes]:
    """File name to content."""
    for name, kind in COMMANDS.items():
        Command.model_validate(claims(name))
        kind.args.model_validate_json(json.dumps(ARGUMENTS[name]))
    return {f"command.{name}.json": json.dumps(claims(name)).encode() for name in COMMANDS}
