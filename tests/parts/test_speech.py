"""Text to speech: the real espeak-ng, a piper of ours, and programs that fail in every way."""

import io
import json
import shutil
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.speech import SpeechConfig
from drivers.actuators.speech import (
    LONGEST_TEXT,
    Speech,
    SpeechError,
    from_wav,
    spoken,
)

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)


@needs_espeak
@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("请让开车道", "zh"),
        ("Please keep the gate clear.", "en"),
        ("Bitte warten", "de-AT"),
    ],
)
def test_a_text_becomes_sound(text: str, language: str) -> None:
    sound = Speech(SpeechConfig()).say(text, language)

    assert 0.5 < len(sound.samples) / sound.rate_hz < 10
    assert 0.1 < np.abs(sound.samples).max() <= 1.0
    assert text.startswith(sound.name)


@needs_espeak
def test_a_longer_text_takes_longer_and_a_faster_voice_less() -> None:
    short, long = (Speech(SpeechConfig()).say("Halt. " * n, "en") for n in (1, 6))
    fast = Speech(SpeechConfig(words_per_min=320)).say("Halt. " * 6, "en")
    assert len(long.samples) > 3 * len(short.samples)
    assert len(fast.samples) < 0.8 * len(long.samples)


@needs_espeak
def test_a_text_is_never_an_order_to_the_program() -> None:
    plain = Speech(SpeechConfig()).say("--version -v de [[t'Est]]", "en")
    assert len(plain.samples) > plain.rate_hz  # it was read aloud, to the last sign


def test_a_language_without_a_voice_is_told() -> None:
    speech = Speech(SpeechConfig(program=Path(sys.executable), voices={"en": "en-us"}))
    with pytest.raises(
        SpeechError, match=r"no voice for tlh; there is: .*zh \(acting\.speech\.voices"
    ):
        speech.say("qapla", "tlh")


def test_a_program_that_is_not_there_is_told_with_the_cure() -> None:
    speech = Speech(SpeechConfig(program=Path("/nowhere/espeak-ng")))
    assert "apt-get install espeak-ng" in (speech.missing() or "")
    with pytest.raises(SpeechError, match="not on this computer"):
        speech.say("hello", "en")


def program(folder: Path, code: str) -> Path:
    """A program of ours in place of the real one."""
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{code}\n")
    path.chmod(0o755)
    return path


def test_a_program_that_fails_is_told_in_its_own_words(tmp_path: Path) -> None:
    path = program(tmp_path, "print('no such voice: xy', file=sys.stderr); sys.exit(3)")
    with pytest.raises(SpeechError, match="program says: no such voice: xy"):
        Speech(SpeechConfig(program=path)).say("hello", "en")


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    path = program(tmp_path, "time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(SpeechError, match="takes too long"):
        Speech(SpeechConfig(program=path, within_s=1.0)).say("hello", "en")
    assert time.monotonic() - began < 3


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    path = program(tmp_path, "time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(SpeechError, match="cancelled"):
        Speech(SpeechConfig(program=path)).say(
            "hello", "en", lambda: time.monotonic() - began > 0.3
        )
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("pass", "no sound came"),
        ("sys.stdout.write('not a wave file at all')", "no sound came"),
        ("sys.stdin.close(); sys.exit(0)", "no sound came"),
    ],
)
def test_a_program_that_makes_no_sound_is_told(tmp_path: Path, code: str, told: str) -> None:
    with pytest.raises(SpeechError, match=told):
        Speech(SpeechConfig(program=program(tmp_path, code))).say("hello " * 100, "en")


def test_a_text_of_nothing_is_refused() -> None:
    with pytest.raises(SpeechError, match="nothing in it"):
        Speech(SpeechConfig()).say(" \n\t\x00", "en")


# --- piper -----------------------------------------------------------------------------------

PIPER = """
import struct
words = sys.stdin.buffer.read().decode()
assert sys.argv[1] == "--model" and sys.argv[3] == "--output-raw", sys.argv
sys.stdout.buffer.write(struct.pack("<h", 8192) * 16000 * len(words.split()))
"""


def voice(folder: Path, rate_hz: Any = 16_000) -> Path:
    path = folder / "zh.onnx"
    path.write_bytes(b"")
    (folder / "zh.onnx.json").write_text(json.dumps({"audio": {"sample_rate": rate_hz}}))
    return path


def test_piper_speaks_with_a_voice_file(tmp_path: Path) -> None:
    config = SpeechConfig(
        engine="piper", program=program(tmp_path, PIPER), voices={"zh": str(voice(tmp_path))}
    )
    sound = Speech(config).say("two words", "zh")
    assert (len(sound.samples), sound.rate_hz) == (32_000, 16_000)
    assert np.allclose(sound.samples, 0.25)


@pytest.mark.parametrize("rate", [None, "fast", 1, 10**9])
def test_a_voice_that_tells_no_rate_is_refused(tmp_path: Path, rate: object) -> None:
    config = SpeechConfig(
        engine="piper", program=program(tmp_path, PIPER), voices={"zh": str(voice(tmp_path, rate))}
    )
    with pytest.raises(SpeechError, match="sample rate"):
        Speech(config).say("two words", "zh")


def test_a_voice_without_its_description_is_told(tmp_path: Path) -> None:
    path = voice(tmp_path)
    path.with_name("zh.onnx.json").unlink()
    config = SpeechConfig(
        engine="piper", program=program(tmp_path, PIPER), voices={"zh": str(path)}
    )
    with pytest.raises(SpeechError, match="fetch it with the voice"):
        Speech(config).say("two words", "zh")


# --- whatever comes --------------------------------------------------------------------------


@given(st.text(max_size=2000))
def test_any_text_is_one_line_without_orders(text: str) -> None:
    words = spoken(text)
    assert len(words) <= LONGEST_TEXT
    assert "[[" not in words
    assert words == " ".join(words.split())
    assert all(sign.isprintable() or sign == " " for sign in words)


def wav_file() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        file.writeframes(bytes(2000))
    return out.getvalue()


@given(st.data())
def test_any_damage_to_what_a_program_writes_is_sound_or_an_error(data: st.DataObject) -> None:
    content = bytearray(wav_file())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        samples, rate_hz = from_wav(cut)
    except SpeechError:
        return
    assert samples.dtype == np.float32
    assert 4_000 <= rate_hz <= 192_000


@pytest.mark.parametrize("name", ["", "-w/etc/passwd"])
def test_a_voice_is_no_option(name: str) -> None:
    make: Callable[..., SpeechConfig] = SpeechConfig
    with pytest.raises(ValidationError, match="is no voice"):
        make(voices={"en": name})
