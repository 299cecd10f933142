"""Text to speech through a program of its own, espeak-ng or piper: they are never imported (GPL).

The text goes in on standard input, so that nobody sees it in the list of processes and no text can
be an option; the sound comes out on standard output. Nothing is sent anywhere.
"""

import io
import json
import shutil
import subprocess
import tempfile
import time
import unicodedata
import wave
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from config.speech import ESPEAK_VOICES, SpeechConfig
from drivers.actuators.actuator import Sound
from drivers.base import DriverError

LONGEST_TEXT = 1000  # characters
LONGEST_SOUND_S = 120.0
LOOK_EVERY_S = 0.02
PROGRAMS = {"espeak": "espeak-ng", "piper": "piper"}
NAME_LENGTH = 40


class SpeechError(DriverError):
    """The text could not be made into sound; the text says why, and what helps."""


def never() -> bool:
    return False


class Speech:
    """Makes sounds of texts. Any thread; one text takes some tenths of a second."""

    def __init__(self, config: SpeechConfig) -> None:
        self._config = config

    def say(self, text: str, language: str, cancelled: Callable[[], bool] = never) -> Sound:
        """The text as sound. Raises SpeechError, also when `cancelled` says so meanwhile."""
        words = spoken(text)
        if not words:
            raise SpeechError("there is nothing in it that can be spoken")
        samples, rate_hz = self._made(words, language, cancelled)
        if not len(samples):
            raise SpeechError(f"{self._config.engine} made no sound of it")
        return Sound(samples=samples, rate_hz=rate_hz, name=words[:NAME_LENGTH])

    def missing(self) -> str | None:
        """Why nothing can be spoken at all; None where it can."""
        try:
            self._program()
        except SpeechError as error:
            return str(error)
        return None

    def lacks(self, language: str) -> str | None:
        """Why nothing can be spoken in this language; None where it can."""
        try:
            self._voice(language)
        except SpeechError as error:
            return str(error)
        return None

    def _made(
        self, words: str, language: str, cancelled: Callable[[], bool]
    ) -> tuple[NDArray[np.float32], int]:
        program = self._program()
        voice = self._voice(language)
        if self._config.engine == "espeak":
            speed = str(self._config.words_per_min)
            command = [program, "-v", voice, "-s", speed, "--stdin", "--stdout"]
            return from_wav(self._run(command, words, cancelled))
        command = [program, "--model", voice, "--output-raw"]
        rate_hz = piper_rate_hz(Path(voice))
        return from_pcm(self._run(command, words, cancelled)), rate_hz

    def _program(self) -> str:
        name = PROGRAMS[self._config.engine]
        asked = str(self._config.program) if self._config.program is not None else name
        found = shutil.which(asked)
        if found is None:
            cure = "apt-get install espeak-ng" if name == "espeak-ng" else "see docs/acting.md"
            raise SpeechError(f"{asked} is not on this computer: {cure}")
        return found

    def _voice(self, language: str) -> str:
        voices = self._config.voices
        found = voices.get(language) or voices.get(language.split("-")[0])
        if found is None and self._config.engine == "espeak":
            found = ESPEAK_VOICES.get(language.split("-")[0])
        if found is None:
            own = ESPEAK_VOICES if self._config.engine == "espeak" else {}
            known = ", ".join(sorted({*voices, *own})) or "none"
            raise SpeechError(
                f"there is no voice for {language}; there is: {known} (acting.speech.voices)"
            )
        return found

    def _run(self, command: list[str], words: str, cancelled: Callable[[], bool]) -> bytes:
        """What the program writes. Raises SpeechError."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaint:
            try:
                process = subprocess.Popen(  # noqa: S603 - a program that the unit's file names
                    command, stdin=subprocess.PIPE, stdout=out, stderr=complaint
                )
            except OSError as error:
                raise SpeechError(f"{command[0]} cannot be run: {error.strerror}") from error
            with process:
                self._wait(process, words, cancelled)
            if process.returncode:
                raise SpeechError(f"{Path(command[0]).name} says: {_last_line(complaint)}")
            out.seek(0)
            return out.read()

    def _wait(
        self, process: "subprocess.Popen[bytes]", words: str, cancelled: Callable[[], bool]
    ) -> None:
        ends_s = time.monotonic() + self._config.within_s
        _feed(process, words)
        while process.poll() is None:
            if cancelled() or time.monotonic() >= ends_s:
                process.kill()
                process.wait()
                why = "cancelled" if cancelled() else "it takes too long: write a shorter text"
                raise SpeechError(why)
            time.sleep(LOOK_EVERY_S)


def spoken(text: str) -> str:
    """A text as it is read: one line, without what a program would take for an order.

    espeak-ng reads `[[...]]` as phonemes, and markup only when asked to.
    """
    plain = "".join(
        " " if unicodedata.category(sign).startswith(("C", "Z")) else sign for sign in text
    )
    return " ".join(plain.replace("[[", "[ [").split())[:LONGEST_TEXT]


def from_wav(data: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples and rate in Hz of a WAV file of 16 bits, one channel or the first of several.

    Raises SpeechError. A header that promises more than there is, is that of a stream.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            if file.getsampwidth() != 2:
                raise SpeechError(f"sound of {8 * file.getsampwidth()} bits, not of 16")
            channels, rate_hz = file.getnchannels(), file.getframerate()
            pcm = file.readframes(min(file.getnframes(), round(LONGEST_SOUND_S * rate_hz)))
    except (wave.Error, EOFError, RuntimeError, ValueError, ZeroDivisionError) as error:
        raise SpeechError(f"no sound came: {error}") from error
    if not 4_000 <= rate_hz <= 192_000:
        raise SpeechError(f"sound of {rate_hz} Hz")
    whole = len(pcm) // (2 * channels) * channels
    return from_pcm(pcm[: 2 * whole])[::channels], rate_hz


def from_pcm(data: bytes) -> NDArray[np.float32]:
    """(N,) float32 of signed 16 bits, little endian."""
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768.0


def piper_rate_hz(voice: Path) -> int:
    """What the description beside a piper voice says (`NAME.onnx.json`). Raises SpeechError."""
    description = voice.with_name(voice.name + ".json")
    try:
        rate_hz = json.loads(description.read_bytes())["audio"]["sample_rate"]
    except FileNotFoundError as error:
        raise SpeechError(f"there is no {description}: fetch it with the voice") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpeechError(f"{description} tells no sample rate") from error
    if not isinstance(rate_hz, int) or not 4_000 <= rate_hz <= 192_000:
        raise SpeechError(f"{description} tells a sample rate of {rate_hz}")
    return rate_hz


def _feed(process: "subprocess.Popen[bytes]", words: str) -> None:
    """A text is shorter than what a pipe takes at once (64 KiB), so this does not wait."""
    if process.stdin is None:
        return
    try:
        process.stdin.write(words.encode() + b"\n")
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has ended already, and says why


def _last_line(complaint: IO[bytes]) -> str:
    complaint.seek(0)
    lines = complaint.read(4096).decode(errors="replace").strip().splitlines()
    return (lines or ["nothing"])[-1][:200]
