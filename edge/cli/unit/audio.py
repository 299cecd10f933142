"""`patrol-edge audio`: which microphones there are, what is heard in a recording, calibration."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from config.audio import AudioConfig, SoundFileConfig, SoundKind
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, of_perception, say
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from drivers.samples import AudioBlock
    from perception.hearing.episodes import SoundChange

LISTEN_HELP = """\
What a unit would hear in a WAV file: one line when a sound begins, one when it is over, and the
levels at the end. Nothing is kept.

  patrol-edge audio listen street.wav --model yamnet --for voice,siren,shot
"""
CALIBRATE_HELP = """\
Works out `full_scale_dba` from a recording of a sound of known level, as a calibrator at the
microphone makes it (94 dB at 1 kHz), or from one made beside a sound level meter set to A, slow.
Record with the same gain as on the unit.

  patrol-edge audio calibrate calibrator.wav --level 94
"""


MODEL_CURE = "give --model yamnet, or an ONNX file of its family"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "audio",
        help="microphones, what is heard in a recording, calibration",
        description="Microphones: which there are, what is heard, how loud it is.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    devices = parts.add_parser("devices", help="list what can be listened to")
    devices.add_argument("--json", action="store_true", help="one JSON object per device")
    devices.set_defaults(handler=list_devices)
    listen = _of_file(parts, "listen", "what a unit would hear in a WAV file", LISTEN_HELP)
    listen.add_argument(
        "--model", metavar="NAME|FILE", help="for siren, scream, glass, shot, explosion"
    )
    listen.add_argument("--voice-model", type=Path, metavar="FILE", help="Silero's ONNX file")
    listen.add_argument("--for", dest="kinds", type=_kinds, metavar="KIND,...", help=_KINDS_HELP)
    listen.add_argument(
        "--full-scale-dba", type=number_in(60, 200), metavar="DB", help="from `audio calibrate`"
    )
    listen.set_defaults(handler=listen_to)
    calibrate = _of_file(parts, "calibrate", "find a microphone's full_scale_dba", CALIBRATE_HELP)
    calibrate.add_argument(
        "--level", type=number_in(30, 140), required=True, metavar="DB(A)", help="what it was"
    )
    calibrate.set_defaults(handler=calibrate_with)


_KINDS_HELP = f"default: all; {', '.join(get_args(SoundKind))}"


def _of_file(
    parts: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, more: str
) -> argparse.ArgumentParser:
    parser = add_command(parts, name, text, more)
    parser.add_argument("file", type=Path, metavar="FILE.wav", help="PCM, 8 to 32 bits")
    parser.add_argument(
        "--channel", type=_channel, default=1, metavar="N", help="from 1; default: 1"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    return parser


def _channel(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 32:
        raise argparse.ArgumentTypeError(f"{text} is not within 1..32")
    return number


def _kinds(words: str) -> tuple[str, ...]:
    kinds = tuple(word.strip() for word in words.split(",") if word.strip())
    unknown = [kind for kind in kinds if kind not in get_args(SoundKind)]
    if unknown or not kinds:
        known = ", ".join(get_args(SoundKind))
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown) or words!r}; {known}")
    return kinds


def list_devices(args: argparse.Namespace) -> int:
    from drivers.base import DriverError
    from drivers.microphones.portaudio import input_devices

    try:
        found = input_devices()
    except DriverError as error:
        raise CommandError(str(error)) from error
    for name, channels, rate_hz in found:
        if args.json:
            say(json.dumps({"name": name, "channels": channels, "rate_hz": round(rate_hz)}))
        else:
            say(f"{name}   {channels} channel(s), {rate_hz:.0f} Hz")
    if not found:
        note("no microphone is there")
        note("  → plug one in; for the service, its user must be in the group audio")
        return FAILED
    return DONE


def listen_to(args: argparse.Namespace) -> int:
    from edge.listening.listener import open_ear
    from perception.errors import PerceptionError
    from perception.hearing.classes import KINDS

    kinds = args.kinds or get_args(SoundKind)
    deaf = [kind for kind in kinds if kind in KINDS] if args.model is None else []
    if deaf and args.kinds:
        raise CommandError(f"{', '.join(deaf)}: only heard with a model", MODEL_CURE, USAGE)
    if deaf:
        note(f"not listened for: {', '.join(deaf)} ({MODEL_CURE})")
    config = AudioConfig(
        mode="events", listen_for=kinds, model=args.model, voice_model=args.voice_model
    )
    source = SoundFileConfig(kind="file", path=args.file, full_scale_dba=args.full_scale_dba)
    ear, fault = open_ear("file", source, config)
    if fault:
        if args.kinds or args.model:
            raise CommandError(fault, "", USAGE)
        note(f"not listened for: {fault}")
    levels: list[float] = []
    try:
        for block in _blocks(args.file, args.channel):
            for change in ear.hear(block.samples, block.rate_hz, block.mono_s, gap=False):
                _show(change, as_json=args.json)
            levels.append(ear.level.dbfs_a if ear.level is not None else 0.0)
        for change in ear.end_all("shutdown"):
            _show(change, as_json=args.json)
    except PerceptionError as error:
        raise of_perception(error) from error
    _sum_up(levels, args.full_scale_dba)
    return DONE


def calibrate_with(args: argparse.Namespace) -> int:
    from perception.hearing.levels import level

    blocks = [level(block.samples, block.rate_hz) for block in _blocks(args.file, args.channel)]
    if any(one.clipped for one in blocks):
        raise CommandError(f"{args.file} is overloaded", "turn the gain down and record again")
    leq = equivalent([one.dbfs_a for one in blocks])
    spread = max(one.dbfs_a for one in blocks) - min(one.dbfs_a for one in blocks)
    if leq < -70:
        raise CommandError(
            f"{args.file} is almost silent ({leq:.0f} dBFS)", "is it the right channel?"
        )
    if spread > 6:
        note(f"the level changes by {spread:.0f} dB over the recording; a steady sound is better")
    full_scale = round(args.level - leq, 1)
    if not 60 <= full_scale <= 200:
        raise CommandError(
            f"that would make full scale {full_scale:.0f} dB(A), which no microphone has",
            "check --level and the channel",
        )
    if args.json:
        say(json.dumps({"full_scale_dba": full_scale, "level_dbfs_a": round(leq, 1)}))
    else:
        say(f"full_scale_dba: {full_scale}")
        note("  → write this line into the microphone's section of the unit file")
    return DONE


def equivalent(levels_db: list[float]) -> float:
    """The level of the mean power (Leq, ISO 1996-1:2016, 3.1.7)."""
    import numpy as np

    return float(10 * np.log10(np.mean(10 ** (np.array(levels_db) / 10))))


def _blocks(path: Path, channel: int) -> Iterator["AudioBlock"]:
    """The file from its beginning, stamped from 0, as fast as it is read. At least one."""
    from drivers.base import DriverError, EndOfRecordingError
    from drivers.microphones.file import FileMicrophone

    config = SoundFileConfig.model_construct(kind="file", path=path, channel=channel, loop=False)
    clock = _Ahead()
    read = 0
    try:
        driver = FileMicrophone.open("file", config, clock, clock.wait)
        try:
            while True:
                block = driver.read()
                if block is not None:
                    read += 1
                    yield block
        finally:
            driver.close()
    except EndOfRecordingError:
        if not read:
            raise CommandError(f"{path} holds no sound", "is it the right file?") from None
    except DriverError as error:
        told, _, cure = str(error).partition("; ")
        raise CommandError(told, cure or "check the name", USAGE) from error


class _Ahead:
    """A clock that is always where the reader waits for."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def wait(self, seconds: float) -> None:
        self._now_s += seconds

    def mono_s(self) -> float:
        return self._now_s


