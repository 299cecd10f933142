"""u-blox, generation 9 and later: keys and values (UBX-CFG-VALSET).

M10 interface description, 3.10 and chapter 5: the keys by their names.
"""

from typing import Any

from drivers.gnss.setup.line import Line
from drivers.gnss.setup.settings import MESSAGES, Settings, SetupError
from drivers.gnss.setup.ubx import MILLISECONDS, Ublox
from drivers.gnss.sky import Constellation

RAM, BATTERY, FLASH = 1, 2, 4  # layers
SIGNALS = {
    Constellation.GPS: "CFG_SIGNAL_GPS_ENA",
    Constellation.SBAS: "CFG_SIGNAL_SBAS_ENA",
    Constellation.GALILEO: "CFG_SIGNAL_GAL_ENA",
    Constellation.BEIDOU: "CFG_SIGNAL_BDS_ENA",
    Constellation.QZSS: "CFG_SIGNAL_QZSS_ENA",
    Constellation.GLONASS: "CFG_SIGNAL_GLO_ENA",
}
PORTS = ("UART1", "USB")  # that receivers of units hang on; which one it is, nobody tells


class KeyedUblox(Ublox):
    """Generation 9 and later: keys and values."""

    def __init__(self, line: Line, model: str) -> None:
        super().__init__(line, model)
        self._wished: list[tuple[str, int]] = []  # what was set and is not saved yet
        self._lacking: set[str] = set()  # keys that this one does not have

    def read(self) -> Settings:
        rate = self._values(["CFG_RATE_MEAS", "CFG_RATE_NAV"])
        signals = self._values(list(SIGNALS.values()))
        messages = self._values([_message_key(kind, port) for kind in MESSAGES for port in PORTS])
        baud = self._values(["CFG_UART1_BAUDRATE"])
        every_ms = rate.get("CFG_RATE_MEAS", 0) * max(rate.get("CFG_RATE_NAV", 1), 1)
        return Settings(
            rate_hz=MILLISECONDS / every_ms if every_ms else None,
            constellations=frozenset(each for each, key in SIGNALS.items() if signals.get(key)),
            messages={
                kind: max(int(messages.get(_message_key(kind, port), 0)) for port in PORTS)
                for kind in MESSAGES
            },
            baud=int(baud["CFG_UART1_BAUDRATE"]),
        )

    def _values(self, keys: list[str]) -> dict[str, Any]:
        """A receiver refuses the whole question for one key that it lacks: then one by one."""
        try:
            return self._asked(keys)
        except SetupError:
            found = dict[str, Any]()
            for key in keys:
                try:
                    found |= self._asked([key])
                except SetupError:
                    self._lacking.add(key)
            if not found:
                raise
            return found

    def _asked(self, keys: list[str]) -> dict[str, Any]:
        poll = self._pyubx2.UBXMessage.config_poll(0, 0, keys)
        found = dict[str, Any]()
        for message in self._poll(poll, ", ".join(keys[:2])):
            found |= {k: v for k, v in vars(message).items() if k.startswith("CFG_")}
        if keys[0] not in found:
            raise SetupError(f"the receiver does not tell {keys[0]}")
        return found

    def planned(self, wishes: Settings) -> list[str]:
        return [f"VALSET {key} = {value}" for key, value in self._known(wishes)]

    def apply(self, wishes: Settings) -> None:
        pairs = self._known(wishes)
        if pairs:
            self._write(RAM, pairs, "the settings")
            self._wished += pairs

    def _known(self, wishes: Settings) -> list[tuple[str, int]]:
        """Keys and values that this receiver has; switching off what it lacks is done already."""
        pairs = _pairs(wishes)
        missing = [key for key, value in pairs if value and key in self._lacking]
        if any("SIGNAL" in key for key in missing):
            raise SetupError(f"this receiver has no {', '.join(missing)}: leave it out")
        return [(key, value) for key, value in pairs if key not in self._lacking]

    def _write(self, layers: int, pairs: list[tuple[str, int]], what: str) -> None:
        message = self._pyubx2.UBXMessage.config_set(layers, 0, pairs)
        self._set(message, f"{what} ({', '.join(key for key, _ in pairs[:3])} ...)")

    def tell_baud(self, baud: int) -> None:
        pairs = [("CFG_UART1_BAUDRATE", baud)]
        self._line.send(self._pyubx2.UBXMessage.config_set(RAM, 0, pairs).serialize())
        self._wished = [pair for pair in self._wished if pair[0] != pairs[0][0]] + pairs

    def save(self) -> str:
        """What was set in this conversation; where there is no flash, what a battery keeps."""
        pairs = list(self._wished)
        if not pairs:
            return "nothing to save"
        try:
            self._write(BATTERY | FLASH, pairs, "to save")
        except SetupError:
            self._write(BATTERY, pairs, "to save without a flash")
            return "in the memory that its battery keeps (it has no flash)"
        return "in its flash"


def _message_key(kind: str, port: str) -> str:
    return f"CFG_MSGOUT_NMEA_ID_{kind}_{port}"


def _pairs(wishes: Settings) -> list[tuple[str, int]]:
    pairs: list[tuple[str, int]] = []
    if wishes.rate_hz is not None:
        pairs += [("CFG_RATE_MEAS", round(MILLISECONDS / wishes.rate_hz)), ("CFG_RATE_NAV", 1)]
    if wishes.constellations is not None:
        pairs += [(key, int(each in wishes.constellations)) for each, key in SIGNALS.items()]
    if wishes.messages is not None:
        pairs += [
            (_message_key(kind, port), wishes.messages.get(kind, 0))
            for kind in MESSAGES
            for port in PORTS
        ]
        pairs += [(f"CFG_{port}OUTPROT_NMEA", 1) for port in PORTS]
    return pairs
