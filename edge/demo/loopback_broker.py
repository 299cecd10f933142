"""A broker on loopback for the demo and the bench: mosquitto where installed, else amqtt."""

import shutil
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

START_S = 10.0

# Debian puts mosquitto where only root's PATH looks.
MOSQUITTO_PATHS = ("/usr/sbin", "/usr/local/sbin")


class BrokerError(Exception):
    """The broker did not come up."""


def find_mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=":".join(MOSQUITTO_PATHS))


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class LoopbackBroker(AbstractContextManager["LoopbackBroker"]):
    """One broker process, open to this machine only, gone when the context ends."""

    def __init__(self, folder: Path, mosquitto: str | None, port: int | None = None) -> None:
        self.port = port or free_port()
        self.name = "mosquitto" if mosquitto else "amqtt"
        self._folder = folder
        self._mosquitto = mosquitto
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        log = self._folder / "broker.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - fixed program, our own arguments
                self._command(), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._wait_until_it_listens(log)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(3.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _command(self) -> list[str]:
        if self._mosquitto:
            config = self._folder / "mosquitto.conf"
            config.write_text(
                f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                "persistence false\nmax_inflight_messages 100\nmax_queued_messages 100000\n"
            )
            return [self._mosquitto, "-c", str(config)]
        config = self._folder / "amqtt.yaml"
        config.write_text(
            "listeners:\n  default:\n    type: tcp\n"
            f"    bind: 127.0.0.1:{self.port}\n"
            "plugins:\n  amqtt.plugins.authentication.AnonymousAuthPlugin:\n"
            "    allow_anonymous: true\n"
        )
        return [str(Path(sys.executable).with_name("amqtt")), "-c", str(config)]

    def _wait_until_it_listens(self, log: Path) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with socket.socket() as sock:
                sock.settimeout(0.2)
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise BrokerError(f"{self.name} did not start on port {self.port}: {last[0]}")
