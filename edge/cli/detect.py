"""`patrol-edge detect`: what the detector sees in pictures, folders of pictures and videos."""

import argparse
from pathlib import Path

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note

DESCRIPTION = """\
Looks for persons, bicycles, cars, motorcycles, buses and trucks, and prints a line per picture.
With --coco the scores go down to where the model's authors evaluate; otherwise to the model's own
threshold. Image ids are the numbers at the end of the files' names; for a video, frame numbers.
--tracks uses the whole recording: a person's first sightings, short gaps and smooth paths are put
in when the video is over; with --online they are what the tracker says frame by frame."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "detect",
        help="look for persons and vehicles in pictures and videos",
        description=DESCRIPTION,
    )
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="picture, folder or video")
    add("--model", default="nanodet-g-416", metavar="NAME|FILE", help="default: %(default)s")
    add("--models-dir", type=Path, metavar="DIR", help="where pulled models lie")
    add("--family", metavar="F", help="the model's family, where it cannot be recognised")
    add("--coco", type=Path, metavar="OUT.json", help="write COCO results")
    add("--ids", choices=["coco"], default="coco", help="category ids in --coco")
    add("--tracks", type=Path, metavar="OUT.txt", help="write MOTChallenge results of one video")
    add("--online", action="store_true", help="in --tracks, only what was known at each frame")
    add("--annotate", type=Path, metavar="DIR", help="write the pictures with boxes drawn in")
    add("--score-min", type=_score, metavar="S", help="0 to 1; default: the model's own")
    add("--provider", action="append", metavar="P", help="cpu, cuda, tensorrt, openvino")
    add("--threads", type=_threads, default="auto", help="for inference; default: %(default)s")
    add("--json", action="store_true", help="one JSON object per picture")
    parser.set_defaults(handler=detect)


def _score(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _threads(text: str) -> int | str:
    return text if text == "auto" else max(1, int(text))


def detect(args: argparse.Namespace) -> int:
    """Raises CommandError for what stops the whole run; single files are noted and passed over."""
    # OpenCV and ONNX Runtime take half a second to import: not for `patrol-edge --help`.
    from edge.cli.detect_run import Run
    from edge.cli.pictures import collect
    from perception.errors import PerceptionError

    inputs = collect(args.paths)
    if args.tracks and (inputs.pictures or len(inputs.videos) != 1):
        raise CommandError("--tracks needs exactly one video", "name one video file", USAGE)
    if not inputs.pictures and not inputs.videos:
        raise CommandError("nothing to look at", "name a picture, a folder of pictures or a video")
    try:
        run = Run.prepare(args, inputs)
        run.all()
    except PerceptionError as error:
        raise CommandError(str(error), error.cure) from error
    run.finish()
    if not run.looked_at:
        note("error: not one picture could be read")
        note("  → see the lines above")
        return FAILED
    return DONE
