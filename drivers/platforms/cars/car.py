"""A car as it is known by now, whatever told it: facts in, samples out."""

from collections.abc import Iterable

from drivers.platforms.cars.obd import Fact, Facts
from drivers.platforms.orders import Abilities, PlatformSample
from drivers.samples import FUEL, Battery, Identity, Odometry, VehicleState

FRESH_S = 3.0  # an older speed, rpm or switch is not known any more
STATE_EVERY_S = 0.5
BATTERY_EVERY_S = 5.0
VOLTAGE_FRESH_S = 15.0
SLOW_FRESH_S = 120.0  # of what is asked seldom: fuel, charge, odometer
_WHEELS = ("wheel_fl_mps", "wheel_fr_mps", "wheel_rl_mps", "wheel_rr_mps")
# What a control unit tells by OBD-II was measured at the wheels of a car with other tyres, and is
# cut to whole km/h; wheel speeds off the bus are finer. Both before calibration.
OBD_SPEED_ERROR_SHARE, WHEEL_SPEED_ERROR_SHARE = 0.05, 0.02
# Outside of this no car is: a wrong table, or a damaged frame (drops: `implausible`).
_WITHIN: dict[str, tuple[float, float]] = {
    "speed_mps": (-30.0, 100.0),
    **dict.fromkeys(_WHEELS, (-30.0, 100.0)),
    "yaw_rate_dps": (-360.0, 360.0),
    "odometer_m": (0.0, 5e9),
    "voltage_v": (4.0, 60.0),
    "fuel_percent": (0.0, 100.0),
    "charge_percent": (0.0, 100.0),
    "engine_rpm": (0.0, 16_384.0),
}


class Car:
    """Gathers facts by name; hands them over as samples when they are due. One thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._facts: dict[str, tuple[Fact, float]] = {}  # value, and when it was told
        self._troubles: frozenset[str] = frozenset()
        self._told: dict[str, float] = {}
        self._last_state: VehicleState | None = None
        self._ready: list[PlatformSample] = [Abilities(orders=frozenset())]
        self._vin = ""
        self._ignition: bool | None = None
        self.implausible = 0

    # --- facts in ---

    def note(self, facts: Facts, mono_s: float) -> None:
        """Newer ones replace older ones; a speed is handed over at once."""
        kept = {name: fact for name, fact in facts.items() if self._plausible(name, fact)}
        self._facts |= {name: (fact, mono_s) for name, fact in kept.items()}
        if "ignition" in kept:
            self._ignition = bool(kept["ignition"])
        vin = kept.get("vin")
        if isinstance(vin, str) and vin != self._vin:
            self._vin = vin
            self._ready.append(self._identity())
        if "speed_mps" in kept or any(wheel in kept for wheel in _WHEELS):
            self._ready.append(self._odometry(mono_s))

    def _plausible(self, name: str, fact: Fact) -> bool:
        low, high = _WITHIN.get(name, (float("-inf"), float("inf")))
        good = isinstance(fact, str) or low <= fact <= high
        self.implausible += not good
        return good

    def set_ignition(self, ignition: bool | None) -> None:
        """What follows from how the car answers; a signal of its own says it better."""
        self._ignition = ignition

    def trouble(self, codes: Iterable[str]) -> None:
        """What is wrong with the line to the car, by the codes of docs/troubleshooting.md."""
        self._troubles = frozenset(codes)

    # --- what is known ---

    def number(self, name: str, mono_s: float, fresh_s: float = FRESH_S) -> float | None:
        """A fact that is not too old."""
        fact, told_s = self._facts.get(name, (None, 0.0))
        return fact if isinstance(fact, float | int) and mono_s - told_s <= fresh_s else None

    def _switch(self, name: str, mono_s: float) -> bool | None:
        fact = self.number(name, mono_s)
        return None if fact is None else bool(fact)

    # --- samples out ---

    def due(self, mono_s: float) -> list[PlatformSample]:
        """What is new, and what is told from time to time."""
        ready, self._ready = self._ready, []
        state = self._state(mono_s)
        changed = self._last_state is None or _apart_from_time(state, self._last_state)
        if self._due("state", STATE_EVERY_S, mono_s) or changed:
            self._told["state"] = mono_s
            self._last_state = state
            ready.append(state)
        if self._due("batteries", BATTERY_EVERY_S, mono_s):
            batteries = list(self._batteries(mono_s))
            if batteries:
                self._told["batteries"] = mono_s
            ready += batteries
        return ready

    def _due(self, what: str, every_s: float, mono_s: float) -> bool:
        return mono_s - self._told.get(what, float("-inf")) >= every_s

    def _odometry(self, mono_s: float) -> Odometry:
        wheels = [self.number(wheel, mono_s, 0.5) for wheel in _WHEELS]
        turning = [abs(speed) for speed in wheels if speed is not None]
        told = self.number("speed_mps", mono_s, 0.5)
        speed = sum(turning) / len(turning) if turning else told
        if speed is not None and self._switch("reverse", mono_s):
            speed = -abs(speed)
        return Odometry(
            mono_s=mono_s,
            speed_mps=speed,
            yaw_rate_dps=self.number("yaw_rate_dps", mono_s, 0.5),
            way_m=self.number("odometer_m", mono_s, SLOW_FRESH_S),
            speed_error_share=WHEEL_SPEED_ERROR_SHARE if turning else OBD_SPEED_ERROR_SHARE,
        )

    def _state(self, mono_s: float) -> VehicleState:
        rpm = self.number("engine_rpm", mono_s)
        codes = int(self.number("trouble_codes", mono_s, SLOW_FRESH_S) or 0)
        lamp = f"the engine's warning lamp is on, {codes} trouble codes"
        return VehicleState(
            mono_s=mono_s,
            mode=None if rpm is None else ("engine on" if rpm > 0 else "engine off"),
            ignition=self._ignition,
            doors_open=self._switch("doors_open", mono_s),
            light_bar=self._switch("light_bar", mono_s),
            siren=self._switch("siren", mono_s),
            faults=(lamp,) if codes else (),
            troubles=tuple(sorted(self._troubles)),
        )

    def _batteries(self, mono_s: float) -> Iterable[Battery]:
        voltage_v = self.number("voltage_v", mono_s, VOLTAGE_FRESH_S)
        if voltage_v is not None:
            yield Battery(mono_s=mono_s, voltage_v=voltage_v)
        for fact, name in (("fuel_percent", FUEL), ("charge_percent", "traction")):
            percent = self.number(fact, mono_s, SLOW_FRESH_S)
            if percent is not None:
                yield Battery(mono_s=mono_s, name=name, percent=percent)

    def _identity(self) -> Identity:
        """The maker and the last four of the number: enough to see that it is another car, too
        little to look its keeper up; a hash of it could be guessed back (docs/decisions.md)."""
        return Identity(
            name=self._name, kind="car", model=self._vin[:3], serial=f"…{self._vin[-4:]}"
        )


def _apart_from_time(one: VehicleState, other: VehicleState) -> bool:
    return any(
        getattr(one, name) != getattr(other, name)
        for name in VehicleState.__dataclass_fields__
        if name != "mono_s"
    )
