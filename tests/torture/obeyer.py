"""A process that obeys commands and can be cut off anywhere; what it did stands in a file."""

import json
import os
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from telemetry.commands.handling import Order, Progress, Result
from tests.commanded import Commanded, Doer
from tests.stranger_signer import unb64

DONE = "done"  # one line for each time that something was done


def obedient(folder: Path) -> Commanded:
    """The unit of this folder, whose `ping` leaves a line behind."""

    def act(order: Order, _progress: Progress) -> Result:
        handle = os.open(folder / DONE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, order.id.encode() + b"\n")
        os.close(handle)
        return None

    unit = Commanded(folder, keys=False)
    unit.handlers["ping"] = Doer(act=act)
    return unit


def obey(folder: Path, payloads: list[bytes], go: Connection) -> None:
    """Obey each of them in turn, from the moment that somebody says go."""
    go.recv()
    unit = obedient(folder)
    for payload in payloads:
        unit.send_raw(payload)
        unit.pass_time(1.1)
    unit.intake.close()


def done_in(folder: Path) -> list[str]:
    path = folder / DONE
    return path.read_text().split() if path.exists() else []


def naive(folder: Path, payloads: list[bytes], go: Connection) -> None:
    """The control: does first and remembers afterwards, as one does in a hurry."""
    go.recv()
    for payload in payloads:
        claims: dict[str, Any] = json.loads(unb64(payload.split(b".")[1]))
        known = folder / "known" / claims["id"]
        if known.exists():
            continue
        with (folder / DONE).open("a") as file:
            file.write(claims["id"] + "\n")
        known.parent.mkdir(exist_ok=True)
        new = known.with_suffix(".new")
        new.write_text("done")
        new.rename(known)
