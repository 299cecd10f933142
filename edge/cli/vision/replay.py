"""`patrol-edge replay`: a recording through the same chain as on the unit."""

import argparse
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, of_perception
from edge.cli.parser import add_command
from edge.cli.vision.writing import check_writable

if TYPE_CHECKING:
    from edge.replay.player import Player
    from edge.replay.recording import RecordingFile

DESCRIPTION = """\
Plays a recording (pictures, NMEA logs, poses) through detector, tracker, ground and rules, as the
unit does, and writes the events that the hub would have heard of, one JSON object a line. The same
recording gives the same bytes, each time; on another computer, or with another model, only where
the boxes come from the recording (`detections:`).

RECORDING is a folder with recording.yaml in it:

  version: 1
  unit: unit.yaml                  # the unit's file: model, lens, mount, zones, rules
  begins: 2026-11-27T08:00:00Z     # the time of day at stamp 0
  cameras:
    front: {pictures: front.mp4, starts_s: 0.0}
    rear: {detections: rear-det.txt, width_px: 1280, height_px: 720, fps: 10}
  gnss:
    main: main.nmea                # placed in time by its own time of day
  attitude: attitude.csv           # mono_s,pitch_deg,roll_deg,heading_deg,height_m
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands,
        "replay",
        "play a recording through the unit's chain: the same events, byte for byte",
        DESCRIPTION,
    )
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="a folder; see above")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE.jsonl", help="default: standard output"
    )
    parser.add_argument("--json", action="store_true", help="the summary as JSON")
    parser.set_defaults(handler=replay)


def replay(args: argparse.Namespace) -> int:
    from config.flashed import LAID
    from config.loading import try_layers
    from edge.replay.player import Player
    from edge.replay.recording import RecordingError, read_recording
    from perception.errors import PerceptionError

    try:
        if args.output is not None:
            check_writable(args.output)
        described = read_recording(args.recording)
        # What is flashed onto this computer has no part in what was recorded on another.
        settings = try_layers(described.unit, without=LAID).settings
        _check(described, set(settings.cameras))
        detector = None
        if any(track.detections is None for track in described.cameras.values()):
            from edge.seeing.detectors import open_detector

            detector = open_detector(settings.perception)
        with _opened(args.output) as file:
            player = Player(described, settings, detector, lambda line: _write(file, line + b"\n"))
            _play(player, quiet=args.json or not sys.stderr.isatty())
            file.flush()
    except RecordingError as error:
        told, _, cure = str(error).partition("; ")
        raise CommandError(told, cure or "patrol-edge replay --help", USAGE) from error
    except PerceptionError as error:
        raise of_perception(error) from error
    return _sum_up(player, as_json=args.json)


def _check(described: "RecordingFile", known: set[str]) -> None:
    unknown = described.cameras.keys() - known
    if unknown:
        raise CommandError(
            f"the unit's file has no camera {', '.join(sorted(unknown))}",
            f"it has: {', '.join(sorted(known)) or 'none'}; name them as there",
            USAGE,
        )


def _opened(path: Path | None) -> AbstractContextManager[BinaryIO]:
    try:
        return nullcontext(sys.stdout.buffer) if path is None else path.open("wb")
    except OSError as error:
        told = f"cannot write {path}: {error.strerror}"
        raise CommandError(told, "name another file", USAGE) from error


def _write(file: BinaryIO, line: bytes) -> None:
    try:
        file.write(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        told = f"the events cannot be written: {error.strerror}"
        raise CommandError(told, "see that there is room where they go") from error


def _play(player: "Player", *, quiet: bool) -> None:
    for mono_s in player.play():
        if not quiet and player.tally.pictures % 20 == 0:
            events = player.tally.events.total()
            sys.stderr.write(f"\r\x1b[K{mono_s:.0f} s, {events} events")
    if not quiet:
        sys.stderr.write("\r\x1b[K")


def _sum_up(player: "Player", *, as_json: bool) -> int:
    tally = player.tally
    facts = {
        "seconds": round(tally.end_s, 3),
        "pictures": tally.pictures,
        "looked_at": tally.looked_at,
        "positions": tally.positions,
        "events": dict(sorted(tally.events.items())),
        "dropped": dict(sorted(tally.dropped.items())),
    }
    if as_json:
        note(json.dumps(facts))
    else:
        told = ", ".join(f"{name} {count}" for name, count in sorted(tally.events.items()))
        note(
            f"{tally.looked_at} of {tally.pictures} pictures looked at, {tally.positions} "
            f"positions, {tally.end_s:.1f} s; {told or 'no events'}"
        )
    if not tally.pictures:
        note("error: there was not one picture in it")
        return FAILED
    return DONE
