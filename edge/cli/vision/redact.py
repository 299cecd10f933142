"""`patrol-edge redact`: pictures and videos made fit to be handed on."""

import argparse
from pathlib import Path

from edge.cli.console import DONE, FAILED, note, of_perception
from edge.cli.parser import add_command

DESCRIPTION = """\
Covers faces, heads and number plates for good, on copies; what is given is never changed.

Faces are found by the face model; heads are covered wherever a person is detected, and the lower
part of each vehicle, whether a face or a plate is seen there or not. What is written has no
metadata, and a video has no sound. No detector finds everything: look at the result before you
hand it on. docs/perception.md says how much is found.
"""
EXAMPLES = """\
examples:
  patrol-edge redact gate.jpg -o gate-redacted.jpg
  patrol-edge redact clip.mp4 -o clip-redacted.mp4
  patrol-edge redact pictures/ clip.avi -o redacted/
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "redact", "cover faces and plates in pictures and videos", DESCRIPTION
    )
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="IN", help="picture, folder of pictures, or video")
    add(
        "-o",
        "--output",
        "--out",
        dest="out",
        type=Path,
        required=True,
        metavar="OUT",
        help="a file (.jpg, .mp4, .avi) for one input; else a folder, made if need be",
    )
    add("--model", default="nanodet-g-416-int8", metavar="NAME|FILE", help="default: %(default)s")
    add("--face-model", default="face-yunet", metavar="NAME|FILE", help="default: %(default)s")
    add("--models-dir", type=Path, metavar="DIR", help="where pulled models lie")
    add("--heads-only", action="store_true", help="without a face model: by geometry alone")
    add("--quality", type=_quality, default=85, metavar="Q", help="of JPEG; default: %(default)s")
    add("--json", action="store_true", help="one JSON object per file")
    parser.set_defaults(handler=redact)


def _quality(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 30 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not within 30..100")
    return int(text)


def redact(args: argparse.Namespace) -> int:
    """Raises CommandError for what stops the whole run; single files are noted and passed over."""
    # OpenCV and ONNX Runtime take half a second to import: not for `patrol-edge --help`.
    from edge.cli.vision.pictures import collect, refuse_nothing
    from edge.cli.vision.redact_run import RedactRun
    from perception.errors import PerceptionError

    inputs = collect(args.paths)
    refuse_nothing(inputs, "redact")
    try:
        run = RedactRun.prepare(args, inputs)
        run.all()
    except PerceptionError as error:
        raise of_perception(error) from error
    note(run.summary())
    return DONE if run.complete else FAILED
