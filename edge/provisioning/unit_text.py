"""The unit file of a provisioned unit: what is its own. All else is flashed, or its profile's."""

import json
from datetime import datetime
from pathlib import Path

from config.loading import load
from edge.provisioning.files import FOR_GROUP, put
from edge.provisioning.identity import Answers, Places
from telemetry.commands.files import Owner

TOP = """\
# The unit file of {unit}, made by `patrol-edge provision` on {day}.
# It says who the unit is, where its hub is, and what is plugged into it. All else comes from what
# was flashed, and from the profile {kind}.
#
#   patrol-edge config show     everything that applies, and where it was set
#   patrol-edge config check    what is wrong, with the line and the cure
#   patrol-edge devices         what is plugged in, with the lines for it

unit:
  id: {unit_quoted}
  kind: {kind}
"""
HUB = """
# Paths are relative to this file. The key was made here and never leaves this computer.
hub:
  url: {hub}
"""
NO_DEVICES = """
# What is plugged in: patrol-edge devices
#gnss:
#cameras:
"""
DEFAULT_STATE = Path("/var/lib/patrol-edge")


def write_unit_file(answers: Answers, places: Places, now: datetime, owner: Owner) -> None:
    """Tried before it is put in its place. Raises ConfigError, OSError."""
    path, text = places.config, unit_text(answers, places, now).encode()
    trial = path.with_name(f".{path.name}.trial")
    put(trial, text, FOR_GROUP, owner)
    try:
        load(trial)
    finally:
        trial.unlink()
    put(path, text, FOR_GROUP, owner)


def unit_text(answers: Answers, places: Places, now: datetime) -> str:
    """It names the files that lie beside it."""
    parts = [
        TOP.format(
            unit=answers.unit,
            unit_quoted=json.dumps(answers.unit),
            kind=answers.kind,
            day=f"{now:%Y-%m-%d}",
        )
    ]
    if answers.class_:
        parts.append(f"  class: {json.dumps(answers.class_)}\n")
    if answers.label:
        parts.append(f"  label: {json.dumps(answers.label, ensure_ascii=False)}\n")
    parts.append(HUB.format(hub=json.dumps(answers.hub)))
    if needs_certificate(answers.hub):
        parts.append("  tls:\n")
        if places.authority.exists():
            parts.append("    ca: ca.pem\n")
        parts.append("    cert: unit.pem\n    key: unit.key\n")
    parts.append(f"\n{answers.devices}" if answers.devices else NO_DEVICES)
    keyring, trust = places.keyring.exists(), places.trust.exists()
    if keyring or trust:
        parts.append("\n# Whose commands it obeys, whose bundles it takes.\nsecurity:\n")
        parts.append("  keyring: keyring.json\n" if keyring else "")
        parts.append("  trust: trust.json\n" if trust else "")
    if places.state.resolve() != DEFAULT_STATE:
        parts.append(f"\nstate_dir: {json.dumps(str(places.state.resolve()))}\n")
    return "".join(parts)


def needs_certificate(hub: str) -> bool:
    return hub.startswith("mqtts")
