"""A camera's own state: what is done to it is told, what weather does is not."""

import cv2
import numpy as np
import pytest

from perception.camera.view import View, shift
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from tests.camera_tampers import clouds, dawn, dusk, fog, noisy, played, wind
from tests.rules.camera_trials import ALL_TAMPERS, street, tampered, told
from tests.rules.scenes import scene
from tests.rules.scripts import RULE
from tests.shared_data import shared

FOUND_WITHIN_S = 5.0


@pytest.mark.parametrize("name", ALL_TAMPERS)
def test_a_tampered_camera_is_told_within_five_seconds_and_its_end(name: str) -> None:
    found = told(tampered(street(27.0), name, since_s=12.0))

    assert [each[:2] for each in found] == [(ALL_TAMPERS[name], "new"), (ALL_TAMPERS[name], "end")]
    assert 0 < found[0][2] - 12.0 <= FOUND_WITHIN_S


@pytest.mark.parametrize("name", ["black_cap", "cloth", "lamp", "frozen"])
def test_on_a_moving_unit_too_it_is_told_when_nothing_is_to_be_seen(name: str) -> None:
    found = told(tampered(street(27.0), name, since_s=12.0), parked=False)

    assert [each[:2] for each in found] == [(ALL_TAMPERS[name], "new"), (ALL_TAMPERS[name], "end")]


@pytest.mark.parametrize("name", ["pushed", "turned_away", "defocused"])
def test_a_moving_unit_looks_elsewhere_all_the_time(name: str) -> None:
    assert told(tampered(street(27.0), name, since_s=12.0), parked=False) == []


@pytest.mark.parametrize("name", ["frozen", "cloth", "turned_away"])
def test_a_parked_unit_that_only_glances_between_its_looks_tells_it_too(name: str) -> None:
    """As its gate lets pictures pass: every tenth is looked at, and the others are glanced at."""
    engine = Engine(build_rules({"ours": RULE.validate_python({"kind": "camera_state"})}, ()))
    found = []
    for number, (mono_s, image) in enumerate(tampered(street(27.0), name, since_s=12.0)):
        here = scene(mono_s, parked=True)
        news = engine.glance(here, image) if number % 10 else engine.see(here, image=image)
        found += [(each, mono_s) for each in news if isinstance(each, Alert)]

    steps = [(each.rule, each.phase) for each, _ in found if each.phase != "update"]
    assert steps == [("camera_state", "new"), ("camera_state", "end")]
    assert found[0][1] - 12.0 <= FOUND_WITHIN_S


@pytest.mark.parametrize("weather", [dusk, dawn, fog, clouds, wind])
def test_weather_is_no_tampering(weather: object) -> None:
    pictures = ((mono_s, weather(image, mono_s)) for mono_s, image in street(124.0, fps=2.0))  # type: ignore[operator]

    assert told(pictures) == []


def test_real_recordings_raise_no_alarm_and_a_covered_one_does() -> None:
    path = shared("data/video/vtest.avi")
    pictures = [
        (mono_s, np.asarray(cv2.resize(image, (384, 288)), np.uint8))
        for mono_s, image in played(path, 40.0, step=3)
    ]

    assert told(pictures) == []
    assert [each[:2] for each in told(tampered(pictures, "cloth", 15.0))] == [
        ("covered", "new"), ("covered", "end"),
    ]  # fmt: skip


def test_a_new_view_becomes_the_usual_one_and_a_unit_that_drives_off_ends_it() -> None:
    rule = RULE.validate_python({"kind": "camera_state", "accept_after_s": 30.0})

    def run(leaves_s: float) -> list[tuple[str, str | None]]:
        engine = Engine(build_rules({"ours": rule}, ()))
        pushed = ((t, np.roll(image, 60, axis=1) if t > 15 else image) for t, image in street(70.0))
        return [
            (news.phase, news.reason)
            for t, image in pushed
            for news in engine.see(scene(t, parked=t < leaves_s), image=image)
            if isinstance(news, Alert) and news.phase != "update"
        ]

    assert run(leaves_s=99.0) == [("new", None), ("end", "cleared")]
    assert run(leaves_s=30.0) == [("new", None), ("end", "lost")]


def test_a_view_without_structure_says_that_it_cannot_tell_all() -> None:
    engine = Engine(build_rules({"ours": RULE.validate_python({"kind": "camera_state"})}, ()))
    random = np.random.default_rng(1)
    asphalt = np.full((192, 320, 3), 110, np.uint8)
    for number in range(40):
        here = scene(number / 5, parked=True)
        assert engine.see(here, image=noisy(asphalt, random, 2.0)) == []

    assert [each.why for each in engine.blind()] == ["no_structure"]
    for number, image in street(12.0):
        engine.see(scene(10 + number, parked=True), image=image)
    engine.see(scene(23.0), image=image)
    assert engine.blind() == ()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((2, 2, 3), np.uint8),
        np.full((31, 17, 3), 255, np.uint8),
        np.zeros((4320, 8, 3), np.uint8),
    ],
)  # fmt: skip
def test_any_picture_has_a_view(image: np.ndarray) -> None:  # type: ignore[type-arg]
    view = View.of(image)

    assert np.isfinite(view.texture).all()
    assert 0 <= view.bright <= 1
    assert told([(0.0, image), (1.0, image[:1])]) == []


def test_a_shift_is_measured_and_its_inputs_are_left_alone() -> None:
    view = View.of(next(street(1.0))[1])
    moved = np.roll(view.small, 8, axis=1)
    kept = view.small.copy()

    across, down, response = shift(moved, view.small)

    assert across == pytest.approx(8 / 160, abs=0.005)
    assert down == pytest.approx(0, abs=0.005)
    assert response > 0.1
    assert (view.small == kept).all()


def test_a_camera_that_comes_back_covered_is_told() -> None:
    """It was pulled out, covered and plugged in: what it usually shows is known all the same."""
    engine = Engine(build_rules({"ours": RULE.validate_python({"kind": "camera_state"})}, ()))
    news = []
    for mono_s, image in tampered(street(30.0), "black_cap", since_s=20.0):
        if mono_s == 20.0:
            news += engine.end("front", "camera_lost", mono_s)
        news += engine.see(scene(mono_s, parked=True), image=image)

    steps = [each.phase for each in news if isinstance(each, Alert) and each.phase != "update"]
    assert steps[:1] == ["new"]
    assert news[0].facts["state"] == "covered"


def test_a_camera_that_comes_back_as_it_was_is_no_alarm() -> None:
    engine = Engine(build_rules({"ours": RULE.validate_python({"kind": "camera_state"})}, ()))
    news = []
    for mono_s, image in street(30.0):
        if mono_s in (10.0, 20.0):
            news += engine.end("front", "camera_lost", mono_s)
        news += engine.see(scene(mono_s, parked=True), image=image)

    assert news == []
