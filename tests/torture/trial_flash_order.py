"""R-KILL-4: a unit is killed at any system call while it obeys an order to flash."""

import hashlib
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.slots import read_slots
from telemetry.contract.replies import FINAL
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms
from tests import stranger_signer
from tests.commanded import HUB, Commanded
from tests.fakes import ManualClock
from tests.flashing_stand import Stand, made
from tests.torture.flash_order import Ordered, obey_order, told_in
from tests.torture.injection import calls, need_strace, spread, traced
from tests.torture.trials import Stage, held, trial

CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "mkdir")
CONTROLS = 24


@trial(
    "R-KILL-4", "an order to flash that is cut off at any system call has exactly one last reply"
)
def one_last_reply(stage: Stage) -> str:
    need_strace()
    folder = stage.folder
    payload = _template(folder / "template")
    points = _points(folder, payload)
    kills = spread(points, stage.sized(50, 1500))
    ended = Counter(_killed(folder, payload, point) for point in kills)
    wrong = _control(folder, payload, points)
    held(wrong > 0, "the control, which does not ask the slots, never told it wrongly")
    told = ", ".join(f"{count} {end}" for end, count in sorted(ended.items()))
    return (
        f"{len(kills)} kills at {len(points)} system calls: each order has one last reply "
        f"({told}), which says what is in use; of {CONTROLS} that do not ask the slots {wrong} "
        "said otherwise"
    )


def _template(folder: Path) -> bytes:
    """A unit with its keys, and a signed order for a bundle beside it. Returns the order."""
    stand = Stand(folder / "home")
    del stand
    home, now = folder / "home", datetime.now(UTC)
    unit = Commanded(home, ManualClock(now))
    unit.intake.close()
    for name in ("commands.db", "commands.db-wal", "commands.db-shm", "control.json"):
        (home / name).unlink(missing_ok=True)
    shutil.rmtree(home / "journal", ignore_errors=True)
    data = made(
        {"unit.yaml": b"position: {patrol_every_s: 4}\n"}, "config", 5,
        issued_at=now, not_before=now - timedelta(days=1), not_after=now + timedelta(days=1),
    )  # fmt: skip
    bundle = folder / "a.peb"
    bundle.write_bytes(data)
    args = {
        "url": bundle.as_uri(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
    }
    claims: dict[str, Any] = {
        "id": uuid7(now), "name": "config.apply", "args": args, "issuer": "wang",
        "issued_at": rfc3339_ms(now), "expires_at": rfc3339_ms(now + timedelta(hours=1)),
        "unit": "dog-1",
    }  # fmt: skip
    return stranger_signer.command(HUB, "hub-1", claims)


def _home(folder: Path) -> Path:
    """A fresh unit, always in the same place: its file names its state folder."""
    home = folder / "template" / "home"
    kept = folder / "kept"
    if not kept.exists():
        shutil.copytree(home, kept)
    shutil.rmtree(home)
    shutil.copytree(kept, home)
    return home


def _points(folder: Path, payload: bytes) -> list[tuple[str, int]]:
    home = _home(folder)
    options = ["-e", f"trace={','.join(CALLS)}"]
    code = traced(obey_order, (home, payload), options, folder / "strace")
    held(code == 0, f"undisturbed it ends with {code}")
    held(_judged(home, payload, "undisturbed") == "succeeded", "undisturbed it is not flashed")
    found = calls(folder / "strace")
    return [(name, number) for name in CALLS for number in range(1, found[name] + 1)]


def _cut(folder: Path, payload: bytes, point: tuple[str, int], *, naive: bool = False) -> Path:
    name, number = point
    home = _home(folder)
    options = ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]
    code = traced(_with(naive), (home, payload), options, folder / "strace")
    held(code in (-9, 0), f"{name} {number}: ended with {code}")
    return home


def _with(naive: bool) -> Any:
    return obey_naively if naive else obey_order


def obey_naively(folder: Path, payload: bytes, go: Any) -> None:
    obey_order(folder, payload, go, True)


def _killed(folder: Path, payload: bytes, point: tuple[str, int]) -> str:
    return _judged(_cut(folder, payload, point), payload, f"killed at {point[0]} {point[1]}")


def _judged(home: Path, payload: bytes, where: str) -> str:
    """Start it again, send the order again. Returns how the order ended."""
    unit = Ordered(home)
    unit.live()
    unit.send_raw(payload)  # a hub that heard nothing asks again
    unit.live()
    unit.intake.close()
    ends, told = _ends(home)
    held(len(ends) == 1, f"{where}: {len(ends)} last replies: {told}")
    new, events = _in_use(home), _events(home)
    if told == ["succeeded"]:
        held(new, f"{where}: told as flashed, and is not in use")
        held(events == 1, f"{where}: {events} events say that it is kept")
    else:
        held(not new and events == 0, f"{where}: told as {told[0]}, and is in use")
    return told[0]


def _ends(home: Path) -> tuple[set[str], list[str]]:
    """Ids of last replies that are no repeats, and what they say."""
    replies = [
        each for each in told_in(home)
        if each["data"].get("status") in FINAL and not each["data"].get("repeat")
    ]  # fmt: skip
    words = {each["data"].get("code") or each["data"]["status"] for each in replies}
    return {each["id"] for each in replies}, sorted(words)


def _in_use(home: Path) -> bool:
    content = read_slots(home / "state/slots").lane("config").content
    return content is not None and content.serial == 5


def _events(home: Path) -> int:
    events = (each for each in told_in(home) if each["data"].get("what") == "committed")
    return len({each["id"] for each in events})


def _control(folder: Path, payload: bytes, points: list[tuple[str, int]]) -> int:
    """How many orders a unit tells wrongly that does not ask the slots what became of them."""
    wrong = 0
    for point in spread(points[len(points) // 8 :], CONTROLS):
        home = _cut(folder, payload, point, naive=True)
        unit = Ordered(home, naive=True)
        unit.live()
        unit.send_raw(payload)
        unit.live()
        unit.intake.close()
        _, told = _ends(home)
        wrong += _in_use(home) and told != ["succeeded"]
    return wrong
