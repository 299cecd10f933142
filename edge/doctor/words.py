"""How a part fares, in a line: the same words where the unit says it and where the doctor does."""

import statistics

from drivers.platforms.orders import Abilities
from drivers.samples import FUEL, Ambient, Attitude, Battery, Identity, Odometry, VehicleState
from drivers.sensors.sensor import SensorSample
from edge.reporting.parts import Receiver
from edge.reporting.rates import percentile
from edge.seeing.camera_watch import CameraWatch
from firmware_bridge.runtime.link import LinkFigures


def of_receiver(receiver: Receiver) -> str:
    epoch, sky = receiver.newest, receiver.watch.sky
    if epoch is None:
        return "it speaks"
    words = [f"fix {epoch.fix.value}"]
    if epoch.satellites_used is not None:
        words.append(f"{epoch.satellites_used} satellites")
    if epoch.hdop is not None:
        words.append(f"HDOP {epoch.hdop:.1f}")
    levels = [] if sky is None else [one.cn0_dbhz for one in sky.tracked() if one.cn0_dbhz]
    if levels:
        words.append(f"C/N0 {statistics.median(levels):.0f} dBHz")
    if receiver.first_fix_after_s is not None and receiver.first_fix_after_s >= 1:
        words.append(f"first fix after {receiver.first_fix_after_s:.0f} s")
    return ", ".join(words)


def of_camera(watch: CameraWatch, fps: float | None, wanted_fps: float | None) -> str:
    words = []
    if watch.size_px is not None:
        words.append(f"{watch.size_px[0]}x{watch.size_px[1]}")
    if fps is not None:
        asked = "" if wanted_fps is None else f" of {wanted_fps:g}"
        words.append(f"{fps:.1f}{asked} pictures a second")
    decode_ms = percentile(list(watch.cpu_ms), 50)
    if watch.facts is not None:
        took = "" if decode_ms is None else f" in {decode_ms:.1f} ms"
        words.append(f"{watch.facts.decoder}{took}")
    if watch.brightness is not None:
        words.append(f"brightness {watch.brightness:.0%}")
    return ", ".join(words) or "it is open"


def of_sensor(samples: dict[type, SensorSample]) -> str:
    """The newest of each kind."""
    words = []
    for sample in samples.values():
        match sample:
            case Attitude(pitch_deg=pitch, roll_deg=roll) if pitch is not None and roll is not None:
                error = sample.tilt_error_deg
                words.append(f"pitch {pitch:+.1f}°, roll {roll:+.1f}° (± {error:.1f}°)")
            case Odometry(yaw_rate_dps=rate) if rate is not None:
                words.append(f"turns {rate:+.1f}°/s")
            case Ambient():
                words += _ambient(sample)
            case Battery():
                words.append(of_battery(sample))
            case _:
                pass
    return ", ".join(words) or "it is there"


def _ambient(told: Ambient) -> list[str]:
    pressure = None if told.pressure_pa is None else told.pressure_pa / 100
    return [
        *([] if told.celsius is None else [f"{told.celsius:.1f} °C"]),
        *([] if pressure is None else [f"{pressure:.1f} hPa"]),
        *([] if told.humidity_percent is None else [f"{told.humidity_percent:.0f} % humidity"]),
    ]


def of_battery(battery: Battery) -> str:
    words = [
        *([] if battery.percent is None else [f"{battery.percent:.0f} %"]),
        *([] if battery.voltage_v is None else [f"{battery.voltage_v:.1f} V"]),
        *(["charging"] if battery.charging else []),
    ]
    name = battery.name if battery.name == FUEL else f"{battery.name} battery".strip()
    return f"{name} " + ", ".join(words) if words else f"a {name} that tells nothing"


def of_carrier(
    state: VehicleState | None, batteries: list[Battery], abilities: Abilities | None
) -> str:
    words = []
    if state is not None:
        words += [f"mode {state.mode}"] if state.mode else []
        words += [] if state.armed is None else ["armed" if state.armed else "disarmed"]
        words += ["emergency stop"] if state.estop else []
        ignition = {True: "ignition on", False: "ignition off"}
        words += [] if state.ignition is None else [ignition[state.ignition]]
    words += [of_battery(battery) for battery in batteries]
    if abilities is not None:
        words.append(f"takes {len(abilities.orders)} kinds of orders")
    return ", ".join(words) or "it speaks"


def of_board(
    identity: Identity | None, figures: LinkFigures | None, counters: dict[str, int]
) -> str:
    words = []
    if identity is not None:
        model = " ".join(word for word in (identity.model, identity.serial) if word)
        words += [model] if model else []
        words += [f"firmware {identity.firmware}"] if identity.firmware else []
    if figures is not None and figures.round_trips_s:
        trips = sorted(figures.round_trips_s)
        worst_ms = trips[min(len(trips) - 1, len(trips) * 99 // 100)] * 1e3
        words.append(f"round trip {statistics.median(trips) * 1e3:.1f} ms (99 %: {worst_ms:.1f})")
        words.append(f"{figures.resent} said again")
    bad = sum(count for cause, count in counters.items() if "crc" in cause or "bad" in cause)
    words.append(f"{bad} damaged frames")
    return ", ".join(words)
