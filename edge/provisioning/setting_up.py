"""Makes a unit of a computer, step by step: each is whole on the disk before the next, and one that
is done is not done again. So it may be cut off anywhere, and is run again.

The order: who it is and on which computer (identity.json); its keys; what it believes; its
certificate; and at last its unit file. While that is missing no unit starts.
"""

from collections.abc import Callable
from dataclasses import dataclass

from config.language import tell
from config.loading import load
from drivers.clock import Clock
from edge.provisioning.certificates import (
    checked_chain,
    fingerprint,
    pem_of,
    read_authority,
)
from edge.provisioning.errors import ProvisioningError, WrongInputError
from edge.provisioning.est_client import EstClient, Granted
from edge.provisioning.files import (
    PUBLIC,
    SECRET,
    make_folder,
    put,
    put_new,
    same_or_put,
)
from edge.provisioning.guard import check_start
from edge.provisioning.identity import (
    STATE_MODE,
    Answers,
    Identity,
    Places,
    foreign,
    read_identity,
    verdict,
    write_identity,
)
from edge.provisioning.machine import Machine
from edge.provisioning.requests import (
    load_key,
    new_key_pem,
    new_request,
    read_request,
    request_name,
    request_pem,
    spki,
)
from edge.provisioning.standing import Result, has_certificate, not_begun, standing
from edge.provisioning.trusting import checked_trust
from edge.provisioning.unit_text import needs_certificate, write_unit_file
from telemetry.commands.device_key import DeviceKey
from telemetry.commands.files import Owner, one_at_a_time
from telemetry.outbox.rescue import set_aside


@dataclass(frozen=True, slots=True)
class Given:
    """What was given beside the answers. The token is the one secret, and is kept nowhere."""

    authority: bytes | None = None
    certificate: bytes | None = None
    trust: bytes | None = None
    enrol: Callable[[], EstClient] | None = None
    token: str = ""
    install_commander: Callable[[], None] | None = None


