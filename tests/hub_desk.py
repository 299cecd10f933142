"""A unit that a hub may flash, and the desk of whoever does it: keys, bundles, commands."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge.cli.main import main
from telemetry.commands.jws import PrivateKey
from telemetry.commands.keyring import KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry
from tests.bundle_maker import key, trust_of
from tests.flashing_stand import made

HUB = PrivateKey.new()


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """With --json: the last line."""
        return dict(json.loads(self.out.splitlines()[-1]))


class Desk:
    """In one folder. `prepare` gives the unit below it the keys that it needs."""

    def __init__(self, folder: Path, url: str, unit: str = "car-07") -> None:
        self.folder, self.url, self.unit = folder, url, unit
        self.command_key = self._kept("hub.key", HUB)
        self.signing_key = self._kept("config.key", key("anna"))

    def _kept(self, name: str, private: PrivateKey) -> Path:
        path = self.folder / name
        path.write_bytes(private.pem)
        path.chmod(0o600)
        return path

    def prepare(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        entry = KeyEntry(
            kid=HUB.public.kid, public=HUB.public.text, issuer="hub-1", roles=("commander",)
        )
        write_keyring(state / "keyring.json", KeyringFile().put(entry))
        trust = trust_of("anna", "bert")
        (state / "trust.json").write_text(trust.model_dump_json(exclude_none=True))
        (state / "trust.json").chmod(0o600)

    def bundle(self, serial: int, text: str, *signers: str, **changes: Any) -> Path:
        """A configuration for all cars, valid now."""
        now = datetime.now(UTC).replace(microsecond=0)
        dates = {
            "issued_at": now, "not_before": now - timedelta(days=1),
            "not_after": now + timedelta(days=1), "made_for": {"kinds": ("patrol_car",)},
            "overlay_keys": ("position", "health.every_s"), "name": "harbour",
        }  # fmt: skip
        path = self.folder / f"harbour-{serial}.peb"
        files = {"unit.yaml": text.encode()}
        path.write_bytes(made(files, "config", serial, *(signers or ("anna",)), **dates | changes))
        return path

    def hub(self, *words: str | Path) -> Told:
        """`patrol-edge hub …`, in this process."""
        out, err = io.StringIO(), io.StringIO()
        known = ["--broker", self.url, "--key", str(self.command_key)]
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["hub", *map(str, words), *known])
        return Told(code, out.getvalue(), err.getvalue())

    def overlay(self, *words: str) -> Told:
        kept = ("--folder", self.folder / "overlays")
        return self.hub("overlay", self.unit, *words, "--sign", self.signing_key, *kept)
