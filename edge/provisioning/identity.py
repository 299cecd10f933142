"""Where a unit's identity lies, and what is kept with it so that a copy of its disk is no unit.

    unit.yaml            who it is, its hub, what is plugged in; written last
    identity.json        what was answered, and the computer that it is bound to; written first
    unit.key, unit.csr   its key for TLS, and the request to have it certified
    unit.pem, ca.pem     its certificate, and the authority that it believes
    keyring.json         who may command it; trust.json: whose bundles it takes
    STATE/device.key     seals its journal; STATE/machine.json: the computer, once more

Flashing writes to STATE/slots only: none of these is ever touched by a bundle.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.language import tell
from edge.provisioning.errors import ProvisioningError
from edge.provisioning.files import FOR_GROUP, make_folder, put
from edge.provisioning.machine import BOARD, Machine, Verdict
from telemetry.commands.files import Owner

RECORD = "identity.json"
BINDING = "machine.json"
STATE_MODE = 0o710
Kept = TypeVar("Kept", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True
    )


class Answers(_Part):
    """What was said of the unit. Nothing secret."""

    unit: str
    kind: str
    hub: str
    class_: str | None = Field(None, alias="class")
    label: str = ""
    zone: str | None = None  # of the IANA database
    contact: str = ""  # for the card: whom to call who finds it
    devices: str = ""  # lines of the unit file: receivers and cameras


class Identity(_Part):
    """identity.json."""

    format: Literal[1] = 1
    answers: Answers
    machine: Mapping[str, tuple[str, ...]]
    made_at: datetime
    state_dir: str

    @property
    def unit(self) -> str:
        return self.answers.unit


class Binding(_Part):
    """machine.json, in the state folder."""

    format: Literal[1] = 1
    unit: str
    machine: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files of one unit's identity are."""

    config: Path  # its unit file
    state: Path

    def beside(self, name: str) -> Path:
        return self.config.with_name(name)

    @property
    def record(self) -> Path:
        return self.beside(RECORD)

    @property
    def binding(self) -> Path:
        return self.state / BINDING

    @property
    def key(self) -> Path:
        return self.beside("unit.key")

    @property
    def request(self) -> Path:
        return self.beside("unit.csr")

    @property
    def certificate(self) -> Path:
        return self.beside("unit.pem")

    @property
    def authority(self) -> Path:
        return self.beside("ca.pem")

    @property
    def keyring(self) -> Path:
        return self.beside("keyring.json")

    @property
    def trust(self) -> Path:
        return self.beside("trust.json")

    @property
    def enrolment(self) -> Path:
        """Where it renews its certificate, for the timer's service (patrol-edge-renew)."""
        return self.beside("enrolment")

    @property
    def device_key(self) -> Path:
        return self.state / "device.key"

    @property
    def service(self) -> Owner:
        """Who the runtime runs as: whose the state folder is."""
        return Owner.of(self.state)


def read_identity(places: Places) -> Identity | None:
    """None where nothing was begun. Raises ProvisioningError, OSError."""
    return _read(places.record, Identity)


def write_identity(places: Places, identity: Identity) -> None:
    """Both places; the record last, so that where it is the other is, too. Raises OSError."""
    make_folder(places.config.parent, 0o750)
    folder = Owner.of(places.config.parent)
    make_folder(places.state, STATE_MODE, folder)
    bound = Binding(unit=identity.unit, machine=identity.machine)
    put(places.binding, bound.model_dump_json().encode() + b"\n", FOR_GROUP, places.service)
    text = identity.model_dump_json(indent=1, by_alias=True, exclude_none=True) + "\n"
    put(places.record, text.encode(), FOR_GROUP, folder)


def read_binding(places: Places) -> Binding | None:
    """Raises ProvisioningError, OSError."""
    return _read(places.binding, Binding)


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        told = tell("{path} is damaged", path=str(path))
        cure = tell("put a copy of it back, or make the unit anew: patrol-edge factory-reset")
        raise ProvisioningError(told, cure) from error


def verdict(places: Places, machine: Machine) -> Verdict:
    """Whether the identity here was made on this computer; unknown where there is none.

    What is damaged or closed to us says nothing: it must not make a unit dark. Never raises.
    """
    readers: tuple[Callable[[Places], Identity | Binding | None], ...] = (
        read_identity,
        read_binding,
    )
    found: list[Verdict] = []
    for reader in readers:
        with suppress(ProvisioningError, OSError):
            if (bound := reader(places)) is not None:
                found.append(Machine(bound.machine).compared(machine))
    return "other" if "other" in found else found[0] if found else "unknown"


def foreign(unit: str) -> ProvisioningError:
    """What to say on another computer."""
    return ProvisioningError(
        tell("this is a copy of {unit}'s disk on another computer: its name and keys are not used",
             unit=unit),
        tell("make it a unit of its own: patrol-edge provision --new-identity; if {unit}'s old "
             "computer is gone and this one takes its place: patrol-edge provision --moved",
             unit=unit),
    )  # fmt: skip


def refresh(places: Places, machine: Machine) -> None:
    """Keep what this computer looks like now: its board is the same, and a disk or an interface has
    been exchanged, by which alone the service would know it. Never raises."""
    with suppress(ProvisioningError, OSError):
        found = read_identity(places)
        if found is None or dict(found.machine) == dict(machine.traits):
            return
        same_board = set(found.machine.get(BOARD, ())) & set(machine.traits.get(BOARD, ()))
        if same_board and verdict(places, machine) == "same":
            write_identity(places, found.model_copy(update={"machine": machine.traits}))


def owner_of_name(places: Places) -> str:
    """The unit whose identity lies here; `?` where that cannot be told. Never raises."""
    with suppress(ProvisioningError, OSError):
        if (found := read_identity(places) or read_binding(places)) is not None:
            return found.unit
    return "?"


def check_machine(places: Places, machine: Machine | None = None) -> None:
    """Before anything uses name or keys. Raises ProvisioningError on another computer."""
    if verdict(places, machine or Machine.here()) == "other":
        raise foreign(owner_of_name(places))
