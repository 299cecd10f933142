"""The model: whether it loads, and whether it is quick enough for the cameras."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from config.language import said, tell
from edge.doctor.case import Case
from edge.doctor.drawn_scene import drawn, missed
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import Line, fault, none, of_finding, ok, warning
from edge.doctor.wording import of_running_unit
from edge.reporting.device_findings import model_findings, provider_findings
from edge.reporting.rates import percentile
from edge.seeing.detectors import open_detector
from perception.detection.detector import Detector
from perception.errors import PerceptionError

LOOKS = 12
LOOKS_WITHIN_S = 8.0
WRONG_CURE = tell(
    "`patrol-edge models verify`; then try perception.providers: [cpu]: if that is right, the "
    "accelerator or its driver reckons wrong"
)
SIZE_PX = (720, 1280, 3)
SLOW_CURE = tell(
    "ask less: a lower perception.max_fps, detect_fps or detect: false for a camera; or take a "
    "smaller model: `patrol-edge models bench`"
)


def examine(case: Case) -> Iterator[Line]:
    config = case.settings.perception
    if not config.enabled:
        yield none("model", tell("perception.enabled is false: nothing is looked for"))
    elif case.unit is not None:
        yield _of_unit(case)
        yield from _answers(case, None)
    else:
        yield from _tried(case)


def _wanted_fps(case: Case) -> float:
    most = case.settings.perception.max_fps
    cameras = case.settings.cameras
    return sum(cameras[name].looked_at_fps(most) for name in case.settings.looked_at)


def _of_unit(case: Case) -> Line:
    facts = {} if case.unit is None else case.unit.facts.get("model") or {}
    found = [] if case.unit is None else case.unit.take("model_refused", "provider_missing")
    if found:
        return found[0]
    name = str(facts.get("name", "model"))
    took_ms = facts.get("p50_ms")
    if not facts.get("ready"):
        return none(name, tell("the running unit is still loading it"))
    if took_ms is None:
        return none(name, tell("loaded; the running unit has not looked at a picture yet"))
    return _judged(case, name, float(took_ms), asked=True)


def _tried(case: Case) -> Iterator[Line]:
    config = case.settings.perception
    try:
        detector = open_detector(config)
        times_ms: list[float] = []
        picture = np.zeros(SIZE_PX, np.uint8)
        ends_s = time.monotonic() + LOOKS_WITHIN_S
        while len(times_ms) < LOOKS and time.monotonic() < ends_s:
            began_s = time.perf_counter()
            detector.detect(picture)
            times_ms.append((time.perf_counter() - began_s) * 1e3)
    except PerceptionError as error:
        yield from _refused(config.model, error)
        return
    missing = provider_findings(detector.session.skipped, detector.session.providers)
    yield from map(of_finding, missing)
    line = _judged(case, detector.spec.name, percentile(times_ms, 50) or 0.0)
    yield replace(line, exhibit=Exhibit(series=tuple(times_ms), series_unit="ms"))
    yield from _answers(case, detector)


def _answers(case: Case, detector: Detector | None) -> Iterator[Line]:
    """To the drawn scene, which has one car and one person. Beside a running unit the doctor opens
    the same model a second time, on the same provider: the unit's own is at work."""
    name = tell("right answer")
    try:
        config = case.settings.perception.model_copy(update={"score_min": None})
        known = detector or open_detector(config)
        lacking = missed(known.detect(drawn()))
    except PerceptionError as error:
        if case.unit is None:
            yield from _refused(config.model, error)
        else:
            yield none(name, tell("it cannot be opened a second time: {why}", why=said(error)))
        return
    if lacking:
        text = tell("in the drawn test scene it does not find: {what}", what=", ".join(lacking))
        yield fault("model_wrong", name, text, WRONG_CURE)
    else:
        yield ok(name, tell("it finds the car and the person of the drawn test scene"))


def _refused(model: str, error: PerceptionError) -> Iterator[Line]:
    told = said(error)
    if error.cure:
        told = tell("{problem}; {cure}", problem=told, cure=error.cure)
    return map(of_finding, model_findings(model, told))


def _judged(case: Case, name: str, took_ms: float, *, asked: bool = False) -> Line:
    wanted = _wanted_fps(case)
    can = 1000 / max(took_ms, 1e-3)
    text: str = tell(
        "{took_ms:.1f} ms a picture, so {can:.0f} a second; {wanted:g} are wanted",
        took_ms=took_ms,
        can=can,
        wanted=wanted,
    )
    text = of_running_unit(text) if asked else text
    return warning("model_slow", name, text, SLOW_CURE) if can < wanted else ok(name, text)
