"""A microphone that is overdriven, dead or far too quiet; and one that is named by its plug."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.audio import SoundCardConfig
from drivers.base import DeviceUnavailableError
from drivers.sound_system import library_name
from edge.reporting.microphone_findings import microphone_findings
from perception.hearing.levels import Level, level
from perception.hearing.soundness import Deafness, SoundWatch
from tests.parts.test_listening import unit
from tests.sounds import sine, write_wav
from tests.unit_under_test import wait_for

RATE_HZ = 16_000
Sound = Callable[[float], np.ndarray]


def heard(sound: Sound, seconds: float, watch: SoundWatch | None = None) -> SoundWatch:
    """So many seconds, as blocks of a tenth come."""
    watch = watch or SoundWatch()
    start_s = 100.0 if watch.level is None else 1000.0
    for number in range(round(seconds * 10)):
        at_s = start_s + number / 10
        watch.note(level(sound(at_s).astype(np.float32), RATE_HZ), at_s)
    return watch


def street(at_s: float) -> np.ndarray:
    return np.random.default_rng(int(at_s * 10)).normal(0, 0.02, 1600)


def overdriven(at_s: float) -> np.ndarray:
    return np.clip(street(at_s) * 200, -1, 1)


def zeros(_: float) -> np.ndarray:
    return np.zeros(1600)


def faint(at_s: float) -> np.ndarray:
    return street(at_s) * 1e-3


@pytest.mark.parametrize(
    ("sound", "after_s", "expected"),
    [
        (overdriven, 8.0, Deafness.CLIPPING),
        (zeros, 5.5, Deafness.DEAD),
        (faint, 61.0, Deafness.QUIET),
    ],
)
def test_each_stands_after_its_time_and_goes_with_its_cause(
    sound: Sound, after_s: float, expected: Deafness
) -> None:
    assert heard(sound, 4.0).standing == ()
    watch = heard(sound, after_s)
    assert watch.standing == (expected,)
    heard(street, 11.0, watch)
    assert watch.standing == ()


def test_a_street_a_slammed_door_and_a_quiet_night_are_none() -> None:
    assert heard(street, 90).standing == ()

    def doors(at_s: float) -> np.ndarray:
        return overdriven(at_s) if at_s % 5 < 0.5 else street(at_s)

    assert heard(doors, 60).standing == ()

    def night(at_s: float) -> np.ndarray:
        return street(at_s) * 0.02  # -68 dBFS

    assert heard(night, 90).standing == ()


def test_a_gap_begins_time_anew() -> None:
    watch = heard(zeros, 4.0)
    heard(zeros, 4.0, watch)  # 900 s later
    assert watch.standing == ()


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=True),
            st.floats(-120, 3),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_any_stamps_and_levels_can_come(blocks: list[tuple[float, float, bool]]) -> None:
    watch = SoundWatch()
    for mono_s, dbfs, clipped in blocks:
        watch.note(Level(dbfs=dbfs, dbfs_a=dbfs, peak_dbfs=dbfs, clipped=clipped), mono_s)
    assert set(watch.standing) <= set(Deafness)


def test_every_kind_has_a_code_of_its_own_with_a_cure() -> None:
    found = [microphone_findings("mast", (each,))[0] for each in Deafness]
    assert [each.code for each in found] == [f"microphone_{each}" for each in Deafness]
    assert all("alsamixer" in each.action for each in found)
    assert microphone_findings("mast", ()) == []


def test_a_unit_whose_microphone_is_at_full_clip_has_the_fault(tmp_path: Path) -> None:
    app = unit(tmp_path, "events")
    write_wav(tmp_path / "street.wav", np.clip(sine(12.0, 300) * 30, -1, 1))
    listening, stop = app.parts.listening, threading.Event()
    works = listening.works(app.parts.settings.microphones)
    work = next(work for name, work in works.items() if name.startswith("microphone."))
    thread = threading.Thread(target=work, args=(lambda: None, stop))
    thread.start()
    (watch,) = listening.watches.values()
    came = wait_for(lambda: Deafness.CLIPPING in watch.standing, 20)
    stop.set()
    thread.join(10)
    app.parts.outbox.close()
    assert came


# --- its name ---


def made(folder: Path, card: int) -> Path:
    links = folder / "snd" / "by-id"
    links.mkdir(parents=True)
    (folder / "snd" / f"controlC{card}").touch()
    (links / "usb-C-Media_USB_Audio-00").symlink_to(f"../controlC{card}")
    return folder


@pytest.mark.parametrize("card", [0, 1, 12])
def test_a_name_by_its_plug_is_the_card_that_it_is_now(card: int, tmp_path: Path) -> None:
    name = "/dev/snd/by-id/usb-C-Media_USB_Audio-00"
    assert library_name(name, made(tmp_path, card)) == f"(hw:{card},0)"


@pytest.mark.parametrize(
    "name", ["/dev/snd/by-id/usb-gone", "/dev/snd/", "/dev/snd/controlC9", "/dev/snd/../null"]
)
def test_a_plug_that_is_not_in_is_unavailable_with_the_cure(name: str, tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailableError, match="patrol-edge devices"):
        library_name(name, made(tmp_path, 1))


def test_other_names_are_left_to_portaudio() -> None:
    assert library_name("default") is None
    assert library_name("USB Audio") == "USB Audio"
    assert SoundCardConfig(kind="sound").device == "default"
