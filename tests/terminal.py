"""A command at a terminal: what it shows is waited for, what a person types is typed."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE_S = 60.0


class Terminal:
    """One command on a pty of its own. Everything that stood on the screen is in `shown`."""

    def __init__(self, argv: Sequence[str], before: str = "") -> None:
        """`before`: Python that runs in front of the command line's `main`."""
        code = f"{before}\nimport sys\nfrom edge.cli.main import main\nsys.exit(main(sys.argv[1:]))"
        self._master, slave = os.openpty()
        environ = {**os.environ, "TERM": "dumb", "LANG": "C.UTF-8", "PYTHONPATH": _root()}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *argv],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=environ,
        )  # fmt: skip
        os.close(slave)
        self.shown = ""
        self._seen = 0

    def sees(self, text: str) -> None:
        """Wait until it stands there, after what was seen before."""
        ends = time.monotonic() + PATIENCE_S
        while text not in self.shown[self._seen :]:
            assert time.monotonic() < ends, f"no {text!r} after {self.shown[self._seen :]!r}"
            assert self._read(0.2) or self._process.poll() is None, self.shown[self._seen :]
        self._seen = self.shown.index(text, self._seen) + len(text)

    def types(self, text: str) -> None:
        os.write(self._master, text.encode() + b"\n")

    def answers(self, question: str, text: str) -> None:
        self.sees(question)
        self.types(text)

    def hangs_up(self) -> None:
        """Ctrl-D."""
        os.write(self._master, b"\x04")

    def ends(self) -> int:
        ends = time.monotonic() + PATIENCE_S
        while self._process.poll() is None:
            assert time.monotonic() < ends, f"it does not end: {self.shown[-500:]!r}"
            self._read(0.1)
        while self._read(0):
            pass
        return int(self._process.returncode)

    def _read(self, wait_s: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], wait_s)
        if not ready:
            return False
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # EIO: the other end is closed
            return False
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


def _root() -> str:
    return str(Path(__file__).parents[1])
