"""Lights and tones of a flash, on files that stand for a light of the kernel."""

import io
import sys
import wave
from pathlib import Path

import pytest

from edge.flashing.signals import Light, Signal, Signals, tones


def led(tmp_path: Path, name: str = "ACT") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "trigger").write_text("none [mmc0] timer default-on\n")
    (folder / "max_brightness").write_text("255\n")
    for file in ("brightness", "delay_on", "delay_off"):
        (folder / file).write_text("0\n")
    return folder


def shown(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text().strip() for path in folder.iterdir()}


@pytest.mark.parametrize(("signal", "delay"), [("working", "500"), ("bad", "100")])
def test_the_kernel_blinks_by_itself(tmp_path: Path, signal: Signal, delay: str) -> None:
    folder = led(tmp_path)
    Light.named(None, tmp_path).show(signal)
    assert shown(folder)["trigger"] == "timer"
    assert (shown(folder)["delay_on"], shown(folder)["delay_off"]) == (delay, delay)


def test_good_is_on_and_afterwards_all_is_as_it_was(tmp_path: Path) -> None:
    folder = led(tmp_path, "status")
    light = Light.named("status", tmp_path)
    light.show("good")
    assert shown(folder)["trigger"] == "none"
    assert shown(folder)["brightness"] == "255"
    light.restore()
    assert shown(folder)["trigger"] == "mmc0"


def test_without_a_light_nothing_happens(tmp_path: Path) -> None:
    light = Light.named("nothing", tmp_path)
    assert not light.is_there
    light.show("bad")
    light.restore()


@pytest.mark.parametrize("signal", ["working", "good", "bad"])
def test_tones_are_a_short_wav_file(signal: Signal) -> None:
    with wave.open(io.BytesIO(tones(signal))) as file:
        length_s = file.getnframes() / file.getframerate()
        assert 0.1 <= length_s <= 2.0
        assert file.getnchannels() == 1


def test_the_player_gets_the_tones(tmp_path: Path) -> None:
    out = tmp_path / "heard.wav"
    program = f"import sys; open({str(out)!r}, 'wb').write(sys.stdin.buffer.read())"
    Signals(Light(None), sound=True, player=(sys.executable, "-c", program)).show("good")
    assert out.read_bytes() == tones("good")


def test_without_a_player_or_sound_nothing_is_raised() -> None:
    Signals(Light(None), sound=True, player=("no-such-player",)).end("bad", 0)
    Signals(Light(None), sound=False).end("good", 0)
