"""How a part fares, in a line: the same words where the unit says it and where the doctor does."""

import statistics

from config.language import tell
from drivers.platforms.orders import Abilities
from drivers.samples import FUEL, Ambient, Attitude, Battery, Identity, Odometry, VehicleState
from drivers.sensors.sensor import SensorSample
from edge.doctor.wording import listed
from edge.reporting.parts import Receiver
from edge.reporting.rates import percentile
from edge.seeing.camera_watch import CameraWatch
from firmware_bridge.runtime.link import LinkFigures


def of_receiver(receiver: Receiver) -> str:
    epoch, sky = receiver.newest, receiver.watch.sky
    if epoch is None:
        return tell("it speaks")
    words: list[str] = [tell("fix {kind}", kind=epoch.fix.value)]
    if epoch.satellites_used is not None:
        words.append(tell("{count} satellites", count=epoch.satellites_used))
    if epoch.hdop is not None:
        words.append(f"HDOP {epoch.hdop:.1f}")
    levels = [] if sky is None else [one.cn0_dbhz for one in sky.tracked() if one.cn0_dbhz]
    if levels:
        words.append(f"C/N0 {statistics.median(levels):.0f} dBHz")
    if receiver.first_fix_after_s is not None and receiver.first_fix_after_s >= 1:
        words.append(tell("first fix after {after_s:.0f} s", after_s=receiver.first_fix_after_s))
    return listed(words)


def of_camera(watch: CameraWatch, fps: float | None, wanted_fps: float | None) -> str:
    words: list[str] = []
    if watch.size_px is not None:
        words.append(f"{watch.size_px[0]}x{watch.size_px[1]}")
    if fps is not None:
        words.append(_rate(fps, wanted_fps))
    decode_ms = percentile(list(watch.cpu_ms), 50)
    if watch.facts is not None:
        decoder = watch.facts.decoder
        words.append(
            decoder
            if decode_ms is None
            else tell("{decoder} in {took_ms:.1f} ms", decoder=decoder, took_ms=decode_ms)
        )
    if watch.brightness is not None:
        words.append(tell("brightness {share:.0%}", share=watch.brightness))
    return listed(words) or tell("it is open")


def _rate(fps: float, wanted_fps: float | None) -> str:
    if wanted_fps is None:
        return tell("{fps:.1f} pictures a second", fps=fps)
    return tell("{fps:.1f} of {wanted:g} pictures a second", fps=fps, wanted=wanted_fps)


def of_sensor(samples: dict[type, SensorSample]) -> str:
    """The newest of each kind."""
    words: list[str] = []
    for sample in samples.values():
        match sample:
            case Attitude(pitch_deg=pitch, roll_deg=roll) if pitch is not None and roll is not None:
                error = sample.tilt_error_deg
                words.append(
                    tell(
                        "pitch {pitch:+.1f}°, roll {roll:+.1f}° (± {error:.1f}°)",
                        pitch=pitch,
                        roll=roll,
                        error=error,
                    )
                )
            case Odometry(yaw_rate_dps=rate) if rate is not None:
                words.append(tell("turns {rate:+.1f}°/s", rate=rate))
            case Ambient():
                words += _ambient(sample)
            case Battery():
                words.append(of_battery(sample))
            case _:
                pass
    return listed(words) or tell("it is there")


def _ambient(told: Ambient) -> list[str]:
    pressure = None if told.pressure_pa is None else told.pressure_pa / 100
    return [
        *([] if told.celsius is None else [f"{told.celsius:.1f} °C"]),
        *([] if pressure is None else [f"{pressure:.1f} hPa"]),
        *([] if told.humidity_percent is None else [_humidity(told.humidity_percent)]),
    ]


def _humidity(percent: float) -> str:
    return tell("{percent:.0f} % humidity", percent=percent)


def of_battery(battery: Battery) -> str:
    words: list[str] = [
        *([] if battery.percent is None else [f"{battery.percent:.0f} %"]),
        *([] if battery.voltage_v is None else [f"{battery.voltage_v:.1f} V"]),
        *([tell("charging")] if battery.charging else []),
    ]
    name = _name(battery.name)
    if not words:
        return tell("a {name} that tells nothing", name=name)
    return tell("{name} {figures}", name=name, figures=listed(words))


def _name(battery: str) -> str:
    if battery == FUEL:
        return tell("fuel")
    return tell("{name} battery", name=battery) if battery else tell("battery")


def of_carrier(
    state: VehicleState | None, batteries: list[Battery], abilities: Abilities | None
) -> str:
    words: list[str] = []
    if state is not None:
        words += [tell("mode {name}", name=state.mode)] if state.mode else []
        words += [] if state.armed is None else [tell("armed") if state.armed else tell("disarmed")]
        words += [tell("emergency stop")] if state.estop else []
        ignition = {True: tell("ignition on"), False: tell("ignition off")}
        words += [] if state.ignition is None else [ignition[state.ignition]]
    words += [of_battery(battery) for battery in batteries]
    if abilities is not None:
        words.append(tell("takes {count} kinds of orders", count=len(abilities.orders)))
    return listed(words) or tell("it speaks")


def of_board(
    identity: Identity | None, figures: LinkFigures | None, counters: dict[str, int]
) -> str:
    words: list[str] = []
    if identity is not None:
        model = " ".join(word for word in (identity.model, identity.serial) if word)
        words += [model] if model else []
        words += (
            [tell("firmware {version}", version=identity.firmware)] if identity.firmware else []
        )
    if figures is not None and figures.round_trips_s:
        trips = sorted(figures.round_trips_s)
        worst_ms = trips[min(len(trips) - 1, len(trips) * 99 // 100)] * 1e3
        words.append(
            tell(
                "round trip {middle_ms:.1f} ms (99 %: {worst_ms:.1f})",
                middle_ms=statistics.median(trips) * 1e3,
                worst_ms=worst_ms,
            )
        )
        words.append(tell("{count} said again", count=figures.resent))
    bad = sum(count for cause, count in counters.items() if "crc" in cause or "bad" in cause)
    words.append(tell("{count} damaged frames", count=bad))
    return listed(words)
