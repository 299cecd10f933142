"""A disk that has come to another computer: made a unit of its own, or the same one's new body."""

from collections.abc import Callable

from config.language import said, tell
from drivers.clock import Clock
from edge.provisioning.errors import ProvisioningError, WrongInputError
from edge.provisioning.identity import (
    Places,
    owner_of_name,
    read_identity,
    verdict,
    write_identity,
)
from edge.provisioning.machine import Machine
from edge.provisioning.wiping import STAYS, Wiped, in_state, wipe
from telemetry.commands.device_key import DeviceKey
from telemetry.commands.journal import Journal, JournalError, journal_files

# Of the disk's state: what was flashed serves any unit of its kind, and the journal is told.
KEPT = (*STAYS, "slots", "journal", "keyring.json", "trust.json", "machine.json")


def forget(places: Places, unit: str, machine: Machine, clock: Clock,
           told: Callable[[str], None]) -> None:  # fmt: skip
    """Take the other unit's name, keys and messages off this copy, and tell its journal.

    Its own disk still has them. Cut off anywhere, it is done again: what says that this is a copy
    goes last. Raises WrongInputError, ProvisioningError, OSError.
    """
    was = owner_of_name(places)
    _check_other(places, machine)
    if unit == was:
        raise WrongInputError(
            tell("{unit} is the name of the unit that this disk is a copy of", unit=was),
            tell("give it a name of its own"),
        )
    # Beside the unit file what the unit obeys and believes stays: it is of the same fleet.
    wipe([each for each in (places.key, places.certificate, places.request) if each.exists()],
         Wiped())  # fmt: skip
    wipe(in_state(places, KEPT), Wiped())
    told(tell("the keys, the queue and the pictures of {unit} are off this disk", unit=was))
    _tell_journal(places, was, unit, clock, told)
    if places.config.exists():
        kept = places.config.with_name(f"{places.config.name}.of-{was}")
        places.config.replace(kept)
        told(tell("its unit file is kept as {path}", path=str(kept)))
    places.binding.unlink(missing_ok=True)
    places.record.unlink(missing_ok=True)


def _tell_journal(
    places: Places, was: str, unit: str, clock: Clock, told: Callable[[str], None]
) -> None:
    """Its chain goes on, under the new name and the new key, and says so."""
    folder = places.state / "journal"
    if not journal_files(folder):
        return
    key = DeviceKey(places.device_key, make=True)
    journal = Journal(folder, unit, key, lambda: (clock.utc(), "none"), clock)
    try:
        journal.write("identity_changed", unit=unit, was=was, why="the disk was copied")
    except JournalError as error:
        raise ProvisioningError(said(error), tell("make room on the disk, and again")) from error
    journal.close()
    told(tell("the journal says that it is {unit}'s from here on", unit=unit))


def move(places: Places, machine: Machine, told: Callable[[str], None]) -> str:
    """The old computer is gone, and its disk is in this one: the same unit. Returns its name.

    Raises WrongInputError, ProvisioningError, OSError.
    """
    _check_other(places, machine)
    found = read_identity(places)
    if found is None:
        raise ProvisioningError(
            tell("nothing says whose disk this is"),
            tell("make it a unit of its own: patrol-edge provision --new-identity"),
        )
    write_identity(places, found.model_copy(update={"machine": machine.traits}))
    told(tell("{unit} is on this computer now; it must not start on the old one any more",
              unit=found.unit))  # fmt: skip
    return found.unit


def _check_other(places: Places, machine: Machine) -> None:
    if verdict(places, machine) == "other":
        return
    name = owner_of_name(places)
    if name == "?":
        raise WrongInputError(tell("this computer is no unit yet"), tell("leave that option away"))
    raise WrongInputError(
        tell("this computer is {unit} itself, not a copy", unit=name),
        tell("to make another unit of it: patrol-edge factory-reset"),
    )
