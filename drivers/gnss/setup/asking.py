"""Commands that are sentences: how they are asked, and what their answers hold."""

from collections.abc import Callable, Mapping

from drivers.gnss.nmea_framing import frame
from drivers.gnss.setup.line import Line, Piece
from drivers.gnss.setup.settings import SetupError
from drivers.gnss.sky import Constellation

ANSWER_S = 1.2
MILLISECONDS = 1000.0
BUSY = "being worked on"
SIX = (  # PAIR066 and PQTMCFGCNST, in order
    Constellation.GPS,
    Constellation.GLONASS,
    Constellation.GALILEO,
    Constellation.BEIDOU,
    Constellation.QZSS,
    Constellation.NAVIC,
)


class Asking:
    """Sentences out, sentences back."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def fields(self, body: str, answer: str, within_s: float = ANSWER_S) -> list[str] | None:
        """The fields of the answer that begins with `answer`; None where none comes."""

        return self.line.ask(frame(body), beginning(answer), within_s)


def told(asking: Asking, body: str, answer: str, done: str, words: Mapping[str, str]) -> None:
    """Command, and have it done. `answer` begins what comes back; `done` is its third field then.

    Raises SetupError, with the receiver's own words.
    """
    fields = asking.fields(body, answer)
    while fields is not None and words.get("".join(fields[2:3])) == BUSY:
        fields = asking.line.wait_for(beginning(answer), ANSWER_S)
    if fields is None:
        raise SetupError(f"no answer to {body}")
    if fields[2:3] != [done]:
        why = words.get("".join(fields[2:3]), "refused")
        raise SetupError(f"the receiver answers {body}: {why}")


def only_known(messages: Mapping[str, int], known: "Mapping[str, int] | tuple[str, ...]") -> None:
    for kind, every in messages.items():
        if every and kind not in known:
            raise SetupError(f"this receiver has no {kind}; it has {', '.join(known)}")


def beginning(answer: str) -> Callable[[Piece], list[str] | None]:
    def take(piece: Piece) -> list[str] | None:
        return piece.sentence.split(",") if piece.sentence.startswith(answer) else None

    return take


def whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def hz(texts: list[str]) -> float | None:
    every_ms = whole("".join(texts))
    return MILLISECONDS / every_ms if every_ms else None


def of_six(texts: list[str]) -> frozenset[Constellation]:
    return frozenset(each for each, on in zip(SIX, texts, strict=False) if on == "1")


def as_six(wanted: frozenset[Constellation]) -> str:
    return ",".join(str(int(each in wanted)) for each in SIX)
