"""When a unit whose ignition is off goes to sleep, as a pure machine: facts in, its step out."""

from typing import Literal

from config.sleep import SleepConfig

Step = Literal["awake", "waiting", "asleep"]

# openpilot's figures (system/hardware/power_monitoring.py): never within 5 minutes of the ignition,
# and the battery's voltage as a mean over 45 s, since each start of a fan pulls it down.
NEVER_BEFORE_S = 300.0
MEAN_OVER_S = 45.0


class LowVoltage:
    """Whether the starter battery is low, as a mean that no single reading decides."""

    def __init__(self, below_v: float) -> None:
        self._below_v = below_v
        self._mean_v: float | None = None
        self._begun_s = self._last_s = 0.0

    def note(self, voltage_v: float | None, now_s: float) -> bool:
        """False until it was measured for MEAN_OVER_S; a gap as long begins anew."""
        if voltage_v is None:
            if now_s - self._last_s > MEAN_OVER_S:
                self._mean_v = None
            return False
        if self._mean_v is None:
            self._mean_v, self._begun_s = voltage_v, now_s
        else:
            share = min((now_s - self._last_s) / MEAN_OVER_S, 1.0)
            self._mean_v += share * (voltage_v - self._mean_v)
        self._last_s = now_s
        return now_s - self._begun_s >= MEAN_OVER_S and self._mean_v < self._below_v


class Bedtime:
    """One unit's evening. Nothing but an ignition that is known to be off makes it sleep."""

    def __init__(self, config: SleepConfig) -> None:
        self._config = config
        self._low = LowVoltage(config.low_voltage_v)
        self._off_s: float | None = None  # since then
        self.step: Step = "awake"
        self.held = ""  # why it does not sleep, though it is time
        self.low = False  # the battery is what sends it to bed

    def look(
        self, now_s: float, *, ignition: bool | None, voltage_v: float | None, busy: str
    ) -> Step:
        """`busy`: why it must not sleep now; empty where nothing forbids it."""
        self.low = self._low.note(voltage_v, now_s) and ignition is False
        if ignition is not False:  # on, or nobody knows: a lost bus says nothing of a key
            self._off_s, self.step, self.held = None, "awake", ""
            return self.step
        if self._off_s is None:
            self._off_s = now_s
        if self.step == "asleep" and not busy:
            return self.step
        due = now_s - self._off_s >= self._after_s()
        self.held = busy if due else ""
        self.step = "asleep" if due and not busy else "waiting"
        return self.step

    def _after_s(self) -> float:
        after_s = self._config.after_s
        return min(after_s, NEVER_BEFORE_S) if self.low else after_s
