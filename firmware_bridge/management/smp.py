"""MCUmgr's SMP over a serial line: a request out, its answer back. Alone imports smpclient and smp.

Requests and framing are the library's. Its own client is not used: it knows only replies without
unknown fields, raises half a dozen kinds of error for damaged bytes, waits for ever on a board that
asks for the same part again, polls every 5 ms, and opens the port itself, where here the line is
shared with the run-time link.
"""

import struct
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from firmware_bridge.management.errors import (
    BoardRestartedError,
    BoardSilentError,
    MissingProgramError,
)
from firmware_bridge.management.refusals import raise_for
from firmware_bridge.runtime.port import Port
from firmware_bridge.runtime.splitter import ConsoleText, ManagementLine, Splitter

ANSWER_S = 2.5
READ_S = 0.05
LINE_BYTES = 128  # Zephyr's MCUMGR_SERIAL_MAX_FRAME
_HEADER = struct.Struct(">BBHHBB")  # operation and version, flags, length, group, sequence, command
BANNER = "*** Booting"  # Zephyr prints it, where it has its console on this line
FIRST_LINE = b"\x06\x09"
# Ends a line that a pulled plug has left half sent. Two bytes: after one alone, the first byte of a
# line could be taken for the version of a frame.
END_LINE = b"\r\n"

try:
    import cbor2
    from smp import packet
    from smp.exceptions import SMPException
    from smpclient.requests import image_management, os_management, settings_management
except ModuleNotFoundError as error:  # told when somebody manages a board: the rest works without
    _MISSING: ModuleNotFoundError | None = error
else:
    _MISSING = None


class Request(Protocol):
    """What smpclient.requests hold."""

    @property
    def BYTES(self) -> bytes: ...  # noqa: N802 - the library's name


class Replies:
    """Puts messages together from what comes on the line; drops what is damaged, by cause."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._decoder: Any = None
        self.dropped: Counter[str] = Counter()
        self.boots = 0  # how often the board was heard to start

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that these bytes complete."""
        found = []
        for item in self._splitter.feed(data):
            if isinstance(item, ConsoleText) and BANNER in item.text:
                self.boots += 1
            elif isinstance(item, ManagementLine):
                message = self._take(item.data)
                if message is not None:
                    found.append(message)
        return found

    def _take(self, line: bytes) -> bytes | None:
        if line[:2] == FIRST_LINE:
            self._decoder = packet.decode()
            next(self._decoder)
        if self._decoder is None:
            self.dropped["stray"] += 1
            return None
        try:
            self._decoder.send(line + packet.END_DELIMITER)
        except StopIteration as end:
            self._decoder = None
            return bytes(end.value)
        except (SMPException, ValueError, struct.error):
            self._decoder = None
            self.dropped["damaged"] += 1
        return None


class SmpLine:
    """One conversation with one board. One thread."""

    def __init__(self, port: Port, mono_s: Callable[[], float] = time.monotonic) -> None:
        """Raises MissingProgramError without the extra."""
        if _MISSING is not None:
            raise MissingProgramError(
                f"boards are managed with a library that is not installed ({_MISSING.name})",
                "pip install 'patrol-edge[boards]'",
            )
        self._port = port
        self._mono_s = mono_s
        self._replies = Replies()
        self._between = END_LINE

    @property
    def dropped(self) -> dict[str, int]:
        """What came and was no answer, by cause: damaged, stray, other (not to this request)."""
        return dict(self._replies.dropped)

    def close(self) -> None:
        self._port.close()

    def ask(self, request: Request, within_s: float = ANSWER_S) -> dict[str, Any]:
        """The answer's map. Raises BoardSilentError, BoardRefusedError, DeviceLostError."""
        data = request.BYTES
        ends_s, boots = self._mono_s() + within_s, self._replies.boots
        self._port.send(self._between + b"".join(packet.encode(data, line_length=LINE_BYTES)))
        self._between = b""
        while self._mono_s() < ends_s:
            for message in self._replies.feed(self._port.read(READ_S)):
                body = answer_to(data, message)
                if body is not None:
                    raise_for(body, _HEADER.unpack_from(data)[3])
                    return body
                self._replies.dropped["other"] += 1
            if self._replies.boots > boots:
                raise BoardRestartedError("the board has started anew", "is its supply steady?")
        self._between = END_LINE
        raise BoardSilentError(
            f"the board gives no answer within {within_s:g} s",
            "is it powered, is this its port and baud rate, does its firmware have MCUmgr?",
        )


def answer_to(request: bytes, message: bytes) -> dict[str, Any] | None:
    """The map of a reply to this request; None if it is to another, or is none."""
    if len(message) < _HEADER.size:
        return None
    asked, told = _HEADER.unpack_from(request), _HEADER.unpack_from(message)
    if told[0] & 7 != asked[0] & 7 | 1 or told[3:] != asked[3:]:
        return None
    content = message[_HEADER.size :]
    if told[2] != len(content):
        return None
    try:
        body = cbor2.loads(content)
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


# --- requests ------------------------------------------------------------------------------------


def echo(text: str) -> Request:
    return os_management.EchoWrite(d=text)


def read_parameters() -> Request:
    return os_management.MCUMgrParametersRead()


def read_info(form: str) -> Request:
    return os_management.OSApplicationInfoRead(format=form)


def reset() -> Request:
    return os_management.ResetWrite()


def read_images() -> Request:
    return image_management.ImageStatesRead()


def mark_image(digest: bytes, *, confirm: bool) -> Request:
    return image_management.ImageStatesWrite(hash=digest, confirm=confirm)


def first_part(data: bytes, size_bytes: int, sha256: bytes) -> Request:
    return image_management.ImageUploadWrite(
        off=0, data=data, image=0, len=size_bytes, sha=sha256, upgrade=False
    )


def next_part(offset: int, data: bytes) -> Request:
    return image_management.ImageUploadWrite(off=offset, data=data)


def read_setting(name: str) -> Request:
    return settings_management.ReadSetting(name=name)


def write_setting(name: str, value: bytes) -> Request:
    return settings_management.WriteSetting(name=name, val=value)


def save_settings() -> Request:
    return settings_management.SaveSettings()
