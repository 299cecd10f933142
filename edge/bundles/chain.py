"""The list of keys that counts now: the one the unit came with, and each that the last one signed.

The anchor is installed by hand, once. What follows are bundles of kind trust, kept whole beside the
slots: `trust/SERIAL.peb`. Each is signed by as many keys as the list before it asks for and by as
many as its own does, so neither a lost key nor a stolen one alone brings a new list.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from config.language import tell
from edge.bundles.container import Tape, pieces
from edge.bundles.judging import first_fault
from edge.bundles.manifest import ENDING
from edge.bundles.reading import OpenedBundle, proved_again
from edge.bundles.refusal import BundleError
from edge.bundles.signatures import proved, require_enough, signers_of
from edge.bundles.trust import FILE, Trust
from telemetry.commands.files import FileRefusedError, read_guarded, replace
from telemetry.commands.strict_json import BadJsonError, loads_object

FOLDER = "trust"  # below the folder of the slots
MOST_BYTES = 256 * 1024  # of a list, and of a bundle with one
_NAME = re.compile(r"(\d{16})\.peb")
INSTALL = tell("install the list of keys: sudo patrol-edge trust install trust.json")


@dataclass(frozen=True, slots=True)
class Trusted:
    """The list that counts, and what is to be said about how it was found."""

    trust: Trust
    faults: tuple[str, ...] = ()  # texts; the chain is damaged, or shorter than it was


def trust_folder(slots: Path) -> Path:
    """Where the chain is kept. `slots`: the folder of the slots."""
    return slots / FOLDER


def load_trust(anchor: Path, chain: Path, at_least: int = 0) -> Trusted:
    """The last list of the longest sound chain. `at_least`: the highest serial that was in use.

    A missing, foreign or damaged link ends the chain before it, and is told. Raises BundleError
    (`no_trust`) without an anchor that can be believed.
    """
    trust, faults = read_anchor(anchor), []
    try:
        for path in _links(chain):
            if int(path.stem) > trust.serial:
                trust = _next(path, trust)
    except BundleError as error:
        faults.append(tell("{file} does not continue the list of keys: {why}",
                           file=path.name, why=error.text))  # fmt: skip
    except OSError as error:
        faults.append(tell("the chain of lists of keys cannot be read: {why}",
                           why=error.strerror or error))  # fmt: skip
    if trust.serial < at_least:
        faults.append(tell("the list of keys has serial {serial}; {highest} was in use",
                           serial=trust.serial, highest=at_least))  # fmt: skip
    return Trusted(trust, tuple(faults))


def read_anchor(path: Path) -> Trust:
    """Raises BundleError (`no_trust`)."""
    try:
        return parse_trust(read_guarded(path, MOST_BYTES))
    except FileNotFoundError as error:
        text = tell("this unit knows no keys for bundles: there is no {path}", path=path)
        raise BundleError("no_trust", text, INSTALL) from error
    except FileRefusedError as error:
        raise BundleError("no_trust", error.args[0], error.cure or INSTALL) from error
    except OSError as error:
        text = tell("{path} cannot be read: {why}", path=path, why=error.strerror or error)
        raise BundleError("no_trust", text, INSTALL) from error
    except BundleError as error:
        text = tell("{path}: {why}", path=path, why=error.text)
        raise BundleError("no_trust", text, INSTALL) from error


def parse_trust(data: bytes) -> Trust:
    """A list of keys: strict JSON with these fields and no others. Raises BundleError."""
    try:
        loads_object(data, max_depth=5)
        return Trust.model_validate_json(data, strict=True)
    except BadJsonError as error:
        text = tell("the list of keys: {why}", why=error)
        raise BundleError("malformed", text) from error
    except ValidationError as error:
        text = tell("the list of keys: {why}", why=first_fault(error))
        raise BundleError("malformed", text) from error


def successor(opened: OpenedBundle, trust: Trust, now: datetime | None) -> tuple[Trust, bytes]:
    """The list in an opened bundle of kind trust, which has to prove itself to itself, too.

    Returns it with the bytes of its file. Raises BundleError.
    """
    return successor_in(opened.contents(MOST_BYTES), opened, trust, now)


def successor_in(
    content: Mapping[str, bytes], opened: OpenedBundle, trust: Trust, now: datetime | None
) -> tuple[Trust, bytes]:
    """The same, where the bundle's files have been read. Raises BundleError."""
    data = content.get(FILE)
    if opened.manifest.kind != "trust" or data is None or len(content) != 1:
        raise BundleError("malformed", tell("it holds no list of keys, or more than that"))
    new = parse_trust(data)
    if new.serial != opened.manifest.serial or new.serial <= trust.serial:
        text = tell("its list has serial {serial}; it must be the bundle's, and above {old}",
                    serial=new.serial, old=trust.serial)  # fmt: skip
        raise BundleError("replayed", text)
    fitting = proved(opened.envelope, new)
    require_enough(signers_of(opened.envelope, fitting, new, "trust", now), new, "trust")
    return new, data


def install_successor(opened: OpenedBundle, trust: Trust, chain: Path, now: datetime) -> Trust:
    """Take the list of an opened bundle, and keep it: it counts when this returns.

    Raises BundleError; then nothing has changed.
    """
    new, data = successor(opened, trust, now)
    whole = b"".join(pieces(opened.raw, [(FILE, len(data), [data])]))
    try:
        chain.mkdir(mode=0o700, exist_ok=True)
        replace(chain / f"{new.serial:016}{ENDING}", whole, 0o600)
    except OSError as error:
        text = tell("the list of keys cannot be kept: {why}", why=error.strerror or error)
        raise BundleError("storage", text, tell("make room in the state folder")) from error
    return new


def _links(chain: Path) -> Iterator[Path]:
    """In the order of their serials. Raises OSError."""
    if not chain.is_dir():
        return iter(())
    return iter(sorted(path for path in chain.iterdir() if _NAME.fullmatch(path.name)))


def _next(path: Path, trust: Trust) -> Trust:
    """Raises BundleError, OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        tape = Tape(file)
        raw = tape.manifest()
        envelope, manifest, signers = proved_again(raw, trust)
        opened = OpenedBundle(manifest, signers, raw, envelope, tape)
        new, _ = successor(opened, trust, None)
    if new.serial != int(path.stem):
        raise BundleError("malformed", tell("its name is not its serial"))
    return new
