"""What the running unit tells the doctor: how each of its parts fares, and its list of faults."""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from config.language import packed, tell
from drivers.samples import Battery
from drivers.sensors.sensor import SensorSample
from edge.doctor import words as parts_words
from edge.doctor.clock import clock_off_s
from edge.doctor.pictures import CONTROL as PICTURE
from edge.doctor.pictures import as_jpeg
from edge.doctor.running_unit import CONTROL
from edge.doctor.skies import satellites
from edge.reporting.finding import Finding
from edge.reporting.parts import Parts
from edge.reporting.rates import percentile
from edge.running.driver_loop import DriverHealth
from edge.tasks.local import Asked, Control
from perception.errors import PerceptionError
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.unit import CameraFigures
from telemetry.contract.wire_types import short, text

Answer = dict[str, Any]


def doctor_controls(
    parts: Parts,
    findings: Callable[[], Sequence[Finding]],
    cameras: Callable[[], Iterator[CameraFigures]],
) -> dict[str, Control]:
    """By the name under which it is asked for."""

    def facts(_asked: Asked) -> Answer:
        link = parts.publisher.stats()
        words = dict(_words(parts, cameras))
        return {
            "unit": parts.settings.unit.id,
            "pid": os.getpid(),
            "config": parts.config_digest[:12],
            "uptime_s": round(parts.clock.mono_s() - parts.started_mono_s, 1),
            "time_quality": parts.timebase.now()[1],
            "clock_off_s": _clock_off_s(parts),
            "faults": [_fault(finding) for finding in findings()],
            "devices": [_device(health) for health in parts.devices()],
            "words": words,
            "packed": {name: packed(text) for name, text in words.items()},
            "skies": {
                name: [asdict(one) for one in satellites(receiver.watch.sky)]
                for name, receiver in parts.receivers.items()
            },
            "model": _model(parts),
            "link": {
                "connected": link.connected,
                "protocol": link.protocol,
                "unacked": link.unacked + link.awaiting_hub,
                "acked": link.acked,
                "hub_online": link.hub_online,
                "last_error": link.last_error,
            },
        }

    return {CONTROL: facts, PICTURE: lambda asked: _picture(parts, asked)}


def _picture(parts: Parts, asked: Asked) -> Answer:
    """The newest of a camera, covered. Raises OrderRefusedError."""
    name = str(asked.args.get("camera", ""))
    if parts.media is None or name not in parts.cameras:
        raise OrderRefusedError("wrong_state", "no pictures are made here")
    look = parts.media.desk.album.newest(name)
    if look is None:
        raise OrderRefusedError("wrong_state", f"no picture of {name} has been looked at")
    try:
        covered = as_jpeg(parts.media.studio.covered(look))
    except PerceptionError as error:
        raise OrderRefusedError("failed", str(error)) from error
    return {"jpeg": base64.b64encode(covered).decode("ascii")}


def _fault(finding: Finding) -> Answer:
    """As English, and so that whoever asks can say it in another language."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "component": short(finding.component),
        "text": finding.text if packed(finding.text) else text(finding.text),
        "action": finding.action if packed(finding.action) else text(finding.action),
        "packed": {"text": packed(finding.text), "action": packed(finding.action)},
    }


def _device(health: DriverHealth) -> Answer:
    return {
        "kind": health.component,
        "name": health.name,
        "open": health.open,
        "samples": health.samples,
        "last_error": health.last_error,
        "drops": health.drops(),
    }


def _words(
    parts: Parts, cameras: Callable[[], Iterator[CameraFigures]]
) -> Iterator[tuple[str, str]]:
    for name, receiver in parts.receivers.items():
        yield f"gnss.{name}", parts_words.of_receiver(receiver)
    figures = {one.name: one for one in cameras()}
    for name, watch in parts.camera_watches.items():
        one = figures.get(name)
        fps, wanted = (None, None) if one is None else (one.fps, one.fps_wanted)
        yield f"camera.{name}", parts_words.of_camera(watch, fps, wanted)
    for name, sound in parts.listening.watches.items():
        level = sound.level
        told = (
            tell("no sound yet")
            if level is None
            else tell("level {level_dbfs:.0f} dBFS", level_dbfs=level.dbfs)
        )
        yield f"microphone.{name}", told
    for name, sensor in parts.body.sensors.items():
        newest: dict[type, SensorSample] = {type(one): one for one in sensor.ambient.values()}
        newest |= {} if sensor.battery is None else {Battery: sensor.battery}
        yield f"sensor.{name}", parts_words.of_sensor(newest)
    for name, board in parts.body.boards.all.items():
        counters = board.health.totals()
        yield f"board.{name}", parts_words.of_board(board.identity, board.figures, counters)
    for name, carrier in parts.body.carriers.items():
        batteries = list(carrier.batteries.values())
        yield (
            f"platform.{name}",
            parts_words.of_carrier(carrier.state, batteries, carrier.abilities),
        )
    for state in parts.acting.states():
        on = tell("on at {level:.0%}", level=state.level) if state.on else tell("off")
        yield f"actuator.{state.name}", tell("{kind}, {on}", kind=state.kind, on=on)


def _model(parts: Parts) -> Answer | None:
    vision = parts.vision
    if vision is None:
        return None
    times = list(vision.inference_ms)
    return {
        "name": vision.model_name,
        "error": vision.model_error,
        "ready": vision.ready.is_set(),
        "p50_ms": percentile(times, 50),
        "p95_ms": percentile(times, 95),
    }


def _clock_off_s(parts: Parts) -> float | None:
    """The system clock against the first receiver that tells the time; its sentences are late by
    some tenths of a second, so less than that is nothing."""
    for name, config in parts.settings.gnss.items():
        off_s = clock_off_s(parts.clock, parts.receivers[name])
        if config.kind != "replay" and off_s is not None:
            return off_s
    return None
