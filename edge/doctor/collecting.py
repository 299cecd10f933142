"""What is sent home beside the doctor's lines: each part as text, without what must not leave.

Left out: pictures, sound, positions, the journal's records, queued messages, keys and passwords.
"""

import json
import os
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path

from config.showing import as_json as settings_as_json
from config.slots import SlotsError, read_slots, slots_folder
from edge.doctor.blanking import Blanking, read_secret
from edge.doctor.case import Case
from edge.doctor.kept_files import kept_files
from edge.doctor.line import Line
from edge.doctor.page import page
from edge.doctor.power import computer_model
from edge.doctor.report import as_json
from edge.doctor.service import NAME, OURS
from edge.slots.serials import read_second, second_place
from telemetry.commands.journal import journal_files

LOG_LINES = "3000"
KERNEL_LINES = "6000"
KERNEL_WORDS = (
    "usb", "volt", "mmc", "nvme", "i/o error", "ext4", "btrfs", "remount", "oom", "out of memory",
    "thermal", "thrott", "tty", "uvc", "can", "gpio", "i2c", "watchdog", "segfault", "link is",
)  # fmt: skip
MOST_LOOKED_AT = 2 * 1024 * 1024  # signs of a log
ONLY_STAMPS = 200_000  # records that are counted
Member = tuple[str, str]  # name, text
Part = Callable[[Case, Blanking], str]
KEY_ENDINGS = (".key", ".pem", ".cred")


def blanking_of(case: Case) -> Blanking:
    """All secrets that can be known here: as root all of them."""
    secrets, unread = list[str](), list[str]()
    for file in kept_files(case.settings):
        if file.keeping != "secret":
            continue
        content = read_secret(file.path)
        if content is None:
            if file.path.exists() or not os.access(file.path.parent, os.X_OK):
                unread.append(file.key)
        else:
            secrets.append(content)
    for path in _own_keys(case.settings.state_dir):
        content = read_secret(path)
        if content is not None:
            secrets.append(content)
    return Blanking.of(secrets, unread)


def _own_keys(state_dir: Path) -> Iterator[Path]:
    """Keys that the unit has made for itself."""
    with suppress(OSError):
        for path in sorted(state_dir.iterdir()):
            if path.is_file() and path.suffix in KEY_ENDINGS:
                yield path


def members(
    case: Case, lines: Sequence[Line], blanking: Blanking, *, whole: bool
) -> Iterator[Member]:
    """Each part as soon as it is there."""
    told = blanking.data(as_json(case, lines))
    yield "doctor.json", json.dumps(told, indent=1, ensure_ascii=False)
    yield "doctor.html", page(case, [_safe(line, blanking) for line in lines], whole=whole)
    for name, part in PARTS.items():
        yield name, part(case, blanking)


def _safe(line: Line, blanking: Blanking) -> Line:
    """For the page: in English, blanked, and without pictures."""
    shown = line.exhibit
    return replace(
        line,
        name=blanking.text(line.name),
        text=blanking.text(line.text),
        cure=None if line.cure is None else blanking.text(line.cure),
        exhibit=None if shown is None else replace(shown, picture_jpeg=None, why_no_picture=None),
    )


# --- the parts ---


def _configuration(case: Case, blanking: Blanking) -> str:
    """The effective one, with where each value was set."""
    return _json(blanking.data(settings_as_json(case.loaded)))


def _slots(case: Case, blanking: Blanking) -> str:
    state_dir = case.settings.state_dir
    try:
        slots: object = read_slots(slots_folder(state_dir)).model_dump(mode="json")
    except (SlotsError, OSError) as error:
        slots = str(error)
    second = read_second(second_place(state_dir))
    serials = {"state": second.state, "content": second.content.model_dump(mode="json")}
    told = blanking.data({"slots": slots, "serials": serials})
    return blanking.text(_json(told), personal=True)


def _journal(case: Case, blanking: Blanking) -> str:
    """How many records of each kind, and how the chain ends; not what they say."""
    files = journal_files(case.settings.state_dir)
    counts: Counter[str] = Counter()
    head: dict[str, object] = {}
    for path in files:
        for record in _records(path):
            counts[str(record.get("what"))[:40]] += 1
            head = {"n": record.get("n"), "time": record.get("time")}
            if counts.total() >= ONLY_STAMPS:
                break
    return _json(blanking.data({"files": len(files), "records": dict(counts), "last": head}))


