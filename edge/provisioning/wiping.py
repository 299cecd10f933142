"""What a unit keeps, by what it is to whoever owns it, and how it is taken off the disk.

All in the state folder goes but what is listed to stay: what a later release keeps there goes, too.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from config.errors import ConfigError
from config.loading import load
from edge.provisioning.files import wiped
from edge.provisioning.identity import Places
from telemetry.commands.files import sync_folder

RESET_RECORD = "factory-reset.json"
# Anti-rollback outlives its owner: else an old bundle could be flashed after a reset.
STAYS = ("serials.json", "lock", RESET_RECORD)
CREDENTIALS = ("etc/credstore", "etc/credstore.encrypted")
PACKAGED = Path("/etc/patrol-edge")
SECRETS = (
    "password_file", "credentials_file", "key_file", "key", "cert", "ca", "keyring", "trust",
    "device_key",
)  # fmt: skip

# The first pattern that fits says what a file in the state folder is.
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("keys", ("device.*", "keyring.json*", "trust.json*")),
    ("queue", ("outbox.db*", "link_budget.json*")),
    ("journal", ("journal", "commands.db*", "control.json*")),
    ("pictures and sound", ("pictures", "clips", "talk", "evidence*", "audio*")),
    ("plates and searches", ("plates*", "search*", "hotlist*")),
    ("tasks and calls for help", ("sos.json*", "orders.json*", "moves.json*", "duty*", "task*")),
    ("what was flashed", ("slots", "firmware*")),
    ("the rest", ("*",)),
)


@dataclass(slots=True)
class Wiped:
    """Of one kind."""

    files: int = 0
    size: int = 0


def kind_of(name: str) -> str:
    return next(kind for kind, patterns in KINDS if any(fnmatch(name, each) for each in patterns))


def in_state(places: Places, stays: Iterable[str] = STAYS) -> list[Path]:
    """What goes of the state folder, keys first: cut off there, it is no unit any more."""
    try:
        found = [each for each in places.state.iterdir() if each.name not in set(stays)]
    except FileNotFoundError:
        return []
    order = [kind for kind, _ in KINDS]
    return sorted(found, key=lambda each: (order.index(kind_of(each.name)), each.name))


def in_config(places: Places, root: Path = Path("/")) -> list[Path]:
    """Keys, certificates and passwords beside the unit file, and systemd's credentials.

    Not the unit file and the record themselves: they go last.
    """
    own = [
        places.key, places.request, places.certificate, places.authority, places.keyring,
        places.trust, places.enrolment,
    ]  # fmt: skip
    asides = [
        path
        for each in own
        for path in each.parent.glob(f"*{each.name}*")
        if path.name.startswith((f"{each.name}.corrupt-", f".{each.name}."))
    ]
    found = [*own, *asides, *_named_secrets(places)]
    if places.config.parent == PACKAGED:
        found += PACKAGED.glob("*.cred")
        for folder in CREDENTIALS:
            found += (root / folder).glob("patrol-edge.*")
    return [each for each in dict.fromkeys(found) if each.is_symlink() or each.is_file()]


def _named_secrets(places: Places) -> Iterator[Path]:
    """What the unit file names as secret, in its own folder only."""
    try:
        content = load(places.config).settings.model_dump(mode="python")
    except (ConfigError, OSError):
        return
    folder = places.config.parent.resolve()
    for key, value in _leaves(content):
        if key in SECRETS and isinstance(value, Path) and value.parent.resolve() == folder:
            yield value


def _leaves(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, str(name))
    else:
        yield key, value


def wipe(paths: Iterable[Path], counted: Wiped) -> None:
    """Take them off the disk; small files are written over first. Raises OSError."""
    for path in paths:
        for each in [path] if path.is_symlink() or not path.is_dir() else _files_in(path):
            size = each.lstat().st_size
            wiped(each)
            counted.files += 1
            counted.size += size
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        sync_folder(path.parent)


def _files_in(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_symlink() or not each.is_dir()]
