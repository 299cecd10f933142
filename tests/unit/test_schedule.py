"""Target rates kept, jitter forgiven, and what is short is shared fairly."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.seeing.schedule import Schedule


def served(fps: dict[str, float], service_s: float, seconds: float) -> Counter[str]:
    """How often each camera is looked at by one model, when all of them always have a picture."""
    schedule = Schedule(fps, 1.0)
    for name, rate in fps.items():
        schedule.set_rate(name, rate)
    looks: Counter[str] = Counter()
    now_s = 0.0
    while now_s < seconds:
        camera = schedule.choose(fps, now_s)
        if camera is None:
            now_s += max(1e-3, schedule.wait_s(now_s, 1.0))
            continue
        schedule.took(camera, now_s)
        looks[camera] += 1
        now_s += service_s
    return looks


def fair_shares(wanted: list[float], capacity: float) -> list[float]:
    """Max-min fairness by progressive filling (Bertsekas and Gallager, Data Networks, 6.5.2)."""
    shares = [0.0] * len(wanted)
    left = capacity
    for position, index in enumerate(sorted(range(len(wanted)), key=lambda i: wanted[i])):
        shares[index] = min(wanted[index], left / (len(wanted) - position))
        left -= shares[index]
    return shares


@settings(deadline=None)
@given(
    wanted=st.lists(st.floats(0.5, 30), min_size=1, max_size=6),
    service_s=st.floats(0.01, 0.2),
)
def test_every_camera_gets_its_fair_share(wanted: list[float], service_s: float) -> None:
    fps = {f"c{number}": rate for number, rate in enumerate(wanted)}
    seconds = 120.0

    looks = served(fps, service_s, seconds)

    for name, share in zip(fps, fair_shares(wanted, 1 / service_s), strict=True):
        assert looks[name] >= 0.9 * share * seconds - 2, (fps, looks)
        assert looks[name] <= fps[name] * seconds + 2


@settings(deadline=None)
@given(
    fps=st.floats(1, 30),
    camera_fps=st.floats(1, 60),
    jitter=st.lists(st.floats(0, 0.45), min_size=20, max_size=20),
)
def test_the_rate_is_kept_and_jitter_costs_no_picture(
    fps: float, camera_fps: float, jitter: list[float]
) -> None:
    schedule = Schedule(["a"], fps)
    taken = 0
    frames = 400
    for number in range(frames):
        now_s = (number + jitter[number % len(jitter)]) / camera_fps
        if schedule.is_open("a", now_s):
            assert schedule.choose(["a"], now_s) == "a"
            schedule.took("a", now_s)
            taken += 1

    seconds = frames / camera_fps
    assert taken <= fps * seconds + 2
    if camera_fps <= fps:
        assert taken == frames
    if camera_fps >= 2 * fps:  # no picture waits for its turn, and none has to
        assert taken >= fps * seconds - 2


def test_a_camera_that_was_away_does_not_catch_up() -> None:
    schedule = Schedule(["a"], 10)
    schedule.took("a", 0.0)
    schedule.took("a", 100.0)

    assert schedule.choose(["a"], 100.005) is None
    schedule.took("a", 100.02)
    assert schedule.choose(["a"], 100.05) is None
    assert schedule.choose(["a"], 100.12) == "a"


def test_a_faster_rate_applies_at_once() -> None:
    schedule = Schedule(["a"], 0.1)
    schedule.took("a", 0.0)
    schedule.took("a", 6.0)
    assert schedule.choose(["a"], 7.0) is None

    schedule.set_rate("a", 10)

    assert schedule.choose(["a"], 7.0) == "a"


def test_who_is_no_camera_has_no_turn() -> None:
    assert Schedule(["a"], 10).choose(["b"], 0.0) is None


def test_who_may_rest_has_no_turn_meanwhile() -> None:
    schedule = Schedule(["a"], 20)
    schedule.took("a", 1.0, rest_s=0.2)

    assert schedule.choose(["a"], 1.15) is None
    assert schedule.choose(["a"], 1.2) == "a"
