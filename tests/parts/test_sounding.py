"""What loudspeakers say and play: whole, in pieces, cut short; with a simulated loudspeaker."""

import hashlib
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.actuators import ActingConfig, SimulatedVia, SpeakerConfig
from drivers.actuators.actuator import Sound
from drivers.actuators.speech import SpeechError
from drivers.clock import SystemClock
from drivers.factory import open_actuator
from edge.acting.announcer import Announcer
from edge.acting.claims import Ended, Level, Sounding, Wish
from edge.acting.clips import ClipError, Clips, read_clip
from edge.acting.conditions import Conditions
from edge.acting.desk import Desk
from edge.acting.outlet import Outlet
from edge.acting.record import ActingBook
from edge.acting.sounding import Sounds
from edge.acting.wishes import Asker
from edge.tasks.memory import Memory
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from telemetry.contract.acting import Play, Speak, Talk
from tests.file_server import Manners, serving
from tests.unit_under_test import wait_for

HUB = Asker("dispatch-1", "hub")
RATE_HZ = 8_000


class Tones:
    """A voice: 20 ms of sound for each letter."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.fails = ""

    def say(self, text: str, language: str, cancelled: Any = None) -> Sound:
        del language, cancelled
        if self.fails:
            raise SpeechError(self.fails)
        self.said.append(text)
        samples = np.zeros(len(text) * RATE_HZ // 50, np.float32)
        return Sound(samples=samples, rate_hz=RATE_HZ, name=text)

    def missing(self) -> str | None:
        return None

    def lacks(self, language: str) -> str | None:
        return "there is no voice for xx" if language == "xx" else None


class Mute(Tones):
    def missing(self) -> str | None:
        return "there is no espeak-ng on this computer"


class Room:
    """A loudspeaker that is not there, and all that makes it sound."""

    def __init__(self, folder: Path, **via: Any) -> None:
        clock = SystemClock()
        config = SpeakerConfig(kind="speaker", via=SimulatedVia(kind="simulated", **via))
        self.outlet = Outlet("mouth", config, clock, lambda: None)
        self.conditions = Conditions(ActingConfig(), {"mouth": config}, clock.utc, lambda: None)
        self.conditions.hub_heard_s = float("inf")
        self.ended: list[Ended] = []
        memory = Memory(folder / "acting.json", ActingBook)
        outlets = {"mouth": self.outlet}
        self.desk = Desk(outlets, (), self.conditions, memory, clock, self.ended.append)
        self.announcer, self.voice = Announcer(self.desk, clock), Tones()
        clips = Clips.look(folder / "clips")
        self.sounds = Sounds(self.desk, self.announcer, self.voice, clips, folder / "talk")
        self._stop = threading.Event()
        works: list[Any] = [
            lambda: self.announcer.work(lambda: None, self._stop),
            lambda: self.outlet.work(
                lambda: open_actuator("mouth", config, clock), lambda: None, self._stop
            ),
        ]
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in self._threads:
            thread.start()
        assert wait_for(lambda: self.outlet.report is not None)

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    @property
    def playing(self) -> str | None:
        return None if self.outlet.report is None else self.outlet.report.playing


def wav(path: Path, seconds: float = 0.2, bits: int = 16) -> bytes:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(bits // 8)
        file.setframerate(RATE_HZ)
        file.writeframes(bytes(round(seconds * RATE_HZ) * bits // 8))
    return path.read_bytes()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    wav(tmp_path / "clips" / "chime.wav")
    wav(tmp_path / "clips" / "long.wav", seconds=40.0)
    wav(tmp_path / "clips" / "deep.wav", bits=24)
    (tmp_path / "clips" / "torn.wav").write_bytes(b"RIFF")
    room = Room(tmp_path)
    yield room
    room.close()


def test_a_text_is_said_piece_by_piece_and_then_it_is_over(room: Room) -> None:
    answer = room.sounds.speak(Speak(text="One. Two! " + "x" * 70 + ".", repeat=2), HUB)

    assert answer["actuators"] == [{"name": "mouth", "on": True, "confirmed": True}]
    assert answer["pieces"] == 4
    assert wait_for(lambda: not room.desk.holdings, 20.0)
    assert room.voice.said == ["One. Two!", "x" * 70 + "."], "each made once, said twice"
    assert room.playing is None


def test_quiet_cuts_it_short_at_once(room: Room) -> None:
    room.sounds.speak(Speak(text="y" * 400), HUB)
    assert wait_for(lambda: room.playing is not None)
    began = time.monotonic()
    room.desk.take_back(lambda _claim: True)

    assert wait_for(lambda: room.playing is None, 1.0)
    assert time.monotonic() - began < 0.5
    time.sleep(0.2)
    assert room.playing is None, "no further piece"


def test_an_emergency_takes_the_loudspeaker(room: Room) -> None:
    room.sounds.speak(Speak(text="z" * 400), HUB)
    sos = Wish(
        fitting="mouth", level=Level.EMERGENCY, wanted=Sounding(name="sos"), for_s=5.0, source="sos"
    )
    room.desk.act([sos])

    assert wait_for(lambda: room.playing is None, 1.0)
    assert [each.cause for each in room.ended] == ["outranked"]
    with pytest.raises(OrderRefusedError, match="emergency"):
        room.sounds.speak(Speak(text="now"), HUB)


def test_a_newer_text_takes_the_place_of_the_older(room: Room) -> None:
    room.sounds.speak(Speak(text="a" * 400), HUB)
    room.sounds.speak(Speak(text="b" * 40), HUB)

    assert wait_for(lambda: room.playing == "b" * 40, 2.0)
    assert wait_for(lambda: not room.desk.holdings, 5.0)


def test_clips_are_played_by_name_and_those_that_cannot_be_are_told(room: Room) -> None:
    assert room.sounds.play(Play(clip="chime"), HUB)["actuators"][0]["confirmed"]
    assert wait_for(lambda: not room.desk.holdings, 5.0)
    assert sorted(room.sounds.clips.faults) == ["deep.wav", "torn.wav"]
    assert "24 bits" in room.sounds.clips.faults["deep.wav"]

    with pytest.raises(OrderRefusedError, match="there is: chime, long") as unknown:
        room.sounds.play(Play(clip="horn"), HUB)
    with pytest.raises(OrderRefusedError, match="40 s, and the loudspeaker sounds for 30 s") as far:
        room.sounds.play(Play(clip="long"), HUB)
    assert (unknown.value.code, far.value.code) == ("invalid_arguments", "limit")


def test_without_a_voice_or_clips_hubs_are_not_offered_speech_or_clips(
    room: Room, tmp_path: Path
) -> None:
    assert room.sounds.unable() == frozenset()
    room.sounds.voice = Mute()
    room.sounds.clips = Clips.look(tmp_path / "nowhere")
    assert room.sounds.unable() == {"speak", "play"}
    asked = ((Play(clip="horn"), room.sounds.play), (Speak(text="a"), room.sounds.speak))
    for args, order in asked:
        with pytest.raises(OrderRefusedError) as told:
            order(args, HUB)  # type: ignore[operator]
        assert told.value.code == "unsupported"


def test_a_text_that_takes_too_long_and_a_voice_that_fails_are_told(room: Room) -> None:
    with pytest.raises(OrderRefusedError, match="at least 33 s"):
        room.sounds.speak(Speak(text="x" * 1000), HUB)
    with pytest.raises(OrderRefusedError, match="no voice for xx") as told:
        room.sounds.speak(Speak(text="hello", language="xx"), HUB)
    assert told.value.code == "invalid_arguments"
    room.voice.fails = "espeak-ng ended with 1"
    with pytest.raises(OrderFailedError, match="ended with 1"):
        room.sounds.speak(Speak(text="hello"), HUB)

    assert room.announcer.fault == "espeak-ng ended with 1"
    assert not room.desk.holdings


def test_after_three_times_it_is_silent_for_a_while(room: Room) -> None:
    for _ in range(3):
        room.sounds.play(Play(clip="chime"), HUB)
        assert wait_for(lambda: not room.desk.holdings, 5.0)

    with pytest.raises(OrderRefusedError, match="free again in") as caught:
        room.sounds.play(Play(clip="chime"), HUB)
    assert caught.value.code == "limit"


def test_what_somebody_spoke_is_fetched_played_and_forgotten(room: Room, tmp_path: Path) -> None:
    content = wav(tmp_path / "said.wav")
    told: list[int] = []

    def talk(url: str, **changes: Any) -> Talk:
        digest = hashlib.sha256(content).hexdigest()
        return Talk(**({"url": url, "sha256": digest, "size_bytes": len(content)} | changes))

    with serving(Manners(content)) as url:
        room.sounds.talk(talk(url), HUB, lambda percent, _text: told.append(percent))
        with pytest.raises(OrderFailedError, match="SHA-256"):
            room.sounds.talk(talk(url, sha256="0" * 64), HUB, lambda *_: None)
        with pytest.raises(OrderRefusedError, match="2 MiB"):
            room.sounds.talk(talk(url, size_bytes=3 * 2**20), HUB, lambda *_: None)

    assert told[-1] == 100
    assert list((tmp_path / "talk").iterdir()) == []


def test_a_loudspeaker_that_refuses_is_told_and_does_not_hold_its_wish(tmp_path: Path) -> None:
    wav(tmp_path / "clips" / "chime.wav")
    room = Room(tmp_path, behaviour="refuses")
    try:
        with pytest.raises(OrderFailedError, match="mouth: the simulated device refuses"):
            room.sounds.play(Play(clip="chime"), HUB)
        assert not room.desk.holdings
    finally:
        room.close()


@given(st.binary(max_size=200), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_it_is_a_clip_or_it_is_told_why_not(
    tmp_path: Path, tail: bytes, headed: bool
) -> None:
    head = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" if headed else b""
    path = tmp_path / "any.wav"
    path.write_bytes(head + tail)
    with suppress(ClipError):
        sound = read_clip(path)
        assert len(sound.samples) > 0
        assert np.isfinite(sound.samples).all()
