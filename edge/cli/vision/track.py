"""`patrol-edge track`: detections of a recording in, tracks out, as MOTChallenge files."""

import argparse
import json
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import add_command

if TYPE_CHECKING:
    from perception.tracking.mot import MotRow
    from perception.tracking.track_file import Followed

DESCRIPTION = """\
Follows the persons in a file of MOTChallenge detections (frame,id,left,top,width,height,score,...;
frames from 1) and writes a MOTChallenge result.

It has the whole recording, and uses it: each track of the unit's tracker gets back what was
seen of it before it was confirmed, gaps of up to 1 s are filled, and boxes are smoothed with what
came before and after, against the camera's own motion as far as the boxes tell it. Tracks that are
much less sure than the file's detections are in general are left out. --online writes instead what
the unit itself says frame by frame.

Scores may be on any scale. The weakest fifth of the file's detections (and, where scores are
within 0 and 1, those below 0.5) may continue a track, but start none."""
MAX_FPS = 1000.0
NO_SUCH_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "track", "turn a file of detections into a file of tracks", DESCRIPTION
    )
    add = parser.add_argument
    add("--detections", type=Path, required=True, metavar="DET.txt", help="the detections")
    add("--fps", type=_fps, required=True, metavar="F", help="frames per second of the recording")
    add("--size", type=_size, required=True, metavar="WxH", help="its pictures, such as 1920x1080")
    add("-o", "--output", type=Path, required=True, metavar="OUT.txt", help="the result")
    add("--score-min", type=_score, metavar="S", help="leave out what scores less")
    add("--online", action="store_true", help="what the unit says frame by frame")
    add("--json", action="store_true", help="the summary as one JSON object on stdout")
    parser.set_defaults(handler=track)


def _fps(text: str) -> float:
    value = float(text)
    if not 0 < value <= MAX_FPS:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most {MAX_FPS:g}")
    return value


def _score(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a number")
    return value


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,4})[xX]([1-9]\d{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text} is not WIDTHxHEIGHT, such as 1920x1080")
    return int(match[1]), int(match[2])


def track(args: argparse.Namespace) -> int:
    """Raises CommandError for files that cannot be read or written."""
    from perception.tracking.mot import format_rows
    from perception.tracking.track_file import follow_rows

    try:
        _refuse_to_lose(args)
    except PermissionError as error:
        raise CommandError(
            f"{error.filename} may not be looked at by this user", "name another file"
        ) from error
    rows = _read(args)
    kept, outside = _inside(rows, args.size)
    if len(kept) < outside:
        raise CommandError(
            f"{outside} of {len(rows)} boxes lie outside a picture of "
            f"{args.size[0]}x{args.size[1]} pixels",
            "give the size of the recording's own pictures with --size",
            USAGE,
        )
    started_s = time.perf_counter()
    followed = follow_rows(kept, args.fps, online=args.online)
    took_s = time.perf_counter() - started_s
    _write(args.output, format_rows(followed.rows))
    _summarize(args, followed, took_s, outside)
    return DONE


def _refuse_to_lose(args: argparse.Namespace) -> None:
    """Raises CommandError where the result would overwrite the detections, or a folder."""
    if not args.output.resolve().parent.is_dir():
        raise CommandError(
            f"{args.output.parent} is no folder", "make it, or name another output", USAGE
        )
    if args.detections.is_char_device() or args.detections.is_block_device():
        raise CommandError(f"{args.detections} is a device", "give a file of detections", USAGE)
    if args.output.is_dir():
        raise CommandError(f"{args.output} is a folder", "name a file with -o", USAGE)
    if args.output.resolve() == args.detections.resolve() or (
        args.output.exists() and args.detections.exists() and args.output.samefile(args.detections)
    ):
        raise CommandError(
            f"{args.output} is the file of detections itself", "name another output", USAGE
        )


def _read(args: argparse.Namespace) -> "list[MotRow]":
    from perception.tracking.mot import MotFileError, read_rows

    try:
        rows = read_rows(args.detections)
    except MotFileError as error:
        cure = "give a MOTChallenge det.txt: frame,id,left,top,width,height,score"
        if isinstance(error.__cause__, PermissionError):
            cure = f"may this user read it? look at: ls -l {args.detections}"
        raise CommandError(
            str(error),
            cure,
            USAGE if isinstance(error.__cause__, NO_SUCH_FILE) else FAILED,
        ) from error
    if not rows:
        raise CommandError(
            f"{args.detections} holds no detections", "check what the detector wrote", FAILED
        )
    if args.score_min is None:
        return rows
    strong = [row for row in rows if row.score >= args.score_min]
    if not strong:
        best = max(row.score for row in rows)
        raise CommandError(
            f"no detection scores {args.score_min:g} or more",
            f"give a lower --score-min: the best in the file has {best:g}",
            USAGE,
        )
    return strong


def _inside(rows: "list[MotRow]", size: tuple[int, int]) -> "tuple[list[MotRow], int]":
    """The rows with a part in the picture, and how many have none."""
    kept = [
        row
        for row in rows
        if row.left_px < size[0]
        and row.top_px < size[1]
        and row.left_px + row.width_px > 0
        and row.top_px + row.height_px > 0
    ]
    return kept, len(rows) - len(kept)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise CommandError(
            f"cannot write {path}: {error.strerror}", "name another output with -o", FAILED
        ) from error


def _summarize(args: argparse.Namespace, followed: "Followed", took_s: float, outside: int) -> None:
    summary = {
        "frames": followed.frames,
        "tracks": followed.tracks,
        "boxes": len(followed.rows),
        "ms_per_frame": round(took_s * 1e3 / max(followed.frames, 1), 3),
        "high_score": round(followed.high_score, 6),
        "left_out": {"outside_picture": outside, "bad_box": followed.counts.bad_boxes},
    }
    if args.json:
        say(json.dumps(summary))
    note(
        f"{followed.frames} frames, {followed.tracks} tracks, {len(followed.rows)} boxes, "
        f"{summary['ms_per_frame']:g} ms/frame; tracks start from score {followed.high_score:g}"
    )
    if outside or followed.counts.bad_boxes:
        note(f"left out: {outside} outside the picture, {followed.counts.bad_boxes} without area")
