"""A unit's commanding for tests, without a network: messages in, replies out, a movable clock."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.operations import SecurityConfig
from drivers.clock import Clock
from telemetry.commands.answers import Answers
from telemetry.commands.carrying import Carrier
from telemetry.commands.control_state import ControlState
from telemetry.commands.handling import (
    Fates,
    Handler,
    Order,
    OrderRefusedError,
    Progress,
    Result,
    no_fates,
)
from telemetry.commands.intake import Intake
from telemetry.commands.journal import Journal
from telemetry.commands.judging import Judge
from telemetry.commands.jws import PrivateKey
from telemetry.commands.keyring import Keyring, KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry
from telemetry.commands.store import CommandStore
from telemetry.commands.trusted_time import TrustedTime
from telemetry.contract.envelope import Draft
from telemetry.contract.events import TamperEvent
from telemetry.contract.replies import Reply
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import TimeQuality, rfc3339_ms
from telemetry.outbox.facts import Receipt
from tests import stranger_signer
from tests.fakes import ManualClock

HUB = Ed25519PrivateKey.generate()
# The same in each process, so that a journal can be checked by another than has written it.
DEVICE = PrivateKey.from_pem(
    b"-----BEGIN PRIVATE KEY-----\n"
    b"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    b"-----END PRIVATE KEY-----\n"  # RFC 8037, appendix A.1
)


@dataclass
class Doer:
    """A handler that counts what it was asked to do."""

    done: list[str] = field(default_factory=list)
    refuses: str | None = None
    act: Callable[[Order, Progress], Result] = lambda _order, _progress: None
    long_running: bool = False

    def check(self, order: Order) -> None:
        if self.refuses is not None:
            raise OrderRefusedError(self.refuses, "for the test")

    def carry_out(self, order: Order, progress: Progress) -> Result:
        self.done.append(order.id)
        return self.act(order, progress)


class Box:
    """In the place of the outbox: remembers what was put."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.ids: list[str | None] = []  # those that were asked for
        self.stores = True

    def __call__(self, draft: Draft, *, durable: bool, event_id: str | None = None) -> Receipt:
        self.drafts.append(draft)
        self.ids.append(event_id)
        return Receipt("x", sequence=len(self.drafts) if self.stores else None)


class Commanded:
    """`send` what a stranger signed; `replies` says what came of it. `reboot` starts a new run."""

    def __init__(
        self, folder: Path, clock: ManualClock | None = None, *, keys: bool = True, **security: Any
    ) -> None:
        self.folder = folder
        self.clock = clock or ManualClock()
        self.quality: TimeQuality = "ntp"
        self.security = SecurityConfig(**security)
        self.handlers: dict[str, Handler] = {}
        self.box = Box()
        self.fates: Fates = no_fates
        if keys:
            self.install("hub-1", HUB, "commander", "technician")
        self.start()

    def install(self, kid: str, key: Ed25519PrivateKey, *roles: Any, **more: Any) -> None:
        path = self.folder / "keyring.json"
        ring = self._ring() if path.exists() else KeyringFile()
        content = {"issuer": "hub", "roles": roles} | more
        entry = KeyEntry(kid=kid, public=stranger_signer.public_text(key), **content)
        write_keyring(path, ring.put(entry))

    def _ring(self) -> KeyringFile:
        return KeyringFile.model_validate_json((self.folder / "keyring.json").read_bytes())

    def start(self) -> None:
        clock: Clock = self.clock
        self.control = ControlState.load(self.folder / "control.json")
        self.time = TrustedTime(self.utc_at, clock, self.control.now.latest)
        self.journal = Journal(self.folder / "journal", "dog-1", lambda: DEVICE, self.now, clock)
        self.store = CommandStore(self.folder / "commands.db")
        answers = Answers(self.box, self.now)
        self.carrier = Carrier(
            self.handlers, self.store, self.journal, answers, clock, lambda: self.now()[0],
            lambda name, order: self.fates(name, order),
        )  # fmt: skip
        self.judge = Judge(
            unit="dog-1",
            security=self.security,
            keyring=Keyring(self.folder / "keyring.json"),
            time=self.time,
            handles=self.handlers.__contains__,
        )
        self.intake = Intake(
            self.judge, self.handlers, self.store, self.journal, answers, self.carrier,
            self.control, clock,
        )  # fmt: skip
        self.intake.tend()

    def reboot(self, *, off_s: float = 60.0, crash: bool = False) -> None:
        if crash:  # nothing is written any more: the handles just go
            self.journal._drop_handle()
            self.store.close()
        else:
            self.intake.close()
        self.clock.advance(off_s)
        self.start()

    def now(self) -> tuple[datetime, TimeQuality]:
        return self.clock.utc(), self.quality

    def utc_at(self, mono_s: float) -> tuple[datetime, TimeQuality]:
        return self.clock.utc() - timedelta(seconds=self.clock.mono_s() - mono_s), self.quality

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.intake.tend()

    # --- what a hub does ---

    def claims(self, name: str = "ping", **more: Any) -> dict[str, Any]:
        now = self.clock.utc() + timedelta(milliseconds=1)
        found = {
            "id": uuid7(now),
            "name": name,
            "args": {},
            "issuer": "officer 7",
            "issued_at": rfc3339_ms(now),
            "expires_at": rfc3339_ms(now + timedelta(seconds=60)),
            "unit": "dog-1",
        }
        return found | more

    def send(
        self, claims: dict[str, Any], key: Ed25519PrivateKey = HUB, kid: str = "hub-1"
    ) -> list[Reply]:
        return self.send_raw(stranger_signer.command(key, kid, claims))

    def send_raw(self, payload: bytes, *, retained: bool = False) -> list[Reply]:
        before = len(self.box.drafts)
        self.clock.advance(0.01)
        self.intake.take(payload, self.clock.mono_s(), retained=retained)
        return [d.data for d in self.box.drafts[before:] if isinstance(d.data, Reply)]

    @property
    def replies(self) -> list[Reply]:
        return [draft.data for draft in self.box.drafts if isinstance(draft.data, Reply)]

    @property
    def tampers(self) -> list[TamperEvent]:
        return [draft.data for draft in self.box.drafts if isinstance(draft.data, TamperEvent)]

    def journaled(self) -> list[dict[str, Any]]:
        files = sorted((self.folder / "journal").glob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_bytes().splitlines()]
