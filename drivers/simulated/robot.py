"""A simulated robot dog: walks as it is told, drains its battery, falls, overheats, freezes.

The robot's side of docs/robot-adapter.md, with everything that can befall one.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from drivers.simulated.verbs import Verb, switched

DRIVE_HOLD_S = 0.4  # it stands when no speed came for so long
MAX_MPS, MAX_DPS = 1.5, 90.0
ACCELERATION_MPS2 = 4.0
ODOMETRY_EVERY_S, STATE_EVERY_S, BATTERY_EVERY_S = 0.1, 0.5, 1.0
IDLE_W, WALKING_W = 80.0, 220.0
BATTERY_WH = 250.0
HOT_C = 85.0
STATES = {"stand": "standing", "sit": "sitting", "lie": "lying"}
CAN = ("drive", "hold", "posture", "estop", "release", "switch")


@dataclass(slots=True)
class SimulatedRobot:
    """Its body: where it really is, and what is done to it. Time moves with `move`."""

    seed: int = 1
    x_m: float = 0.0  # east of where it began
    y_m: float = 0.0  # north
    heading_deg: float = 0.0
    forward_mps: float = 0.0
    sideways_mps: float = 0.0
    turn_dps: float = 0.0
    posture: str = "stand"
    estop: bool = False
    fallen: bool = False
    refuses: bool = False
    percent: float = 87.0
    motor_c: float = 45.0
    heated: bool = False
    hold_s: float = DRIVE_HOLD_S
    way_m: float = 0.0  # as its odometer has it: 2 % too long, and noisy
    lights: dict[str, float] = field(default_factory=dict)
    commanded_s: float = float("-inf")  # the last speed came
    still_since_s: float = 0.0
    _wanted: tuple[float, float, float] = (0.0, 0.0, 0.0)
    _moved_s: float | None = None
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311  # a simulation, not a secret

    @property
    def may_walk(self) -> bool:
        return self.posture == "stand" and not (self.estop or self.fallen)

    @property
    def still(self) -> bool:
        return self.forward_mps == self.sideways_mps == self.turn_dps == 0.0

    def want(self, forward_mps: float, sideways_mps: float, turn_dps: float, now_s: float) -> None:
        self._wanted = (
            min(max(forward_mps, -MAX_MPS), MAX_MPS),
            min(max(sideways_mps, -MAX_MPS), MAX_MPS),
            min(max(turn_dps, -MAX_DPS), MAX_DPS),
        )
        self.commanded_s = now_s

    def halt(self) -> None:
        self._wanted = (0.0, 0.0, 0.0)

    def stop_for_good(self) -> None:
        """Brakes: at once, not by slowing down."""
        self.estop = True
        self.halt()
        self.forward_mps = self.sideways_mps = self.turn_dps = 0.0

    def move(self, now_s: float) -> None:
        """Up to now. Its own dead-man is here: an old wish is none."""
        dt_s = 0.0 if self._moved_s is None else now_s - self._moved_s
        self._moved_s = now_s
        if now_s - self.commanded_s > self.hold_s or not self.may_walk:
            self.halt()
        was_still = self.still
        forward, sideways, turn = self._wanted
        step = ACCELERATION_MPS2 * dt_s
        self.forward_mps = _toward(self.forward_mps, forward, step)
        self.sideways_mps = _toward(self.sideways_mps, sideways, step)
        self.turn_dps = _toward(self.turn_dps, turn, step * 60)
        if not self.still or not was_still:
            self.still_since_s = now_s
        self.heading_deg = (self.heading_deg + self.turn_dps * dt_s) % 360
        bow = math.radians(self.heading_deg)
        self.x_m += (self.forward_mps * math.sin(bow) + self.sideways_mps * math.cos(bow)) * dt_s
        self.y_m += (self.forward_mps * math.cos(bow) - self.sideways_mps * math.sin(bow)) * dt_s
        self.way_m += abs(self.forward_mps) * dt_s * 1.02
        watts = IDLE_W if self.still else WALKING_W
        self.percent = max(0.0, self.percent - watts * dt_s / 36 / BATTERY_WH)
        goal_c = 120.0 if self.heated else 45.0 if self.still else 60.0
        self.motor_c += (goal_c - self.motor_c) * min(1.0, dt_s / (2.0 if self.heated else 60.0))

    def faults(self) -> list[str]:
        found = ["it has fallen over"] if self.fallen else []
        return found + ([f"motor at {self.motor_c:.0f} degrees"] if self.motor_c >= HOT_C else [])

    # --- what it tells ---

    def odometry(self) -> dict[str, Any]:
        noise = self._dice.gauss(0, 0.02) if not self.still else 0.0
        return {
            "type": "odometry",
            "forward_mps": round(self.forward_mps * 1.02 + noise, 3),
            "turn_dps": round(self.turn_dps + self._dice.gauss(0, 0.2), 2),
            "way_m": round(self.way_m, 2),
        }

    def state(self) -> dict[str, Any]:
        mode = "fallen" if self.fallen else "walking" if not self.still else STATES[self.posture]
        return {"type": "state", "mode": mode, "estop": self.estop, "faults": self.faults()}

    def battery(self) -> list[dict[str, Any]]:
        power = IDLE_W if self.still else WALKING_W
        volts = 24.0 + 9.6 * self.percent / 100
        return [
            {
                "type": "battery",
                "percent": round(self.percent, 1),
                "voltage_v": round(volts, 2),
                "current_a": round(power / volts, 2),
                "charging": False,
                "remaining_s": round(self.percent * 36 * BATTERY_WH / power),
            },
            {"type": "temperature", "name": "motor", "celsius": round(self.motor_c, 1)},
        ]

    def truth(self) -> str:
        """For whoever checks what it really does."""
        return (
            f"x={self.x_m:.3f} y={self.y_m:.3f} heading={self.heading_deg:.1f} "
            f"forward={self.forward_mps:.3f} turn={self.turn_dps:.1f} "
            f"commanded={self.commanded_s:.3f} still={self.still_since_s:.3f} "
            f"estop={int(self.estop)} posture={self.posture}"
        )

    # --- what can be done to it ---

    def verbs(self) -> dict[str, Verb]:
        def fall(words: Sequence[str], _now_s: float) -> None:
            self.fallen = switched(words)

        def heat(words: Sequence[str], _now_s: float) -> None:
            self.heated = switched(words)

        def refuse(words: Sequence[str], _now_s: float) -> None:
            self.refuses = switched(words)

        def drain(words: Sequence[str], _now_s: float) -> None:
            self.percent = min(max(float(words[0]), 0.0), 100.0)

        def press(words: Sequence[str], _now_s: float) -> None:
            self.stop_for_good() if switched(words) else setattr(self, "estop", False)

        def hold(words: Sequence[str], _now_s: float) -> None:
            self.hold_s = float(words[0])

        def tell(_words: Sequence[str], _now_s: float) -> str:
            return self.truth()

        return {
            "fall": Verb("fall on|off", "fall over, or be set on its feet", fall),
            "heat": Verb("heat on|off", "overheat its motors", heat),
            "refuse": Verb("refuse on|off", "refuse each order but to stop", refuse),
            "battery": Verb("battery PERCENT", "charge or drain it", drain),
            "button": Verb("button on|off", "press or release its emergency stop", press),
            "hold": Verb("hold S", "stand so long after the last word; 0.4 is right", hold),
            "truth": Verb("truth", "where it really is, and how it moves", tell),
        }


def _toward(value: float, goal: float, step: float) -> float:
    return goal if abs(goal - value) <= step else value + math.copysign(step, goal - value)
