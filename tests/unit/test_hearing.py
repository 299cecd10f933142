"""Levels, rates, impulses, episodes of sound: pure parts of hearing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.audio import AudioConfig
from drivers.resampling import Resampler
from perception.errors import ModelError
from perception.hearing.background import Background, Impulses
from perception.hearing.ear import Ear
from perception.hearing.episodes import Episode, Gate, SoundChange
from perception.hearing.levels import a_weight, level
from perception.hearing.ring import Ring
from tests.sounds import RATE_HZ, bang, noise, sine

BLOCK = RATE_HZ // 10


def hear(ear: Ear, sound: np.ndarray, rate_hz: int = RATE_HZ) -> list[SoundChange]:
    """A whole sound in tenths of a second, stamped from 0."""
    step = rate_hz // 10
    changes: list[SoundChange] = []
    for number in range(len(sound) // step):
        piece = sound[number * step : (number + 1) * step]
        changes += ear.hear(piece, rate_hz, number / 10, gap=False)
    return changes + ear.end_all("shutdown")


def ear(**settings: object) -> Ear:
    return Ear("mast", AudioConfig.model_validate({"mode": "events", **settings}))


# --- levels ---


@pytest.mark.parametrize(
    ("hz", "db"),  # IEC 61672-1:2013, table 3
    [(31.5, -39.4), (63, -26.2), (125, -16.1), (250, -8.6), (500, -3.2), (1000, 0.0),
     (2000, 1.2), (4000, 1.0), (8000, -1.1), (12500, -4.3)],
)  # fmt: skip
def test_the_a_weighting_is_that_of_the_standard(hz: float, db: float) -> None:
    assert 10 * math.log10(a_weight(np.array([hz]))[0]) == pytest.approx(db, abs=0.15)


@pytest.mark.parametrize("peak", [1.0, 0.1, 0.001])
def test_a_sine_s_level_is_its_peak_against_full_scale(peak: float) -> None:
    told = level(sine(0.1, 1000, peak), RATE_HZ)

    assert told.dbfs == pytest.approx(20 * math.log10(peak), abs=0.05)
    assert told.dbfs_a == pytest.approx(told.dbfs, abs=0.05)
    assert told.peak_dbfs == pytest.approx(20 * math.log10(peak), abs=0.2)
    assert told.dba(None) is None
    assert told.dba(94.0) == pytest.approx(94.0 + 20 * math.log10(peak), abs=0.05)


def test_low_tones_count_less_and_silence_has_a_floor() -> None:
    assert level(sine(1.0, 63), RATE_HZ).dbfs_a == pytest.approx(-26.2, abs=0.5)
    silent = level(np.zeros(BLOCK, np.float32), RATE_HZ)
    assert silent.dbfs == silent.dbfs_a == silent.peak_dbfs == -120
    assert level(np.ones(4, np.float32), RATE_HZ).clipped
    assert not level(sine(0.1, 1000, 0.9), RATE_HZ).clipped


# --- another rate ---


@given(
    rate_hz=st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000]),
    cuts=st.lists(st.integers(1, 4_000), min_size=1, max_size=12),
)
@settings(deadline=None, max_examples=40)
def test_blocks_of_any_length_give_the_same_as_the_whole(rate_hz: int, cuts: list[int]) -> None:
    sound = noise(0.5, -10, rate_hz=rate_hz)
    whole = Resampler(rate_hz, RATE_HZ).feed(sound)
    parts, resampler, start = [], Resampler(rate_hz, RATE_HZ), 0
    for cut in [*cuts, len(sound)]:
        parts.append(resampler.feed(sound[start : start + cut]))
        start += cut
    joined = np.concatenate(parts)

    assert np.allclose(joined, whole[: len(joined)], atol=1e-6)


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 48_000])
def test_tones_pass_and_what_would_alias_does_not(rate_hz: int) -> None:
    def passed_db(hz: float) -> float:
        out = Resampler(rate_hz, RATE_HZ).feed(sine(1.0, hz, rate_hz=rate_hz))
        return 10 * math.log10(2 * float(np.mean(out[2000:-2000] ** 2)) + 1e-15)

    assert passed_db(1000) == pytest.approx(0, abs=0.05)
    assert passed_db(6500) == pytest.approx(0, abs=0.2)
    assert passed_db(9500) < -70


# --- background and impulses ---


def test_the_background_is_the_middle_of_the_last_half_minute() -> None:
    background = Background()
    assert background.usual_db() is None
    for tenth in range(400):
        background.note(tenth / 10, -50.0 if tenth < 50 else -40.0)
    assert background.usual_db() == -40.0


def test_a_bang_is_an_impulse_and_a_swell_is_none() -> None:
    quiet = noise(3.0, -60)
    swell = (quiet * np.logspace(0, 2.5, len(quiet))).astype(np.float32)
    assert Impulses(30, RATE_HZ).feed(bang(quiet, 1.5), -50) > 30
    assert Impulses(30, RATE_HZ).feed(quiet, -50) == 0
    assert Impulses(30, RATE_HZ).feed(swell, -50) == 0


# --- the ear ---


def test_bangs_in_a_row_are_one_episode_with_one_end() -> None:
    street = noise(12.0, -50)
    for at_s in (4.0, 4.6, 5.2):
        street = bang(street, at_s)
    changes = [c for c in hear(ear(listen_for=["impulse"]), street) if c.kind == "impulse"]

    assert [change.change for change in changes] == ["new", "end"]
    assert changes[-1].bursts == 3
    assert changes[0].begun_mono_s == pytest.approx(4.0, abs=0.11)
    assert changes[-1].reason == "silent"


def test_a_lasting_noise_is_loud_once_and_becomes_usual() -> None:
    sound = np.concatenate([noise(10, -60), noise(40, -20, seed=3)])
    changes = hear(ear(listen_for=["loud"]), sound)

    assert [change.change for change in changes].count("new") == 1
    assert changes[-1].change == "end"
    assert changes[-1].level_dbfs == pytest.approx(-20, abs=0.5)


def test_a_short_noise_is_not_loud() -> None:
    sound = np.concatenate([noise(10, -60), noise(0.5, -20, seed=3), noise(5, -60)])
    assert hear(ear(listen_for=["loud"]), sound) == []


def test_wrong_samples_are_counted_and_heard_as_silence() -> None:
    sound = noise(5.0, -50)
    sound[30_000:30_050] = np.nan
    sound[40_000:40_010] = np.inf
    sound[50_000:50_010] = 1e20
    one = ear()

    assert hear(one, sound) == []
    assert one.bad_samples == 70


class BrokenVoice:
    def feed(self, samples: object) -> float:
        raise ModelError("the model failed on a picture: no")

    def reset(self) -> None: ...


def test_a_model_that_fails_is_told() -> None:
    one = Ear("mast", AudioConfig(mode="events"), voice=BrokenVoice())  # type: ignore[arg-type]
    with pytest.raises(ModelError):
        hear(one, noise(0.2, -30))


@given(
    st.lists(st.tuples(st.floats(0.05, 3.0), st.floats(0, 1)), min_size=1, max_size=120),
    st.floats(0, 1.0),
)
def test_each_new_has_one_end_and_nothing_comes_between_two_episodes(
    steps: list[tuple[float, float]], least_s: float
) -> None:
    episode = Episode("mast", "voice", Gate(on=0.6, off=0.4, least_s=least_s, hang_s=1.0))
    now_s, told = 0.0, []
    for wait_s, value in steps:
        now_s += wait_s
        change = episode.hear(now_s, value, value, (-30.0, None), 5.0)
        told += [change] if change else []
    end = episode.end("shutdown")
    told += [end] if end else []

    open_now = False
    for change in told:
        assert (change.change == "new") != open_now
        open_now = change.change != "end"
        assert (change.reason is not None) == (change.change == "end")
        assert change.begun_mono_s <= change.last_mono_s <= now_s
    assert not open_now
    numbers = [change.number for change in told if change.change == "new"]
    assert numbers == list(range(1, len(numbers) + 1))


# --- the ring ---


def test_a_sound_that_was_cut_off_begins_anew_with_a_burst_of_its_own() -> None:
    """The microphone was pulled out in the middle of it, and hears it still when it is back."""
    episode = Episode("mast", "voice", Gate(on=0.6, off=0.4, least_s=0.0, hang_s=1.0))
    assert episode.hear(1.0, 0.9, 0.9, (-20.0, None), 10.0) is not None
    cut = episode.end("microphone_lost")
    again = episode.hear(5.0, 0.9, 0.9, (-20.0, None), 10.0)

    assert cut is not None
    assert again is not None
    assert (again.change, again.number, again.bursts) == ("new", 2, 1)


def test_the_ring_gives_what_was_heard_between_two_stamps() -> None:
    ring = Ring(5.0)
    for tenth in range(100):
        ring.add(tenth / 10, np.full(100, tenth, np.float32), 1000)

    cut = ring.cut(6.0, 7.0)
    assert cut is not None
    assert cut[0] == pytest.approx(6.0)
    assert len(cut[1]) == 1000
    assert cut[1][0] == 60
    assert ring.cut(0.0, 1.0) is None, "it is forgotten"
    ring.add(0.0, np.zeros(10, np.float32), 1000)
    assert ring.cut(6.0, 7.0) is None, "a clock that goes back begins anew"
