"""The commands that the kit gives: good ones, and every kind that must be refused."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drivers.clock import Clock
from telemetry.commands.jws import PrivateKey
from telemetry.conformance.observer import Observer
from telemetry.conformance.transcript import Seen
from telemetry.contract.example_commands import ARGUMENTS
from telemetry.contract.replies import FINAL
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms
from telemetry.hub.orders import Signer, payload_of

ANSWER_S = 5.2
LONG_AGO = timedelta(days=2)
FUTURE = timedelta(hours=2)
GOOD_FOR = timedelta(seconds=30)
UNKNOWN_COMMAND = "conformance.unknown"
# Arguments that nobody can carry out, for the first of these that the unit takes.
NONSENSE: Mapping[str, dict[str, Any]] = {
    "rate.set": {"position_every_s": "often"},
    "task.assign": {"task": "conformance"},
    "mode.set": {"mode": 7},
    "duty.set": {"duty": "asleep"},
    "sos.cancel": {"episode": "conformance"},
    "speak": {"text": ""},
    "snapshot": {},
}
GARBAGE = (
    b"",
    b"\x00\xff\xfe\x01",
    b"{}",
    b"null",
    b"a.b.c",
    b"..",
    b"eyJhbGciOiJub25lIn0.e30.",
    b"[" * 5000,
    b'{"a":' * 3000,
    b"A" * 70_000,
    b'{"id":null,"name":[],"args":"","issuer":{},"unit":0}',
)


class Commander:
    """Gives commands and waits for what is said to them. `signer` None: only what needs no key."""

    def __init__(
        self, observer: Observer, clock: Clock, signer: Signer | None, *, unsigned: bool = False
    ) -> None:
        """`unsigned`: the unit is on the bench, and obeys without signatures."""
        self._observer = observer
        self._clock = clock
        self._signer = signer
        self._unsigned = unsigned

    @property
    def _may_command(self) -> bool:
        return self._signer is not None or self._unsigned

    def run(self, *, tasks: bool) -> None:
        if self._may_command:
            self._good()
            self._bad()
            if tasks:
                self._task()
        if not self._unsigned:
            self._forged()
        self._garbage()

    def leave_retained(self) -> None:
        """A retained command, for when the unit comes back."""
        if self._may_command:
            claims = self._claims("ping")
            self._note("retained", claims)
            self._say(self._token(claims), retain=True)

    # --- the kinds ---

    def _good(self) -> None:
        self._repeated("good", "ping")
        self._picture()
        self._repeated("rebirth", "rebirth")

    def _picture(self) -> None:
        """One of the first camera, where the unit takes any."""
        camera = self._camera()
        if camera is None or "snapshot" not in self._capabilities():
            return
        claims = self._claims("snapshot", {"camera": camera, "reason": "conformance"})
        self._give("good", claims)
        if any(m.word("status") == "succeeded" for m in self._replies(claims)):
            seen = self._observer.transcript.seen
            topic = f"/snapshot/{claims['id']}"
            self._observer.until(lambda: any(m.topic.endswith(topic) for m in seen), ANSWER_S)

    def _camera(self) -> str | None:
        states = [m for m in self._observer.transcript.enveloped if m.leaf == "state"]
        parts = states[-1].data.get("components") if states else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and part.get("kind") == "camera":
                return str(part.get("name"))
        return None

    def _repeated(self, case: str, name: str) -> None:
        """Give it, wait for its end, give the same bytes again."""
        claims = self._claims(name)
        token = self._token(claims)
        begun_s = self._observer.now_s
        self._give(case, claims, token)
        if name == "rebirth":
            self._observer.until(lambda: self._born_since(begun_s), ANSWER_S)
        self._note("repeat", claims)
        self._say(token)
        self._observer.until(
            lambda: any(m.data.get("repeat") is True for m in self._replies(claims)), ANSWER_S
        )
        self._observer.listen(ANSWER_S if name == "rebirth" else 0.5)

    def _born_since(self, at_s: float) -> bool:
        leaves = {m.leaf for m in self._observer.came_since(at_s)}
        return {"state", "health"} <= leaves

    def _bad(self) -> None:
        now = self._clock.utc()
        for _ in range(3):
            self._give("unsupported", self._claims(UNKNOWN_COMMAND))
        can = self._capabilities()
        if lacking := next((name for name in ARGUMENTS if name not in can), None):
            self._give("unsupported", self._claims(lacking, ARGUMENTS[lacking]))
        if name := next((name for name in NONSENSE if name in can), None):
            self._give("invalid_arguments", self._claims(name, NONSENSE[name]))
        self._give("expired", self._claims("ping", issued=now - timedelta(seconds=60)))
        self._give("wrong_unit", self._claims("ping", unit="conformance-other"))
        old = self._claims("ping", issued=now - LONG_AGO, expires=now + GOOD_FOR)
        self._give("too_old", old)
        self._give("not_yet_valid", self._claims("ping", issued=now + FUTURE))

    def _forged(self) -> None:
        """With a key of our own; with a signature of other claims; with none at all."""
        claims, stranger = self._claims("rebirth"), PrivateKey.new()
        self._give("unknown_key", claims, payload_of(claims, Signer(stranger, stranger.public.kid)))
        if self._signer is None:
            return
        claims, other = self._claims("rebirth"), self._claims("rebirth")
        head, body, _ = self._token(claims).split(b".")
        self._give(
            "bad_signature", claims, b".".join((head, body, self._token(other).split(b".")[2]))
        )
        claims = self._claims("rebirth")
        self._give("unsigned", claims, payload_of(claims, None))

    def _garbage(self) -> None:
        for payload in GARBAGE:
            self._say(payload)
        self._observer.listen(1.0)  # what was under way is no sign of life
        self._observer.note("bad_commands")
        self._observer.begin_session()  # whoever is alive says so
        self._observer.listen(ANSWER_S)

    def _task(self) -> None:
        if not {"task.assign", "task.cancel"} <= self._capabilities():
            return
        task = uuid7(self._clock.utc())
        assign = self._claims("task.assign", ARGUMENTS["task.assign"] | {"task": task})
        self._give("task", assign)
        if not any(m.word("status") == "accepted" for m in self._replies(assign)):
            return
        self._observer.note("task", task=task, command=assign["id"])
        self._give("task", self._claims("task.cancel", {"task": task}))
        self._observer.listen(2.0)

    def _capabilities(self) -> set[str]:
        states = [m for m in self._observer.transcript.enveloped if m.leaf == "state"]
        found = states[-1].data.get("capabilities") if states else None
        return (
            {each for each in found if isinstance(each, str)} if isinstance(found, list) else set()
        )

    # --- saying ---

    def _claims(
        self,
        name: str,
        args: dict[str, Any] | None = None,
        *,
        unit: str | None = None,
        issued: datetime | None = None,
        expires: datetime | None = None,
    ) -> dict[str, Any]:
        now = self._clock.utc()
        issued = issued or now
        return {
            "id": uuid7(now),
            "name": name,
            "args": args or {},
            "issuer": "conformance kit",
            "issued_at": rfc3339_ms(issued),
            "expires_at": rfc3339_ms(expires or issued + GOOD_FOR),
            "unit": unit or self._observer.topics.unit,
        }

    def _token(self, claims: dict[str, Any]) -> bytes:
        return payload_of(claims, self._signer)

    def _give(self, case: str, claims: dict[str, Any], token: bytes | None = None) -> None:
        """And wait for the final reply."""
        payload = token or self._token(claims)
        self._note(case, claims)
        self._say(payload)
        self._observer.until(
            lambda: any(m.word("status") in FINAL for m in self._replies(claims)), ANSWER_S
        )

    def _note(self, case: str, claims: dict[str, Any]) -> None:
        way_s = self._observer.way_s
        self._observer.note(
            "command", case=case, id=claims["id"], name=claims["name"], way_s=way_s or 0.0
        )

    def _say(self, payload: bytes, *, retain: bool = False) -> None:
        self._observer.say(self._observer.topics.command, payload, retain=retain, expiry_s=30)

    def _replies(self, claims: dict[str, Any]) -> list[Seen]:
        return self._observer.transcript.replies(claims["id"])
