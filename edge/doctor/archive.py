"""The diagnostics as one archive to be sent home: bounded, blanked, looked through once more."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from config.language import tell
from config.writing import write_atomically
from edge.doctor.blanking import Blanking
from edge.doctor.collecting import Member

MOST_PART_BYTES = 1024 * 1024
MOST_BYTES = 8 * 1024 * 1024  # of all parts, before they are packed
ABOUT = """\
Diagnostics of the unit {unit}, {when:%Y-%m-%d %H:%M:%S} UTC, by `patrol-edge doctor --collect`.

Inside:
{inside}
Left out on purpose: pictures and sound, positions, what the journal's records say, queued messages,
keys and passwords. [secret], [place] and [person] stand where something was blanked; harmless
things that look alike are blanked, too.
"""


@dataclass(slots=True)
class Packed:
    """What became of it."""

    names: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)  # too long: the end of it was kept
    withheld: list[str] = field(default_factory=list)  # a secret was still in it
    bytes: int = 0


def write(
    path: Path,
    unit: str,
    now: datetime,
    members: Iterable[Member],
    blanking: Blanking,
    progress: Callable[[str], None],
) -> Packed:
    """Whole or not at all. Raises OSError."""
    packed, room = Packed(), MOST_BYTES
    kept: list[tuple[str, bytes]] = []
    for name, text in members:
        progress(name)
        data = _bounded(text, min(MOST_PART_BYTES, room))
        if len(data) < len(text.encode("utf-8", "replace")):
            packed.cut.append(name)
        if blanking.betrays(data):
            packed.withheld.append(name)
            continue
        room -= len(data)
        packed.names.append(name)
        kept.append((name, data))
    about = _about(unit, now, packed, blanking).encode()
    content = _archived([("README.txt", about), *kept], now, unit)
    write_for_asker(path, content)
    packed.bytes = len(content)
    return packed


def _bounded(text: str, most: int) -> bytes:
    """The end of what is too long, from the beginning of a line: of a log the newest counts."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return data
    return data[-most:].partition(b"\n")[2] if most else b""


def _about(unit: str, now: datetime, packed: Packed, blanking: Blanking) -> str:
    def marked(name: str) -> str:
        return f"  {name}{' (only its end)' if name in packed.cut else ''}\n"

    text = ABOUT.format(unit=unit, when=now, inside="".join(map(marked, packed.names)))
    if packed.withheld:
        text += f"Withheld, since a secret was found in it: {', '.join(packed.withheld)}\n"
    if blanking.unread:
        names = ", ".join(blanking.unread)
        text += f"Not readable for this user, so not looked for word by word: {names}\n"
    return text


def _archived(kept: Iterable[tuple[str, bytes]], now: datetime, unit: str) -> bytes:
    content = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=content, mode="wb", filename="", mtime=int(now.timestamp())) as gz,
        tarfile.open(fileobj=gz, mode="w") as archive,
    ):
        for name, data in kept:
            entry = tarfile.TarInfo(f"{unit}-diagnostics/{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o600, int(now.timestamp())
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def write_for_asker(path: Path, content: str | bytes) -> None:
    """Whole or not at all, and theirs who called sudo, to send it. Raises OSError."""
    write_atomically(path, content, 0o600, _give_to_asker)


def _give_to_asker(descriptor: int, _path: Path) -> None:
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() == 0 and user.isdecimal() and group.isdecimal():
        with suppress(OSError):
            os.fchown(descriptor, int(user), int(group))


def told(path: Path, packed: Packed) -> str:
    """What a person reads when it is done."""
    text: str = tell(
        "{file}: {count} parts, {size} KiB; README.txt in it says what was left out",
        file=path,
        count=len(packed.names),
        size=max(1, packed.bytes // 1024),
    )
    if packed.withheld:
        names = ", ".join(packed.withheld)
        text = tell("{text}; withheld, for a secret in it: {names}", text=text, names=names)
    return text
