"""u-blox, series 6 to M8: one message for each thing (M8 receiver description, 32.10)."""

from typing import Any

from drivers.gnss.setup.settings import MESSAGES, Settings, SetupError
from drivers.gnss.setup.ubx import MILLISECONDS, Ublox
from drivers.gnss.sky import Constellation

NMEA_CLASS = 0xF0
NMEA_IDS = {"GGA": 0, "GLL": 1, "GSA": 2, "GSV": 3, "RMC": 4, "VTG": 5, "GST": 7, "ZDA": 8,
            "GNS": 13}  # fmt: skip
GNSS_IDS = {
    0: Constellation.GPS,
    1: Constellation.SBAS,
    2: Constellation.GALILEO,
    3: Constellation.BEIDOU,
    5: Constellation.QZSS,
    6: Constellation.GLONASS,
}
UART1 = 1
MODE_8N1 = 0x08D0


class EarlierUblox(Ublox):
    """Series 6 to M8: one message for each thing."""

    def read(self) -> Settings:
        (rate,) = self._poll(self._message("CFG-RATE", 2), "its rate")[:1]
        (port,) = self._poll(self._message("CFG-PRT", 2, portID=UART1), "its port")[:1]
        every_ms = rate.measRate * max(rate.navRate, 1)
        return Settings(
            rate_hz=MILLISECONDS / every_ms if every_ms else None,
            constellations=self._constellations(),
            messages={kind: self._every(kind) for kind in MESSAGES},
            baud=port.baudRate,
        )

    def _message(self, name: str, mode: int, **values: Any) -> Any:
        return self._pyubx2.UBXMessage("CFG", name, mode, **values)

    def _every(self, kind: str) -> int:
        poll = self._message("CFG-MSG", 2, msgClass=NMEA_CLASS, msgID=NMEA_IDS[kind])
        (answer,) = self._poll(poll, f"how often it sends {kind}")[:1]
        return int(max(answer.rateUART1, answer.rateUSB))

    def _gnss(self) -> Any:
        return self._poll(self._message("CFG-GNSS", 2), "its constellations")[0]

    def _constellations(self) -> frozenset[Constellation] | None:
        try:
            answer = self._gnss()
        except SetupError:
            return None  # series 6 has GPS only, and no such message
        return frozenset(
            GNSS_IDS[block.gnss]
            for block in _blocks(answer)
            if block.enabled and block.gnss in GNSS_IDS
        )

    def planned(self, wishes: Settings) -> list[str]:
        told = []
        if wishes.rate_hz is not None:
            told.append(f"CFG-RATE measRate = {round(MILLISECONDS / wishes.rate_hz)} ms")
        if wishes.constellations is not None:
            told.append(f"CFG-GNSS enable = {', '.join(sorted(wishes.constellations))}")
        if wishes.messages is not None:
            told += [f"CFG-MSG {kind} = {wishes.messages.get(kind, 0)}" for kind in MESSAGES]
        return told

    def apply(self, wishes: Settings) -> None:
        if wishes.rate_hz is not None:
            every_ms = round(MILLISECONDS / wishes.rate_hz)
            rate = self._message("CFG-RATE", 1, measRate=every_ms, navRate=1, timeRef=1)
            self._set(rate, f"{wishes.rate_hz:g} Hz")
        if wishes.constellations is not None:
            self._enable(wishes.constellations)
        if wishes.messages is not None:
            for kind in MESSAGES:
                # The short form is about the port that it comes in by.
                payload = bytes([NMEA_CLASS, NMEA_IDS[kind], wishes.messages.get(kind, 0)])
                self._set(self._message("CFG-MSG", 1, payload=payload), kind)

    def _enable(self, wanted: frozenset[Constellation]) -> None:
        answer = self._gnss()
        payload = bytearray(answer.payload)
        for block in _blocks(answer):
            if block.gnss in GNSS_IDS:
                payload[block.flags_at] = int(GNSS_IDS[block.gnss] in wanted)
        self._set(self._message("CFG-GNSS", 1, payload=bytes(payload)), "these constellations")

    def tell_baud(self, baud: int) -> None:
        message = self._message(
            "CFG-PRT",
            1,
            payload=bytes([UART1, 0, 0, 0])
            + MODE_8N1.to_bytes(4, "little")
            + baud.to_bytes(4, "little")
            + bytes([7, 0, 3, 0, 0, 0, 0, 0]),  # in: UBX, NMEA, RTCM; out: UBX, NMEA
        )
        self._line.send(message.serialize())

    def save(self) -> str:
        # All sections, to battery-backed memory, flash, EEPROM and SPI flash: what there is of it.
        payload = bytes(4) + b"\xff\xff\x00\x00" + bytes(4) + b"\x17"
        self._set(self._message("CFG-CFG", 1, payload=payload), "to save")
        return "in its flash, or the memory that its battery keeps"


class _Block:
    """One constellation in CFG-GNSS: four bytes of head, then eight each (M8, 32.10.13)."""

    def __init__(self, payload: bytes, number: int) -> None:
        begin = 4 + 8 * number
        self.gnss = payload[begin]
        self.flags_at = begin + 4
        self.enabled = bool(payload[self.flags_at] & 1)


def _blocks(message: Any) -> list[_Block]:
    payload = message.payload
    return [_Block(payload, number) for number in range((len(payload) - 4) // 8)]
