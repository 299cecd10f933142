"""A line to a unit over its serial console: log in, and start the receiver."""

import contextlib
import re
from collections.abc import Callable
from typing import Self

from config.language import Told, said, tell
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.stream import SerialStream
from edge.flashing.lines.far_end import ASKS, refusal_in, remote_command
from edge.flashing.lines.sending import LineLostError

LOGIN_S = 40.0  # a small computer's login takes its time
QUIET_S, QUIET_WITHIN_S = 0.3, 2.0
Secret = Callable[[Told], str]  # asks the technician; what is typed is not shown
# The kernel's messages come between; what was asked before one of them is asked still.
_KERNEL = re.compile(r"\n\[ *\d+\.\d+\] [^\n]*\n")
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])")


class ConsoleLine:
    """A serial console: somebody logs in, and starts the receiver."""

    def __init__(self, stream: SerialStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._heard = ""
        self._logged_in = False

    @classmethod
    def open(cls, port: str, baud: int, clock: Clock) -> Self:
        """Raises LineLostError."""
        try:
            return cls(SerialStream.open(port, baud), clock)
        except DeviceUnavailableError as error:
            raise LineLostError(
                said(error), tell("`patrol-edge devices` lists what is plugged in")
            ) from error

    def start_receiver(self, user: str | None, ask: Secret) -> None:
        """Log in, if the console asks for it, and start the receiver. Raises LineLostError."""
        self.write(b"\r")
        ends_s = self._clock.mono_s() + LOGIN_S
        passwords = 0
        password: str | None = None
        while self._clock.mono_s() < ends_s:
            self._listen()
            if self._ends_with(r"login: *"):
                if user is None:
                    raise LineLostError(
                        tell("the unit's console asks for a user"), tell("give one: --user NAME")
                    )
                self._say(user)
                self._logged_in = True
            elif self._ends_with(r"[Pp]assword[^\n]*: *"):
                passwords += 1
                if passwords > 2:
                    raise LineLostError(
                        tell("the unit does not take the password"),
                        tell("try it again; it is the one of the user on the unit"),
                    )
                password = ask(tell("password on the unit: "))
                self._say(password)
            elif self._ends_with(r"[#$>] *"):
                self._start(password, ask)
                return
        raise self._no_shell()

    def _start(self, password: str | None, ask: Secret) -> None:
        """At the shell's prompt."""
        self._say(f"stty -echo; ({remote_command(asks=True)})")
        ends_s = self._clock.mono_s() + LOGIN_S
        while self._clock.mono_s() < ends_s:
            self._listen()
            if "@pe1 hello" in self._heard:
                return
            if self._ends_with(re.escape(ASKS.strip()) + " *"):
                self._say(password or ask(tell("password on the unit: ")))
                password = None
            known = refusal_in(self._heard.partition("\n")[2])
            if known is not None:
                raise LineLostError(*known)
        raise self._no_shell()

    def _no_shell(self) -> LineLostError:
        heard = " ".join(self._heard.split())[-160:]
        if not heard:
            return LineLostError(
                tell("nothing comes back from the unit's console"),
                tell("is it on, the cable in, the baud rate right (--baud)?"),
            )
        if "=>" in heard[-4:] or "U-Boot" in heard or "(initramfs)" in heard:
            return LineLostError(
                tell("the unit is in its boot loader: {heard}", heard=heard),
                tell("let it start first: switch it off and on, and wait a minute"),
            )
        return LineLostError(
            tell("the unit's console asks for no login; it says: {heard}", heard=heard),
            tell("is it the console, and the baud rate right (--baud)? Press Enter there once"),
        )

    def _listen(self) -> None:
        """Until it is quiet: a question that is asked twice is answered once."""
        ends_s = self._clock.mono_s() + QUIET_WITHIN_S
        while (data := self.read(QUIET_S)) and self._clock.mono_s() < ends_s:
            text = data.decode("utf-8", "replace").replace("\r", "")
            heard = _ESCAPES.sub("", self._heard + text)[-4000:]
            self._heard = _KERNEL.sub("", heard)

    def _ends_with(self, pattern: str) -> bool:
        return re.search(f"(?:{pattern})$", self._heard) is not None

    def _say(self, text: str) -> None:
        self._heard = ""
        self.write(text.encode() + b"\r")

    def read(self, wait_s: float) -> bytes:
        try:
            return self._stream.read(wait_s)
        except DeviceLostError as error:
            raise LineLostError(
                said(error), tell("plug it in, and the same command again")
            ) from error

    def write(self, data: bytes) -> None:
        try:
            self._stream.send(data)
        except DeviceLostError as error:
            raise LineLostError(
                said(error), tell("plug it in, and the same command again")
            ) from error

    def close(self) -> None:
        """Log out, where this has logged in. Never raises."""
        with contextlib.suppress(LineLostError):
            self.write(b"stty echo\rexit\r" if self._logged_in else b"stty echo\r")
            self.read(0.2)
        self._stream.close()