class SettingUp:
    """One run of it."""

    def __init__(
        self, places: Places, clock: Clock, machine: Machine, told: Callable[[str], None]
    ) -> None:
        """`told` hears each thing that is done."""
        self._places = places
        self._clock = clock
        self._machine = machine
        self._told = told
        self._did: list[str] = []

    def run(self, answers: Answers, given: Given) -> Result:
        """Raises WrongInputError, ProvisioningError, ConfigError, OSError."""
        self._begin(answers)
        self._bind_state()
        with one_at_a_time(self._places.state):
            return self._steps(answers, given)

    def _bind_state(self) -> None:
        """The state folder may be deleted while nothing runs: it is bound again."""
        make_folder(self._places.state, STATE_MODE)
        found = read_identity(self._places)
        if found is not None and not self._places.binding.exists():
            write_identity(self._places, found)

    def go_on(self, given: Given) -> Result:
        """With the answers of before. Raises as `run`."""
        found = read_identity(self._places)
        if found is None:
            raise not_begun()
        return self.run(found.answers, given)

    def _steps(self, answers: Answers, given: Given) -> Result:
        self._make_keys(answers.unit)
        if given.authority is not None:
            self._take_authority(given.authority)
        if given.trust is not None:
            self._take_trust(given.trust)
        if given.install_commander is not None:
            given.install_commander()
        if given.certificate is not None:
            self._take_certificate(answers.unit, given.certificate)
        elif given.enrol is not None and not self._has_certificate(answers.unit):
            self._enrol(answers.unit, given.enrol(), given.token)
        if self._has_certificate(answers.unit) or not needs_certificate(answers.hub):
            self._write_unit_file(answers)
        result = standing(self._places, self._machine)
        result.did = self._did
        return result

    def _done(self, text: str) -> None:
        self._did.append(str(text))
        self._told(text)

    # --- 1: who, and where ---

    def _begin(self, answers: Answers) -> None:
        check_start(self._places, self._machine)
        found = read_identity(self._places)
        if found is None:
            self._check_what_is_there(answers)
        elif found.unit != answers.unit and self._is_committed():
            raise WrongInputError(
                tell("this computer is {unit} already", unit=found.unit),
                tell("to make another unit of it: patrol-edge factory-reset"),
            )
        if found is not None and self._places.config.exists():
            return self._check_same(found.answers, answers)
        if found is not None and found.answers == answers:
            return None
        write_identity(
            self._places,
            Identity(
                answers=answers,
                machine=self._machine.traits,
                made_at=found.made_at if found else self._clock.utc(),
                state_dir=str(self._places.state),
            ),
        )
        self._done(tell("this computer is {unit}", unit=answers.unit))
        return None

    def _check_same(self, before: Answers, answers: Answers) -> None:
        """Once it is a unit, its file is edited, or flashed; not made again."""
        if (before.kind, before.hub) != (answers.kind, answers.hub):
            raise WrongInputError(
                tell("{unit} is set up already, as {kind} with hub {hub}",
                     unit=before.unit, kind=before.kind, hub=before.hub),
                tell("change it in {path}, or flash a configuration",
                     path=str(self._places.config)),
            )  # fmt: skip

    def _is_committed(self) -> bool:
        return self._places.certificate.exists() or self._places.config.exists()

    def _check_what_is_there(self, answers: Answers) -> None:
        """A unit file that was written by hand is taken over, never written over."""
        if self._places.config.exists():
            theirs = load(self._places.config).settings.unit.id
            if theirs != answers.unit:
                raise WrongInputError(
                    tell("{path} is of {unit}", path=str(self._places.config), unit=theirs),
                    tell("give that name, or move the file away"),
                )

    # --- 2: keys ---

    def _make_keys(self, unit: str) -> None:
        path, service = self._places.key, self._places.service
        try:
            key = load_key(path.read_bytes())
        except FileNotFoundError:
            put_new(path, new_key_pem(), SECRET, service)
            key = load_key(path.read_bytes())
            self._done(tell("made the key for TLS: {path}; it never leaves here", path=str(path)))
        except ValueError as error:
            if self._places.certificate.exists():
                told = tell("{path} is damaged, and its certificate is worth nothing without it",
                            path=str(path))  # fmt: skip
                raise ProvisioningError(
                    told, tell("patrol-edge factory-reset, and again")
                ) from error
            kept = set_aside(path)
            self._told(tell("{path} was damaged, and is kept as {kept}",
                            path=str(path), kept=kept.name))  # fmt: skip
            return self._make_keys(unit)
        if not self._places.request.exists() or self._request_is_old(unit):
            put(self._places.request, request_pem(new_request(unit, key)), PUBLIC)
            self._done(tell("wrote the request for its certificate: {path}",
                            path=str(self._places.request)))  # fmt: skip
        self._make_device_key()
        return None

    def _request_is_old(self, unit: str) -> bool:
        """Of another name, or of another key."""
        try:
            found = read_request(self._places.request.read_bytes())
            key = load_key(self._places.key.read_bytes())
        except (WrongInputError, ValueError):
            return True
        return request_name(found) != unit or spki(found.public_key()) != spki(key.public_key())

    def _make_device_key(self) -> None:
        path = self._places.device_key
        before = path.exists()
        key = DeviceKey(path, make=True)()
        public = path.with_suffix(".pub")
        same_or_put(public, key.public.text.encode() + b"\n", PUBLIC, self._places.service)
        if not before:
            self._done(tell("made the key that seals the journal: {kid}", kid=key.public.kid))

    # --- 3: what it believes ---

    def _take_authority(self, data: bytes) -> None:
        found = read_authority(data, self._clock.utc())
        if same_or_put(self._places.authority, pem_of(found), PUBLIC, self._root()):
            self._done(
                tell("it believes the authority {sha256}", sha256=fingerprint(found[0])[:16])
            )

    def _take_trust(self, data: bytes) -> None:
        serial = checked_trust(data, self._places.trust)
        if same_or_put(self._places.trust, data, PUBLIC, self._root()):
            self._done(tell("takes bundles by the list of keys, serial {serial}", serial=serial))

    def _root(self) -> Owner:
        return Owner.of(self._places.config)

    # --- 4: its certificate ---

    def _take_certificate(self, unit: str, data: bytes) -> None:
        authority, now = self._places.authority, self._clock.utc()
        believed = read_authority(authority.read_bytes(), now) if authority.exists() else []
        key = load_key(self._places.key.read_bytes())
        chain = checked_chain(data, unit, key.public_key(), believed, now)
        if same_or_put(self._places.certificate, pem_of(chain), PUBLIC, self._places.service):
            self._done(tell("has its certificate, until {day:%Y-%m-%d}",
                            day=chain[0].not_valid_after_utc))  # fmt: skip

    def _enrol(self, unit: str, client: EstClient, token: str) -> None:
        key = load_key(self._places.key.read_bytes())
        self._take_granted(unit, client.enrol(unit, token, new_request(unit, key)))
        line = f"PATROL_EDGE_ENROL=https://{client.server.shown}\n"
        if same_or_put(self._places.enrolment, line.encode(), PUBLIC, self._root()):
            self._done(tell("renews it at {server}", server=client.server.shown))

    def renew(self, client: EstClient) -> Result:
        """A new certificate for the same key, with the one that it has. Raises as `run`."""
        places, found = self._places, read_identity(self._places)
        if found is None:
            raise not_begun()
        if verdict(places, self._machine) == "other":
            raise foreign(found.unit)
        key = load_key(places.key.read_bytes())
        request = new_request(found.unit, key)
        with one_at_a_time(places.state):
            self._take_granted(found.unit, client.renew((places.certificate, places.key), request))
        result = standing(places, self._machine)
        result.did = self._did
        return result

    def _take_granted(self, unit: str, granted: Granted) -> None:
        if not self._places.authority.exists():
            self._take_authority(granted.authority)
        self._take_certificate(unit, pem_of([granted.certificate]))

    def _has_certificate(self, unit: str) -> bool:
        return has_certificate(self._places, unit, self._clock.utc())

    # --- 5: the unit file ---

    def _write_unit_file(self, answers: Answers) -> None:
        path = self._places.config
        if path.exists():
            return
        write_unit_file(answers, self._places, self._clock.utc(), self._root())
        self._done(tell("wrote its unit file: {path}", path=str(path)))
