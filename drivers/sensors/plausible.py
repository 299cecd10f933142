"""Whether what a sensor says can be: where not, it is left out, and said once."""

import math

from drivers.samples import Ambient
from drivers.sensors.sensor import Doubt

# By field: what it is called, what can be, in which unit. Pressure: 9 km up to the Dead Sea.
AMBIENT: dict[str, tuple[str, tuple[float, float], str]] = {
    "pressure_pa": ("pressure", (30_000.0, 110_000.0), "Pa"),
    "celsius": ("temperature", (-60.0, 150.0), "°C"),
    "humidity_percent": ("humidity", (0.0, 100.0), "%"),
}
GRAVITY_MPS2 = 9.80665
STUCK_S = 5.0  # noise moves the last bit of a live gyro many times a second
NO_GRAVITY_S = 10.0  # a fall or a turn is shorter
GRAVITY_WITHIN = 0.3  # share of it: more at rest is a wrong scale, or a damaged chip

Triple = tuple[float, float, float]


class Plausible:
    """Of one sensor. Remembers what it has doubted. One thread."""

    def __init__(self) -> None:
        self._doubted: set[str] = set()
        self._turn: Triple | None = None
        self._turned_mono_s = 0.0
        self._heavy_mono_s: float | None = None  # gravity was felt last

    def ambient(self, told: Ambient) -> tuple[Ambient, Doubt | None]:
        """Without what cannot be; and what is to be said of it, where that has changed."""
        wrong, sound = [], {field: getattr(told, field) for field in AMBIENT}
        for field, (what, limits, unit) in AMBIENT.items():
            value = sound[field]
            if value is not None and not limits[0] <= value <= limits[1]:
                sound[field] = None
                wrong.append(f"a {what} of {value:.0f} {unit}")
        what = f"ambient.{told.name}"
        told = Ambient(mono_s=told.mono_s, name=told.name, **sound)
        return told, self._changed(what, ", ".join(wrong), told.mono_s)

    def gyro(self, turn: Triple, mono_s: float) -> Doubt | None:
        """`turn` as it was read, in any unit."""
        if turn != self._turn:
            self._turn, self._turned_mono_s = turn, mono_s
        stuck = mono_s - self._turned_mono_s >= STUCK_S
        text = f"the gyro's figures have not moved for {STUCK_S:.0f} s" if stuck else ""
        return self._changed("gyro", text, mono_s)

    def acceleration(self, force_mps2: Triple, mono_s: float) -> Doubt | None:
        """`force_mps2` as the chip feels it: gravity alone while it stands."""
        felt = math.hypot(*force_mps2) / GRAVITY_MPS2
        if self._heavy_mono_s is None or abs(felt - 1) <= GRAVITY_WITHIN:
            self._heavy_mono_s = mono_s
        light = mono_s - self._heavy_mono_s >= NO_GRAVITY_S
        text = f"it feels {felt:.1f} times gravity for {NO_GRAVITY_S:.0f} s" if light else ""
        return self._changed("acceleration", text, mono_s)

    def _changed(self, what: str, text: str, mono_s: float) -> Doubt | None:
        if bool(text) == (what in self._doubted):
            return None
        if text:
            self._doubted.add(what)
        else:
            self._doubted.discard(what)
        return Doubt(mono_s=mono_s, what=what, text=text)
