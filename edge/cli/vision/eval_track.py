"""`patrol-edge eval track`: HOTA, MOTA and IDF1 of tracking results in MOTChallenge files."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import add_command

if TYPE_CHECKING:
    from perception.tracking.mot import MotRow
    from perception.tracking.mot_scores import Scores

DESCRIPTION = """\
Compares tracks with the truth, both as MOTChallenge files (frame,id,left,top,width,height,flag,...)
by HOTA (all thresholds), IDF1 and MOTA (overlap of 0.5 or more). Rows of the truth whose seventh
column is 0 do not count.

RESULT and GT are two files, or two folders: RESULT/NAME.txt goes with GT/NAME.txt or, as
MOTChallenge lays it out, with GT/NAME/gt/gt.txt. Of folders the last line is the sum of all
sequences, not the mean of their scores. A sequence without a result counts as nothing found.

The scores are computed by trackeval, the reference (extra `eval`); without it by Patrol Edge
itself, which is tested to give the same, and says so."""


def register(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(kinds, "track", "HOTA, MOTA and IDF1 of tracks", DESCRIPTION)
    add = parser.add_argument
    add("result", type=Path, metavar="RESULT", help="tracks: a file, or a folder of NAME.txt")
    add("--truth", type=Path, required=True, metavar="GT", help="the truth: a file, or a folder")
    add("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(handler=eval_track)


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one sequence."""

    name: str
    truth: Path
    result: Path | None  # None: there is none, nothing was found


def eval_track(args: argparse.Namespace) -> int:
    """Raises CommandError for files that cannot be read or do not go together."""
    from perception.tracking.mot_scores import Scores, has_reference, reference_score, score

    judge = reference_score if has_reference() else score
    by = "trackeval" if has_reference() else "patrol-edge"
    scores: dict[str, Scores] = {}
    for pair in pairs(args.result, args.truth):
        truth = _rows(pair.truth, "the truth")
        result = _rows(pair.result, "tracks") if pair.result else []
        _check_ids(pair.truth, truth)
        if pair.result:
            _check_ids(pair.result, result)
        scores[pair.name] = judge(truth, result)
    total = sum(scores.values(), start=Scores.none())
    if not total.boxes_true:
        raise CommandError(f"{args.truth} holds no truth", "give what people have marked")
    if args.json:
        told = {"by": by, "all": _told(total)}
        say(json.dumps(told | {"sequences": {name: _told(one) for name, one in scores.items()}}))
    else:
        _table(scores, total)
        if by != "trackeval":
            note("computed by patrol-edge itself: trackeval (extra `eval`) is not installed")
    return DONE


def pairs(result: Path, truth: Path) -> list[Pair]:
    """Which file goes with which. Raises CommandError."""
    for path, what in ((result, "tracks"), (truth, "truth")):
        if not path.exists():
            raise CommandError(f"{path}: no such file or folder", f"name the {what}", USAGE)
    if result.is_dir() != truth.is_dir():
        cure = "give two files, or two folders"
        raise CommandError("a file and a folder do not go together", cure, USAGE)
    if not result.is_dir():
        return [Pair(result.stem, truth, result)]
    truths = _truths(truth)
    if not truths:
        cure = "give a folder with NAME.txt or NAME/gt/gt.txt"
        raise CommandError(f"{truth} holds no truth", cure, USAGE)
    results = {path.stem: path for path in sorted(result.glob("*.txt"))}
    if not results.keys() & truths.keys():
        raise CommandError(
            f"no name in {result} is one of {truth}: {', '.join(sorted(truths)[:5])}",
            "name each result after its sequence: NAME.txt",
            USAGE,
        )
    for name in sorted(results.keys() - truths.keys()):
        note(f"left out: {results[name]}, of which there is no truth")
    for name in sorted(truths.keys() - results.keys()):
        note(f"nothing found in {name}: there is no {result / name}.txt")
    return [Pair(name, path, results.get(name)) for name, path in sorted(truths.items())]


def _truths(folder: Path) -> dict[str, Path]:
    nested = {path.parents[1].name: path for path in folder.glob("*/gt/gt.txt")}
    return nested | {path.stem: path for path in folder.glob("*.txt")}


def _rows(path: Path, what: str) -> "list[MotRow]":
    from perception.tracking.mot import MotFileError, read_rows

    try:
        return read_rows(path)
    except MotFileError as error:
        cure = f"give {what} as frame,id,left,top,width,height,score"
        raise CommandError(str(error), cure, FAILED) from error


def _check_ids(path: Path, rows: "list[MotRow]") -> None:
    """Raises CommandError where an id stands twice in a frame: it would count twice."""
    seen: set[tuple[int, int]] = set()
    for row in rows:
        if (row.frame, row.track_id) in seen:
            raise CommandError(
                f"{path}: id {row.track_id} stands twice in frame {row.frame}",
                "is this a file of detections? tracks are needed",
                FAILED,
            )
        seen.add((row.frame, row.track_id))


def _told(scores: "Scores") -> dict[str, float | int]:
    return {
        "hota": round(scores.hota, 4),
        "mota": round(scores.mota, 4),
        "idf1": round(scores.idf1, 4),
        "id_switches": scores.switches,
        "missed": scores.boxes_true - scores.found,
        "false": scores.boxes_told - scores.found,
        "boxes_true": scores.boxes_true,
        "boxes_told": scores.boxes_told,
        "tracks_true": scores.tracks_true,
        "tracks_told": scores.tracks_told,
    }


def _table(scores: "dict[str, Scores]", total: "Scores") -> None:
    lines = dict(scores)
    if len(scores) > 1:
        lines["all"] = total
    width = max(len("sequence"), *(len(name) for name in lines))
    say(f"{'sequence':{width}}   HOTA   MOTA   IDF1  switches  missed   false   tracks  (true)")
    for name, one in lines.items():
        told = _told(one)
        say(
            f"{name:{width}} {one.hota:6.2f} {one.mota:6.2f} {one.idf1:6.2f}  {one.switches:8d}"
            f" {told['missed']:7d} {told['false']:7d} {one.tracks_told:8d} {one.tracks_true:7d}"
        )