def _records(path: Path) -> Iterator[Mapping[str, object]]:
    try:
        with path.open("rb") as file:
            for line in file:
                with suppress(ValueError):
                    record = json.loads(line[:65_536])
                    if isinstance(record, dict):
                        yield record
    except OSError:
        return


def _log(case: Case, blanking: Blanking) -> str:
    words = ("--unit", NAME, "--lines", LOG_LINES, "--output", "short-iso", "--no-pager")
    return blanking.text(_end(case.host.ask("journalctl", *words) or ""), personal=True)


def _kernel(case: Case, blanking: Blanking) -> str:
    """What it said of plugs, power and disks."""
    words = ("--dmesg", "--lines", KERNEL_LINES, "--output", "short-iso", "--no-pager")
    told = case.host.ask("journalctl", *words) or case.host.ask("dmesg", "--ctime") or ""
    kept = [line for line in _end(told).splitlines() if _concerns(line.lower())]
    return blanking.text("\n".join(kept), personal=True)


def _end(told: str) -> str:
    """The newest of it, from the beginning of a line: what is cut need not be blanked first."""
    return told if len(told) <= MOST_LOOKED_AT else told[-MOST_LOOKED_AT:].partition("\n")[2]


def _concerns(line: str) -> bool:
    return any(word in line for word in KERNEL_WORDS)


def _systemd(case: Case, blanking: Blanking) -> str:
    asked = (
        ("status", OURS, "--all", "--full", "--no-pager", "--lines", "0"),
        ("list-units", "--failed", "--no-pager", "--no-legend", "--plain"),
        ("list-timers", "--all", "--no-pager", "--no-legend"),
        ("show", NAME),
        ("cat", NAME, "--no-pager"),
    )
    parts = []
    for words in asked:
        told = case.host.ask("systemctl", *words) or "-"
        kept = (line for line in told.splitlines() if not line.strip().startswith("Environment"))
        parts.append(f"$ systemctl {' '.join(words)}\n" + "\n".join(kept))
    return blanking.text("\n\n".join(parts), personal=True)


def _versions(case: Case, blanking: Blanking) -> str:
    packages = {str(one.name): one.version for one in distributions() if one.name}
    release = {}
    with suppress(OSError):
        release = platform.freedesktop_os_release()
    told = {
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "system": release.get("PRETTY_NAME", ""),
        "board": computer_model(case) or "",
        "packages": dict(sorted(packages.items())),
    }
    return _json(blanking.data(told))


def _disk(case: Case, blanking: Blanking) -> str:
    asked = (
        ("df", "-h"),
        ("df", "-i"),
        ("lsblk", "-o", "NAME,SIZE,TYPE,FSTYPE,MOUNTPOINT,MODEL,RO"),
    )
    parts = [f"$ {' '.join(words)}\n{case.host.ask(*words) or '-'}" for words in asked]
    parts.append("\n".join(_sizes(case.settings.state_dir)))
    return blanking.text("\n\n".join(parts))


def _sizes(folder: Path) -> Iterator[str]:
    """Of what lies in the state folder, without its content."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield f"{folder}: {error.strerror}"
        return
    for path in entries[:200]:
        with suppress(OSError):
            found = path.lstat()
            yield f"{found.st_mode:06o} {found.st_uid:>6} {found.st_size:>12} {path.name}"


def _plugged(case: Case, blanking: Blanking) -> str:
    told = case.host.ask("lsusb") or ""
    names = sorted(str(path) for path in Path("/dev/serial").glob("*/*"))
    return blanking.text("\n".join([told, *names]))


def _json(told: object) -> str:
    return json.dumps(told, indent=1, ensure_ascii=False, default=str)


PARTS: Mapping[str, Part] = {
    "configuration.json": _configuration,
    "slots.json": _slots,
    "journal.json": _journal,
    "service.log": _log,
    "kernel.log": _kernel,
    "systemd.txt": _systemd,
    "versions.json": _versions,
    "disk.txt": _disk,
    "plugged.txt": _plugged,
}
