"""A real MQTT broker on a free loopback port, for tests: mosquitto, or amqtt where it is absent."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")

_AMQTT = """
import asyncio, sys
from amqtt.broker import Broker
async def main():
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:%d"}},
                     "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin":
                                 {"allow_anonymous": True}}})
    await broker.start()
    await asyncio.Event().wait()
asyncio.run(main())
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """One broker process. `restart` keeps the port, and mosquitto's persistence if it has any."""

    def __init__(self, settings: Sequence[str] = (), *, kind: str = "") -> None:
        """`settings`: lines of mosquitto.conf; without a listener in them, an open one is made.

        `kind`: "mosquitto", "amqtt", or the first of them that is installed.
        """
        self.kind = kind or ("mosquitto" if MOSQUITTO else "amqtt")
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="broker-"))
        lines = [line.replace("{port}", str(self.port)) for line in settings]
        if not any(line.startswith("listener") for line in lines):
            lines = [f"listener {self.port} 127.0.0.1", *lines]
        if not any(line.startswith("allow_anonymous") for line in lines):
            lines.append("allow_anonymous true")
        if os.geteuid() == 0:
            lines.append("user root")  # else it gives up the right to read the test's files
        (self._folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def start(self) -> None:
        if self.kind == "mosquitto":
            command = [str(MOSQUITTO), "-c", str(self._folder / "mosquitto.conf")]
        else:
            command = [sys.executable, "-W", "ignore", "-c", _AMQTT % self.port]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        log_text = self.log
        self.stop()
        raise RuntimeError(f"{self.kind} did not start:\n{log_text}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def stop(self) -> None:
        self.kill()
        if self._folder.exists():
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
