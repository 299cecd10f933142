"""What an ELM327 writes back: text up to its prompt, as payloads of the car or as a trouble.

ELM327 data sheet (DSJ), chapters "Interpreting", "Multiline responses" and "Error messages".
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from drivers.base import BadDataError
from drivers.platforms.cars.isotp import Reassembly

PROMPT = b">"
MOST_PENDING_BYTES = 8192  # the longest answer over CAN is 4095 bytes; more is another device


class Trouble(StrEnum):
    """What went wrong, in the adapter's words as far as it has any."""

    NO_DATA = "no_data"
    UNABLE_TO_CONNECT = "unable_to_connect"
    BUS_INIT = "bus_init_error"
    CAN_ERROR = "can_error"
    BUS_ERROR = "bus_error"
    BUS_BUSY = "bus_busy"
    STOPPED = "stopped"
    BUFFER_FULL = "buffer_full"
    DAMAGED = "damaged"  # <DATA ERROR, <RX ERROR, FB ERROR
    NOT_UNDERSTOOD = "not_understood"  # ?
    RESTARTED = "restarted"  # it says its name: power or LV RESET
    INTERNAL = "internal"  # ERR94 and the like
    OTHER = "other"  # bytes that are no answer at all


# Longest first: `BUS INIT: ...ERROR` is no `BUS ERROR`. Spaces and dots do not count.
_WORDS: tuple[tuple[str, Trouble], ...] = (
    ("UNABLETOCONNECT", Trouble.UNABLE_TO_CONNECT),
    ("BUSINIT:ERROR", Trouble.BUS_INIT),
    ("<DATAERROR", Trouble.DAMAGED),
    ("DATAERROR", Trouble.DAMAGED),
    ("<RXERROR", Trouble.DAMAGED),
    ("BUFFERFULL", Trouble.BUFFER_FULL),
    ("CANERROR", Trouble.CAN_ERROR),
    ("BUSERROR", Trouble.BUS_ERROR),
    ("BUSBUSY", Trouble.BUS_BUSY),
    ("FBERROR", Trouble.DAMAGED),
    ("STOPPED", Trouble.STOPPED),
    ("LVRESET", Trouble.RESTARTED),
    ("LPALERT", Trouble.RESTARTED),
    ("ACTALERT", Trouble.RESTARTED),
    ("ELM327", Trouble.RESTARTED),
    ("NODATA", Trouble.NO_DATA),
    ("ERR", Trouble.INTERNAL),
    ("?", Trouble.NOT_UNDERSTOOD),
)
_PROGRESS = re.compile(r"(SEARCHING\.*|BUS ?INIT: ?(\.\.\.)?(OK)?)")
_HEX = re.compile(r"[0-9A-F]+")


class Prompts:
    """Cuts what comes into answers: all up to a prompt."""

    def __init__(self) -> None:
        self._pending = b""
        self.overflows = 0

    def feed(self, data: bytes) -> list[str]:
        """The answers that are whole now. The adapter may send NUL bytes, which are to be ignored
        (data sheet, "Communicating with the ELM327")."""
        *answers, self._pending = (self._pending + data.replace(b"\0", b"")).split(PROMPT)
        if len(self._pending) > MOST_PENDING_BYTES:
            self._pending = b""
            self.overflows += 1
        return [answer.decode("ascii", "replace") for answer in answers]

    def clear(self) -> None:
        self._pending = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: hexadecimal lines, or words, or a trouble (or several of them)."""

    lines: tuple[str, ...] = ()
    trouble: Trouble | None = None


def read_lines(text: str, command: str) -> Answer:
    """The lines behind the echo of the command, without what only tells of progress."""
    lines, trouble = [], None
    for raw in re.split(r"[\r\n]+", text.upper()):
        line = _PROGRESS.sub("", raw).strip()
        if not line or line.replace(" ", "") == command.replace(" ", ""):
            # What is left of `BUS INIT: ERROR` is its last word; SEARCHING... leaves nothing.
            continue
        found = _trouble_in("BUSINIT:ERROR" if line == "ERROR" else line)
        if found is None:
            lines.append(line)
        trouble = trouble or found
    return Answer(tuple(lines), trouble)


def _trouble_in(line: str) -> Trouble | None:
    dense = line.replace(" ", "").replace(".", "")
    return next((trouble for word, trouble in _WORDS if word in dense), None)


@dataclass(slots=True)
class Payloads:
    """From the hexadecimal lines of an answer to what each control unit said.

    The adapter is told to show headers (AT H1) and no spaces (AT S0).
    """

    reassembly: Reassembly = field(default_factory=Reassembly)

    def read(self, answer: Answer, protocol: str, now_s: float) -> list[bytes]:
        """`protocol`: the adapter's number for it, where it is not known it is told by
        the length of the lines. Raises BadDataError where a line is none."""
        found: list[bytes] = []
        parts: list[bytes] = []
        for line in answer.lines:
            dense = line.replace(" ", "")
            if not _HEX.fullmatch(dense):
                raise BadDataError(f"no hexadecimal line: {line[:40]!r}")
            if _is_can(protocol, dense):
                payload, _ = self.reassembly.feed(*_can_frame(dense), now_s)
                if payload is not None:
                    found.append(payload)
            else:
                payload = _older_message(dense)
                # A number over lines: 49 02 and the line's own number in front of four bytes each.
                (parts if payload[:2] == b"\x49\x02" else found).append(payload)
        if parts:
            found.append(b"\x49\x02" + b"".join(part[3:] for part in sorted(parts)))
        return found


def _is_can(protocol: str, line: str) -> bool:
    if protocol.isalnum():
        return protocol not in "12345"
    return len(line) % 2 == 1 or line.startswith("18DA")


def _can_frame(line: str) -> tuple[int, bytes]:
    """Sender and data; an id of 11 bits makes the line's length odd, one of 29 has 8 digits."""
    digits = 3 if len(line) % 2 else 8
    data = bytes.fromhex(line[digits:])
    if not 1 <= len(data) <= 8:
        raise BadDataError(f"{len(data)} bytes are no CAN frame: {line[:40]}")
    return int(line[:digits], 16), data


def _older_message(line: str) -> bytes:
    """J1850, ISO 9141-2, ISO 14230: three bytes of header, the payload, a checksum."""
    if len(line) % 2 or len(line) < 12:
        raise BadDataError(f"too short for a message: {line[:40]}")
    return bytes.fromhex(line)[3:-1]
