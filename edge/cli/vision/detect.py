"""`patrol-edge detect`: what the detector sees in pictures, folders of pictures and videos."""

import argparse
from pathlib import Path
from typing import get_args

from config.perception import Provider
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, of_perception
from edge.cli.parser import add_command, picture_size, share

DESCRIPTION = """\
Looks for persons, bicycles, cars, motorcycles, buses and trucks, and prints a line per picture.

--coco: the scores go down to where the model's authors evaluate; otherwise to the model's own
threshold. COCO's image_id is the number at the end of a picture's name, without its suffix:
000000000139.jpg is 139, gate-7.png is 7. A picture without one, or two with the same, are refused
before the start. In a video it is the frame, from 1; a video must be the only input.

--annotate: a picture is written under its own name, as .jpg: gate-7.png becomes DIR/gate-7.jpg,
a second one of that name DIR/gate-7-2.jpg. Frames of clip.mp4 become DIR/clip-000001.jpg and so
on. What is there under such a name is overwritten; DIR is made if it is missing.

--tracks uses the whole recording: a person's first sightings, short gaps and smooth paths are put
in when the video is over; with --online they are what the tracker says frame by frame."""
MAX_THREADS = 64
THREADS_HELP = f"for inference, 1 to {MAX_THREADS}; default: %(default)s"
PROVIDERS = get_args(Provider)
PROVIDERS_HELP = f"{', '.join(PROVIDERS)}; may be repeated, the first that is there is used"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "detect", "look for persons and vehicles in pictures and videos", DESCRIPTION
    )
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="picture, folder or video")
    add("--model", default="nanodet-g-416-int8", metavar="NAME|FILE", help="default: %(default)s")
    add("--models-dir", type=Path, metavar="DIR", help="where pulled models lie")
    add("--family", metavar="F", help="the model's family, where it cannot be recognised")
    add("--coco", type=Path, metavar="OUT.json", help="write COCO results; name rule above")
    add("--ids", choices=["coco"], default="coco", help="category ids in --coco")
    add("--tracks", type=Path, metavar="OUT.txt", help="write MOTChallenge results of one video")
    add("--online", action="store_true", help="in --tracks, only what was known at each frame")
    add(
        "--annotate",
        type=Path,
        metavar="DIR",
        help="write the pictures with boxes drawn in; names: see above",
    )
    add("--annotate-video", type=Path, metavar="OUT", help="one video with its tracks: .mp4, .avi")
    add("--redact", action="store_true", help="cover faces and plates in what --annotate... writes")
    add("--face-model", default="face-yunet", metavar="NAME|FILE", help="default: %(default)s")
    add("--heads-only", action="store_true", help="--redact without a face model, by geometry")
    add("--score-min", type=share, metavar="S", help="0 to 1; default: the model's own")
    add("--provider", action="append", choices=PROVIDERS, metavar="P", help=PROVIDERS_HELP)
    add("--input", type=picture_size, metavar="WxH", help="size of the model's input, as 320x320")
    add("--threads", type=_threads, default="auto", metavar="N|auto", help=THREADS_HELP)
    add("--json", action="store_true", help="one JSON object per picture")
    parser.set_defaults(handler=detect)


def _threads(text: str) -> int | str:
    if text == "auto":
        return text
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= MAX_THREADS:
        raise argparse.ArgumentTypeError(f"{text} is not within 1..{MAX_THREADS}, nor auto")
    return count


def detect(args: argparse.Namespace) -> int:
    """Raises CommandError for what stops the whole run; single files are noted and passed over."""
    # OpenCV and ONNX Runtime take half a second to import: not for `patrol-edge --help`.
    from edge.cli.vision.detect_run import Run
    from edge.cli.vision.pictures import collect, refuse_nothing
    from perception.errors import PerceptionError

    inputs = collect(args.paths)
    for wanted, option in ((args.tracks, "--tracks"), (args.annotate_video, "--annotate-video")):
        if wanted and (inputs.pictures or len(inputs.videos) != 1):
            raise CommandError(f"{option} needs exactly one video", "name one video file", USAGE)
    if args.redact and not (args.annotate or args.annotate_video):
        raise CommandError(
            "--redact is for what --annotate or --annotate-video writes", "add one of them", USAGE
        )
    if args.heads_only and not args.redact:
        raise CommandError("--heads-only is about --redact", "add it, or leave both out", USAGE)
    refuse_nothing(inputs, "look at")
    try:
        run = Run.prepare(args, inputs)
        run.all()
    except PerceptionError as error:
        raise of_perception(error) from error
    run.finish()
    if not run.looked_at:
        note("error: not one picture could be read")
        note("  → see the lines above")
        return FAILED
    return DONE
