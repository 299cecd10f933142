"""Values out of raw CAN frames, where a table says that they stand: as a DBC file's SG_ lines."""

from collections.abc import Mapping

from config.cars import SignalConfig, SignalName
from drivers.platforms.cars.obd import Facts

_SWITCHES = frozenset({"ignition", "doors_open", "light_bar", "siren", "reverse"})


class Signals:
    """The signals of a car, by frame."""

    def __init__(self, signals: Mapping[SignalName, SignalConfig]) -> None:
        self._of_frame: dict[tuple[int, bool], list[tuple[str, SignalConfig]]] = {}
        for name, signal in signals.items():
            key = signal.id, signal.extended
            self._of_frame.setdefault(key, []).append((name, signal))
        self.too_short = 0  # frames that ended before their signal

    def frames(self) -> list[tuple[int, bool]]:
        """Ids that are wanted, and whether they are extended ones."""
        return list(self._of_frame)

    def read(self, frame_id: int, data: bytes, *, extended: bool) -> Facts:
        """What is in this frame; a switch is 0.0 or 1.0. Empty for frames of no interest."""
        facts: dict[str, float] = {}
        for name, signal in self._of_frame.get((frame_id, extended), ()):
            if signal.last_byte is None or signal.last_byte >= len(data):
                self.too_short += 1
                continue
            value = value_of(signal, data)
            if value is not None:
                on = value >= signal.on_from
                facts[name] = float(on) if name in _SWITCHES else value
        return facts


def value_of(signal: SignalConfig, data: bytes) -> float | None:
    """In the unit of its name; None where the raw number means: not known."""
    raw = raw_of(signal, data)
    if raw in signal.unknown:
        return None
    if signal.signed and raw >> (signal.length - 1):
        raw -= 1 << signal.length
    return raw * signal.scale + signal.offset


def raw_of(signal: SignalConfig, data: bytes) -> int:
    """The unsigned number at its place. The frame must be long enough for it.

    Intel: bit 0 is the lowest of byte 0, and counting goes up. Motorola: it begins with its highest
    bit, goes down to bit 0 of the byte and on with bit 7 of the next (Vector, DBC file format).
    """
    mask = (1 << signal.length) - 1
    if signal.byte_order == "intel":
        return int.from_bytes(data, "little") >> signal.start_bit & mask
    byte, bit = divmod(signal.start_bit, 8)
    from_the_left = 8 * byte + 7 - bit
    behind = 8 * len(data) - from_the_left - signal.length
    return int.from_bytes(data, "big") >> behind & mask
