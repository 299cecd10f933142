"""A line to a unit over SSH: the system's own ssh, with its keys, its questions, its settings."""

import contextlib
import os
import re
import select
import subprocess
from dataclasses import dataclass
from typing import IO, Self

from config.language import tell
from edge.flashing.lines.far_end import refusal_in, remote_command
from edge.flashing.lines.sending import LineLostError

CONNECT_S = 15


@dataclass(frozen=True, slots=True)
class Host:
    """Where to: `[USER@]HOST[:PORT]`."""

    target: str
    port: int | None

    @classmethod
    def read(cls, text: str) -> "Host | None":
        """None for what is no host. An IPv6 address with a port stands in brackets."""
        found = re.fullmatch(r"((?:[\w.-]+@)?(?:[\w.-]+|\[[0-9A-Fa-f:]+\]))(?::(\d{1,5}))?", text)
        if found is None or found[1].startswith("-"):
            return None
        return cls(found[1].replace("[", "").replace("]", ""), int(found[2]) if found[2] else None)


class SshLine:
    """The system's ssh, with the receiver at its other end."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", into: IO[bytes], out: IO[bytes], err: IO[bytes]
    ) -> None:
        self._process = process
        self._into, self._out, self._err = into, out, err
        self._said = b""
        self._first = b""

    @classmethod
    def open(cls, host: Host, password: str | None = None) -> Self:
        """`password`: for sudo there; ssh asks on the terminal. Raises LineLostError."""
        # -a, -x: a unit that means harm has no use of the laptop's keys and screen.
        options = ["-T", "-a", "-x"]
        options += ["-o", f"ConnectTimeout={CONNECT_S}", "-o", "ServerAliveInterval=10"]
        port = ["-p", str(host.port)] if host.port else []
        command = remote_command(asks=password is not None)
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell, and the target begins with no dash
                ["ssh", *options, *port, "--", host.target, command],  # noqa: S607 - the user's own
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError as error:
            raise LineLostError(
                tell("there is no ssh on this computer"), tell("apt-get install openssh-client")
            ) from error
        into, out, err = process.stdin, process.stdout, process.stderr
        if into is None or out is None or err is None:
            raise RuntimeError("pipes were asked for")
        for pipe in (out, err):
            os.set_blocking(pipe.fileno(), False)
        line = cls(process, into, out, err)
        if password is not None:
            line.write(password.encode() + b"\n")
        return line

    @property
    def asks_for_password(self) -> bool:
        """Whether it ended since sudo wants one."""
        return b"password is required" in self._said

    def await_word(self) -> bool:
        """Whether the other end says something; False where it has ended. It is read again."""
        while not self._first:
            try:
                self._first = self.read(1.0)
            except LineLostError:
                if self.asks_for_password:
                    return False
                raise
        return True

    def read(self, wait_s: float) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        ready, _, _ = select.select([self._out, self._err], [], [], wait_s)
        if self._err in ready:
            self._said = (self._said + (self._err.read() or b""))[-8192:]
        data = (self._out.read() if self._out in ready else None) or b""
        if not data and self._process.poll() is not None:
            self._said += self._err.read() or b""
            raise self._lost()
        return data

    def write(self, data: bytes) -> None:
        try:
            self._into.write(data)
            self._into.flush()
        except OSError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._said += self._err.read() or b""
            raise self._lost() from error

    def close(self) -> None:
        """Never raises."""
        for pipe in (self._into, self._out, self._err):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _lost(self) -> LineLostError:
        said = self._said.decode("utf-8", "replace")
        known = refusal_in(said)
        if known is not None:
            return LineLostError(*known)
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
        return LineLostError(
            tell("the connection ended: {last}", last=last[-200:] or "-"),
            tell("the same command again goes on where it broke off"),
        )
