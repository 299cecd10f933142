"""A unit as its service starts it: the launcher, a notification socket, restarts when it fails."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.slots import FILES, MANIFEST, Content, Lane, Slot, SlotsFile, read_slots, slot_folder
from telemetry.contract.uuid7 import follows_from, uuid7

LAUNCHER = (sys.executable, "-P", "-m", "edge.booting")


class LaunchedUnit:
    """`Restart=on-failure`, as systemd would: another process when it ends with another code
    than 0, after `restart_s`."""

    def __init__(
        self, unit_file: Path, folder: Path, *, restart_s: float = 0.2, environ: Any = None
    ) -> None:
        self.unit_file = unit_file
        self.log = folder / "unit.log"
        self.codes: list[int] = []  # of processes that ended
        self.notified: list[tuple[float, int, str]] = []  # when, whose, what
        self._restart_s = restart_s
        self._environ = environ or {}
        self._stopping = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._address = str(folder / "notify.sock")
        self._socket.bind(self._address)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.settimeout(0.2)
        self._threads = [threading.Thread(target=work) for work in (self._listen, self._keep)]
        self.process = self._started()
        for thread in self._threads:
            thread.start()

    def _started(self) -> subprocess.Popen[bytes]:
        environ = {"NOTIFY_SOCKET": self._address, "WATCHDOG_USEC": "30000000"}
        with self.log.open("ab") as out:
            return subprocess.Popen(
                [*LAUNCHER, "--config", str(self.unit_file)],
                stdout=subprocess.DEVNULL,
                stderr=out,
                env=os.environ | environ | self._environ,
            )

    def _listen(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                data, ancillary, _, _ = self._socket.recvmsg(4096, 256)
                pid = int.from_bytes(ancillary[0][2][:4], "little") if ancillary else 0
                self.notified.append((time.monotonic(), pid, data.decode()))

    def _keep(self) -> None:
        while not self._stopping.is_set():
            code = self.process.poll()
            if code is None:
                time.sleep(0.02)
                continue
            self.codes.append(code)
            if code == 0 or self._stopping.wait(self._restart_s):
                return
            self.process = self._started()

    def said(self, word: str) -> int:
        """How often this was notified."""
        return sum(word in text for _, _, text in self.notified)

    def kill(self) -> None:
        """As a crash would; it is started again."""
        self.process.send_signal(signal.SIGKILL)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def end(self) -> None:
        self._stopping.set()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join()
        self._socket.close()


@contextmanager
def launched(unit_file: Path, folder: Path, **options: Any) -> Iterator[LaunchedUnit]:
    unit = LaunchedUnit(unit_file, folder, **options)
    try:
        yield unit
    finally:
        unit.end()


def fill_slot(
    slots: Path,
    lane: Lane,
    slot: Slot,
    files: dict[str, str],
    serial: int = 1,
    **claims: object,
) -> Content:
    """What flashing leaves in a slot, with a manifest that nobody signed."""
    home = slot_folder(slots, lane, slot)
    for name, text in files.items():
        path = home / FILES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (home / FILES).mkdir(parents=True, exist_ok=True)
    content = Content(
        bundle=follows_from(uuid7(datetime.now(UTC)), f"{lane} {serial}"),
        name=f"{lane} {serial}",
        serial=serial,
        kind=lane,
    )
    told = {"id": content.bundle, "kind": lane, "name": content.name, "serial": serial} | claims
    payload = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    (home / MANIFEST).write_text(json.dumps({"payload": payload, "signatures": []}))
    return content


def slots_of(folder: Path) -> SlotsFile:
    return read_slots(folder / "state" / "slots")
