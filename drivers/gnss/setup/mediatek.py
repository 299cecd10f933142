"""MediaTek's receivers and their heirs: commands that are sentences.

PMTK: MT3333, MT3339 (Quectel L76, L80, L86; PMTK command packet manual, 3). PAIR: Airoha AG333x
(Quectel LC76G, LC29H, LC86G; Quectel GNSS protocol specification, 2.4).
"""

from collections.abc import Mapping

from drivers.gnss.nmea_framing import frame
from drivers.gnss.setup.asking import (
    BUSY,
    MILLISECONDS,
    Asking,
    as_six,
    hz,
    of_six,
    only_known,
    told,
    whole,
)
from drivers.gnss.setup.line import Line
from drivers.gnss.setup.settings import Settings, SetupError
from drivers.gnss.sky import Constellation

# PMTK314 and PMTK514: which field is which sentence; 19 fields.
PMTK_FIELDS = {"GLL": 0, "RMC": 1, "VTG": 2, "GGA": 3, "GSA": 4, "GSV": 5, "GST": 7, "ZDA": 17}
PMTK_COUNT = 19
PMTK_DONE, PMTK_WORDS = "3", {"0": "invalid", "1": "not supported", "2": "failed"}
PMTK_CONSTELLATIONS = (  # PMTK353, in order; Galileo's second field is its full mode
    Constellation.GPS,
    Constellation.GLONASS,
    Constellation.GALILEO,
    None,
    Constellation.BEIDOU,
)
PAIR_TYPES = {"GGA": 0, "GLL": 1, "GSA": 2, "GSV": 3, "RMC": 4, "VTG": 5, "ZDA": 6, "GST": 8}
PAIR_DONE, PAIR_WORDS = (
    "0",
    {"1": BUSY, "2": "failed", "3": "not supported", "4": "wrong values", "5": "busy"},
)


class _Numbered:
    """Commands with numbers, each acknowledged by its number."""

    restarts = False
    _answer: str  # begins what comes back; then the number, and `_done` or one of `_words`
    _done: str
    _words: Mapping[str, str]

    def __init__(self, line: Line, model: str) -> None:
        self._asking = Asking(line)
        self.model = model

    def planned(self, wishes: Settings) -> list[str]:
        return [body for _, body in self._bodies(wishes)]

    def apply(self, wishes: Settings) -> None:
        for number, body in self._bodies(wishes):
            self._told(number, body)

    def _bodies(self, wishes: Settings) -> list[tuple[str, str]]:
        """Number and body of each command. Raises SetupError for what it does not have."""
        raise NotImplementedError

    def _told(self, number: str, body: str) -> None:
        """Raises SetupError."""
        told(self._asking, body, f"{self._answer},{number}", self._done, self._words)


class Pmtk(_Numbered):
    """MT33xx: rate, sentences, constellations, speed; nothing of it survives without power."""

    can = frozenset({"rate", "constellations", "messages", "baud"})
    _answer, _done, _words = "PMTK001", PMTK_DONE, PMTK_WORDS

    def read(self) -> Settings:
        rate = self._asking.fields("PMTK400", "PMTK500")
        messages = self._asking.fields("PMTK414", "PMTK514")
        known = None
        if messages is not None:
            values = [*messages[1:], *["0"] * PMTK_COUNT]
            known = {kind: whole(values[at]) for kind, at in PMTK_FIELDS.items()}
        return Settings(
            rate_hz=None if rate is None else hz(rate[1:2]),
            messages=known,
            constellations=self._constellations(),
            baud=self._asking.line.stream.baud,
        )

    def _constellations(self) -> frozenset[Constellation] | None:
        told = self._asking.fields("PMTK355", "PMTK001,355")
        if told is None or len(told) < 3 + len(PMTK_CONSTELLATIONS):
            return None
        return frozenset(
            each
            for each, on in zip(PMTK_CONSTELLATIONS, told[3:], strict=False)
            if each is not None and on == "1"
        )

    def _bodies(self, wishes: Settings) -> list[tuple[str, str]]:
        bodies = []
        if wishes.messages is not None:
            only_known(wishes.messages, PMTK_FIELDS)
            fields = ["0"] * PMTK_COUNT
            for kind, every in wishes.messages.items():
                if kind in PMTK_FIELDS:
                    fields[PMTK_FIELDS[kind]] = str(every)
            bodies.append(("314", f"PMTK314,{','.join(fields)}"))
        if wishes.constellations is not None:
            on = [str(int(each in wishes.constellations)) for each in PMTK_CONSTELLATIONS]
            bodies.append(("353", f"PMTK353,{','.join(on)}"))
        if wishes.rate_hz is not None:
            bodies.append(("220", f"PMTK220,{round(MILLISECONDS / wishes.rate_hz)}"))
        return bodies

    def tell_baud(self, baud: int) -> None:
        self._asking.line.send(frame(f"PMTK251,{baud}"))

    def is_there(self) -> bool:
        return self._asking.fields("PMTK605", "PMTK705") is not None

    def save(self) -> str:
        raise SetupError(
            "a receiver of this family keeps its settings only while it has power or a back-up "
            "battery: set it again at each start, or leave it as it is"
        )


class Pair(_Numbered):
    """Airoha: rate, sentences, constellations, kept in flash. Its speed changes only at a restart,
    so it cannot be tried out first, and is left alone."""

    can = frozenset({"rate", "constellations", "messages", "save"})
    _answer, _done, _words = "PAIR001", PAIR_DONE, PAIR_WORDS

    def read(self) -> Settings:
        rate = self._asking.fields("PAIR051", "PAIR051")
        six = self._asking.fields("PAIR067", "PAIR067")
        return Settings(
            rate_hz=None if rate is None else hz(rate[1:2]),
            constellations=None if six is None else of_six(six[1:]),
            messages=self._messages(),
            baud=self._asking.line.stream.baud,
        )

    def _messages(self) -> Mapping[str, int] | None:
        found = {}
        for kind, number in PAIR_TYPES.items():
            told = self._asking.fields(f"PAIR063,{number}", f"PAIR063,{number},")
            if told is not None and len(told) > 2:
                found[kind] = whole(told[2])
        return found or None

    def _bodies(self, wishes: Settings) -> list[tuple[str, str]]:
        bodies = []
        if wishes.messages is not None:
            only_known(wishes.messages, PAIR_TYPES)
            bodies += [
                ("062", f"PAIR062,{number},{wishes.messages.get(kind, 0)}")
                for kind, number in PAIR_TYPES.items()
            ]
        if wishes.constellations is not None:
            bodies.append(("066", f"PAIR066,{as_six(wishes.constellations)}"))
        if wishes.rate_hz is not None:
            bodies.append(("050", f"PAIR050,{round(MILLISECONDS / wishes.rate_hz)}"))
        return bodies

    def tell_baud(self, baud: int) -> None:
        raise SetupError(
            f"this receiver takes another speed only at its next start, so {baud} baud cannot be "
            "tried out first: leave it as it is"
        )

    def is_there(self) -> bool:
        return self._asking.fields("PAIR020", "PAIR020") is not None

    def save(self) -> str:
        self._told("513", "PAIR513")
        return "in its flash"