def _show(change: "SoundChange", *, as_json: bool) -> None:
    if as_json:
        facts = {
            "change": change.change,
            "kind": change.kind,
            "begun_s": round(change.begun_mono_s, 2),
            "last_s": round(change.last_mono_s, 2),
            "confidence": change.confidence,
            "bursts": change.bursts,
            "level_dbfs": change.level_dbfs,
            "level_dba": change.level_dba,
        }
        say(json.dumps(facts))
    elif change.change == "new":
        say(f"{change.begun_mono_s:8.1f} s  {change.kind} begins ({change.confidence:.2f})")
    elif change.change == "end":
        loud = f"{change.level_dba} dB(A)" if change.level_dba is not None else ""
        loud = loud or f"{change.level_dbfs} dBFS"
        say(f"{change.last_mono_s:8.1f} s  {change.kind} is over; at most {loud}")


def _sum_up(levels_dbfs_a: list[float], full_scale_dba: float | None) -> None:
    plus, unit = (0.0, "dBFS(A)") if full_scale_dba is None else (full_scale_dba, "dB(A)")
    note(
        f"{len(levels_dbfs_a) / 10:.0f} s; Leq {equivalent(levels_dbfs_a) + plus:.1f} {unit}, "
        f"loudest tenth of a second {max(levels_dbfs_a) + plus:.1f}"
    )
