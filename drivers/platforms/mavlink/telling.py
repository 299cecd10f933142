"""What an autopilot says in words (STATUSTEXT) and of its parts (SYS_STATUS): its faults."""

from dataclasses import dataclass
from typing import Any

from drivers.platforms.mavlink.numbers import MAV_SEVERITY_ERROR

KEPT_S = 30.0  # an error that is not repeated is over
MOST = 8
CHUNKS_S = 2.0  # pieces of one long text come together

# MAV_SYS_STATUS_SENSOR, those whose failure concerns a patrol, in a technician's words.
SENSORS = {
    1 << 0: "gyroscope", 1 << 1: "accelerometer", 1 << 2: "compass", 1 << 3: "barometer",
    1 << 5: "GNSS receiver", 1 << 15: "motor outputs", 1 << 16: "radio control",
    1 << 20: "fence", 1 << 21: "attitude filter", 1 << 22: "terrain map", 1 << 24: "logging",
    1 << 25: "battery", 1 << 26: "proximity sensor", 1 << 28: "pre-arm checks",
}  # fmt: skip


@dataclass(slots=True)
class _Long:
    """A text that comes in pieces (STATUSTEXT, fields `id` and `chunk_seq`)."""

    heard_s: float
    severity: int
    pieces: dict[int, str]


class Telling:
    """Takes both messages; `faults` says what is wrong now."""

    def __init__(self) -> None:
        self._errors: dict[str, float] = {}  # text: when it was said last
        self._long: dict[int, _Long] = {}
        self._sick: tuple[str, ...] = ()

    def hear(self, fields: Any, heard_s: float) -> None:
        """A STATUSTEXT."""
        number, chunk = getattr(fields, "id", 0), getattr(fields, "chunk_seq", 0)
        words = printable(fields.text)
        if number:
            words = self._joined(number, chunk, words, fields.severity, heard_s)
        elif fields.severity > MAV_SEVERITY_ERROR:
            return
        if words:
            self._errors.pop(words, None)  # the newest last
            self._errors[words] = heard_s
            while len(self._errors) > MOST:
                self._errors.pop(next(iter(self._errors)))

    def _joined(self, number: int, chunk: int, words: str, severity: int, heard_s: float) -> str:
        """The text so far; what is no error is remembered only to be ignored."""
        long = self._long.get(number)
        if long is None or heard_s - long.heard_s > CHUNKS_S or chunk == 0:
            long = self._long[number] = _Long(heard_s, severity, {})
        while len(self._long) > MOST:
            self._long.pop(next(iter(self._long)))
        before = "".join(text for _, text in sorted(long.pieces.items()))
        long.pieces[chunk], long.heard_s = words, heard_s
        if long.severity > MAV_SEVERITY_ERROR:
            return ""
        self._errors.pop(before, None)
        return "".join(text for _, text in sorted(long.pieces.items()))

    def note_parts(self, fields: Any) -> None:
        """A SYS_STATUS: what is there, wanted and not healthy."""
        there = fields.onboard_control_sensors_present & fields.onboard_control_sensors_enabled
        sick = there & ~fields.onboard_control_sensors_health
        self._sick = tuple(name for bit, name in SENSORS.items() if sick & bit)

    def faults(self, now_s: float) -> tuple[str, ...]:
        said = [words for words, at_s in self._errors.items() if now_s - at_s < KEPT_S]
        sick = [f"its {', '.join(self._sick)} is not healthy"] if self._sick else []
        return (*sick, *reversed(said))


def printable(text: str | bytes) -> str:
    """Words of an autopilot, fit for a terminal and a message."""
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return "".join(letter for letter in told.split("\0")[0] if letter.isprintable()).strip()
