"""What all u-blox receivers have in common: UBX, through pyubx2 (the only module that imports it).

Frames: u-blox M10 interface description, 3.2. Which generation it is, MON-VER tells.
"""

import re
from typing import Any

from drivers.gnss.setup.line import Line, Piece
from drivers.gnss.setup.settings import SetupError

ANSWER_S = 1.5
MON_VER = bytes.fromhex("b5620a0400000e34")  # the poll; known without pyubx2
MON_VER_ID, ACK, NAK = b"\x0a\x04", b"\x05\x01", b"\x05\x00"
MILLISECONDS = 1000.0
EMPTY_BYTES = 8  # a frame without content: a question


def version_in(piece: Piece) -> bytes | None:
    """The frame, if it is the answer to MON_VER."""
    return piece.ubx if piece.ubx[2:4] == MON_VER_ID and len(piece.ubx) > EMPTY_BYTES else None


def library() -> Any:
    try:
        import pyubx2
    except ImportError as error:
        raise SetupError(
            "this is a u-blox receiver, and pyubx2 is missing: pip install 'patrol-edge[gnss]'"
        ) from error
    return pyubx2


def decoded(pyubx2: Any, frame: bytes) -> Any:
    errors = (
        pyubx2.UBXMessageError,
        pyubx2.UBXParseError,
        pyubx2.UBXStreamError,
        pyubx2.UBXTypeError,
    )
    try:
        return pyubx2.UBXReader.parse(frame)
    except (*errors, ValueError, KeyError, IndexError) as error:
        raise SetupError(
            f"the receiver answers, but not in UBX that can be read: {error}"
        ) from error


def identity(pyubx2: Any, version: bytes) -> tuple[float, str]:
    """Protocol version (0 where it does not tell: series 6) and model."""
    message = decoded(pyubx2, version)
    words = [_text(message.swVersion)]
    words += [_text(value) for name, value in vars(message).items() if name.startswith("extension")]
    told = " ".join(words)
    protocol = re.search(r"PROTVER[= ](\d+\.\d+)", told)
    model = re.search(r"MOD=(\S+)", told)
    firmware = re.search(r"FWVER=(\S+ \S+)", told)
    name = model[1] if model else f"hardware {_text(message.hwVersion)}"
    more = f", {firmware[1]}" if firmware else ""
    version_told = f", protocol {protocol[1]}" if protocol else ""
    return (float(protocol[1]) if protocol else 0.0), f"u-blox {name}{more}{version_told}"


def _text(value: bytes | str) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return "".join(letter for letter in text if letter.isprintable()).strip()


class Ublox:
    """What both kinds have in common."""

    restarts = False
    can = frozenset({"rate", "constellations", "messages", "baud", "save"})

    def __init__(self, line: Line, model: str) -> None:
        self._line = line
        self._pyubx2 = library()
        self.model = model

    def is_there(self) -> bool:
        return self._line.ask(MON_VER, version_in, ANSWER_S) is not None

    def _set(self, message: Any, what: str) -> None:
        """Send, and have it acknowledged. Raises SetupError."""
        data = message.serialize()

        def answer(piece: Piece) -> bool | None:
            if piece.ubx[2:4] not in (ACK, NAK) or piece.ubx[6:8] != data[2:4]:
                return None
            return piece.ubx[2:4] == ACK

        taken = self._line.ask(data, answer, ANSWER_S)
        if taken is None:
            raise SetupError(f"no answer to {what}; is the receiver's UBX input on?")
        if not taken:
            raise SetupError(f"the receiver refuses {what}; it may not be able to")

    def _poll(self, message: Any, what: str) -> list[Any]:
        """Ask, and take all answers of the same kind until the last. Raises SetupError."""
        data, answers = message.serialize(), list[Any]()

        def answer(piece: Piece) -> bool | None:
            echo = piece.ubx == data or len(piece.ubx) == EMPTY_BYTES
            if piece.ubx[2:4] == data[2:4] and not echo:
                answers.append(decoded(self._pyubx2, piece.ubx))
                return None
            if piece.ubx[2:4] in (ACK, NAK) and piece.ubx[6:8] == data[2:4]:
                return piece.ubx[2:4] == ACK
            return None

        taken = self._line.ask(data, answer, ANSWER_S)
        if not answers or taken is False:
            raise SetupError(f"the receiver does not tell {what}")
        return answers
