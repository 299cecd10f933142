"""Quectel's LG290P, LG580P and relatives: PQTM commands (GNSS protocol specification, 2.3)."""

from collections.abc import Mapping

from drivers.gnss.nmea_framing import frame
from drivers.gnss.setup.asking import MILLISECONDS, Asking, as_six, hz, of_six, only_known, whole
from drivers.gnss.setup.line import Line
from drivers.gnss.setup.settings import Settings, SetupError

KINDS = ("GGA", "RMC", "GSA", "GSV", "VTG", "GLL", "GST", "ZDA")


class Pqtm:
    """Quectel's own: what it is told counts from the next start on: saved, and started again."""

    restarts = True
    can = frozenset({"rate", "constellations", "messages", "save"})

    def __init__(self, line: Line, model: str) -> None:
        self._asking = Asking(line)
        self.model = model

    def read(self) -> Settings:
        rate = self._asking.fields("PQTMCFGFIXRATE,R", "PQTMCFGFIXRATE,OK,")
        six = self._asking.fields("PQTMCFGCNST,R", "PQTMCFGCNST,OK,")
        return Settings(
            rate_hz=None if rate is None else hz(rate[2:3]),
            constellations=None if six is None else of_six(six[2:]),
            messages=self._messages(),
            baud=self._asking.line.stream.baud,
        )

    def _messages(self) -> Mapping[str, int] | None:
        found = {}
        for kind in KINDS:
            told = self._asking.fields(f"PQTMCFGMSGRATE,R,{kind}", "PQTMCFGMSGRATE,OK,")
            if told is not None and told[2:3] == [kind]:
                found[kind] = whole("".join(told[3:4]))
        return found or None

    def planned(self, wishes: Settings) -> list[str]:
        return self._bodies(wishes)

    def apply(self, wishes: Settings) -> None:
        for body in self._bodies(wishes):
            self._told(body)

    def _bodies(self, wishes: Settings) -> list[str]:
        bodies = []
        if wishes.messages is not None:
            only_known(wishes.messages, KINDS)
            bodies += [f"PQTMCFGMSGRATE,W,{kind},{wishes.messages.get(kind, 0)}" for kind in KINDS]
        if wishes.constellations is not None:
            bodies.append(f"PQTMCFGCNST,W,{as_six(wishes.constellations)}")
        if wishes.rate_hz is not None:
            bodies.append(f"PQTMCFGFIXRATE,W,{round(MILLISECONDS / wishes.rate_hz)}")
        return bodies

    def _told(self, body: str) -> None:
        name = body.partition(",")[0]
        answer = self._asking.fields(body, f"{name},")
        if answer is None:
            raise SetupError(f"no answer to {body}")
        if answer[1:2] != ["OK"]:
            raise SetupError(f"the receiver answers {body}: {','.join(answer[1:])}")

    def tell_baud(self, baud: int) -> None:
        raise SetupError(
            f"this receiver takes another speed only at its next start, so {baud} baud cannot be "
            "tried out first: leave it as it is"
        )

    def is_there(self) -> bool:
        return self._asking.fields("PQTMVERNO", "PQTMVERNO,") is not None

    def save(self) -> str:
        self._told("PQTMSAVEPAR")
        self._asking.line.send(frame("PQTMHOT"))
        return "in its flash; it was restarted, since a new rate counts only then"
