"""The switches of the car under the unit: ignition, light bar, siren, as facts for others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edge.body.carrier import Carrier

FRESH_S = 5.0  # a carrier tells its state each second
VOLTAGE_FRESH_S = 20.0  # it is told every 5 s
STEADY_S = 1.5  # bouncing contacts and restarting control units are no change
SWITCHES = ("ignition", "light_bar", "siren")


@dataclass(slots=True)
class _Switch:
    told: bool | None = None  # the last that was known, and steady
    seen: bool | None = None
    since_s: float = 0.0


@dataclass(slots=True)
class Switches:
    """Looked at by one thread; any may read the values."""

    carriers: Iterable[Carrier]
    ignition: bool | None = None  # as it is now; None: nobody knows
    light_bar: bool | None = None
    siren: bool | None = None
    voltage_v: float | None = None  # of the starter battery
    _switches: dict[tuple[str, str], _Switch] = field(default_factory=dict)

    def look(self, now_s: float) -> list[tuple[str, str]]:
        """What was switched since the last look: `ignition_off` and the carrier's name."""
        changes = [
            (f"{name}_{'on' if value else 'off'}", carrier.name)
            for carrier in self.carriers
            for name in SWITCHES
            if (value := self._changed(carrier, name, now_s)) is not None
        ]
        self.ignition = self._now("ignition")
        self.light_bar = self._now("light_bar")
        self.siren = self._now("siren")
        self.voltage_v = next(self._voltages(now_s), None)
        return changes

    def _changed(self, carrier: Carrier, name: str, now_s: float) -> bool | None:
        """The new value where it is one, else None. What was never known before is no change."""
        state = carrier.state
        known = state is not None and carrier.health.open and now_s - state.mono_s <= FRESH_S
        value = getattr(state, name) if known else None
        switch = self._switches.setdefault((carrier.name, name), _Switch(since_s=now_s))
        if value != switch.seen:
            switch.seen, switch.since_s = value, now_s
        if value is None or value == switch.told or now_s - switch.since_s < STEADY_S:
            return None
        first, switch.told = switch.told is None, value
        return None if first else value

    def _now(self, name: str) -> bool | None:
        """On where any carrier says so; off where one does and none says else."""
        values = {
            switch.told if switch.seen is not None else None
            for (_, each), switch in self._switches.items()
            if each == name
        }
        return True if True in values else False if False in values else None

    def _voltages(self, now_s: float) -> Iterator[float]:
        for carrier in self.carriers:
            battery = carrier.batteries.get("")
            if battery is None or battery.voltage_v is None or not carrier.health.open:
                continue
            if now_s - battery.mono_s <= VOLTAGE_FRESH_S:
                yield battery.voltage_v
