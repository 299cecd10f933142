"""`patrol-edge camera`: which there are, what they give; measure and check a lens and a mount."""

import argparse
import re
from pathlib import Path

from config.loading import DEFAULT_FILE
from edge.cli.console import USAGE, CommandError
from edge.cli.parser import Parts, add_part, number_in

LENS = """\
Measures a lens from pictures or a video of a board, and prints the lines for the unit file.

Print the board, glue it on something flat, measure a square. Take 10 to 30 pictures with the camera
as the unit uses it (size, zoom, focus): the board near and far, in the middle, in all corners,
tilted by 30 to 45 degrees each way. --board counts inner corners of a checkerboard; with --charuco
the squares of a ChArUco board, which may be seen in part."""
MOUNT = """\
Measures how a camera is mounted, from upright things of known height on level ground, and prints
the lines for the unit file. The unit stands level; its file has the camera's lens.

--sightings FILE.csv: what was marked in pictures, a line each:
    name,foot_x,foot_y,top_x,top_y,height_m,distance_m,bearing_deg
in pixels of pictures of --size; distance on the ground from below the lens, bearing clockwise from
the bow; both may be empty. A mast, a door frame, a rod, or points on the ground (height 0).

--person-height M PICTURE[=DISTANCE] ...: pictures in which one person of that height stands alone,
who is found by the detector; or a video in which he walks up and down."""
PREVIEW = """\
What a camera gives, a line a second: pictures, their size and age, brightness, how much is burnt
out, contrast, and what is wrong. A unit that runs has its cameras to itself: systemctl stop
patrol-edge. With --save the last picture is written, with faces, heads and plates covered: what is
on a disk leaves it some day. Exit code 1 if something is wrong with the pictures.

  patrol-edge camera preview front --config unit.yaml
  patrol-edge camera preview /dev/v4l/by-id/usb-046d_HD_Webcam-video-index0 --save now.jpg
  patrol-edge camera preview rtsp://192.168.1.20/stream1 --credentials front.credentials"""
BENCH = """\
Reads a camera as the unit does, then with a plain loop over OpenCV's VideoCapture: pictures a
second, processor time for each, how old they are when they are handed over (where the camera stamps
them; the time from the light to the stamp is not in it), what was dropped and why, who decodes.
Exit code 1 if fewer than nine tenths come of what is due."""
CHECK = """\
Draws what the unit file says of a camera into one of its pictures: the horizon, lines at 5, 10, 20
and 50 m, where the bow points, and the ground that counts. If the horizon lies off, so does the
mount's pitch or roll; if somebody at a measured distance does, its height or pitch."""


def register(commands: Parts) -> None:
    parser = commands.add_parser("camera", help="list, look at, bench and measure cameras")
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _live(parts)
    _calibrate(parts)
    check = add_part(
        parts, "check", _check_handler, "draw horizon and distances into a picture", CHECK
    )
    add = check.add_argument
    add("image", type=Path, metavar="IMAGE", help="a picture of this camera")
    _unit(check)
    add("-o", "--output", type=Path, metavar="OUT.jpg", help="default: IMAGE-check.jpg")
    add("--height", type=number_in(0, 10_000), metavar="M", help="of a drone's body above ground")
    add("--pitch", type=number_in(-90, 90), default=0.0, metavar="DEG", help="of the body")
    add("--roll", type=number_in(-180, 180), default=0.0, metavar="DEG", help="of the body")


def _live(parts: Parts) -> None:
    told = "the cameras that are plugged in, with sizes and rates, and those of the unit file"
    listing = add_part(parts, "list", _list_handler, told)
    listing.add_argument(
        "--config", type=Path, metavar="UNIT.yaml", help=f"default: {DEFAULT_FILE}"
    )
    listing.add_argument("--json", action="store_true", help="one JSON object per camera")
    preview = add_part(
        parts, "preview", _preview_handler, "what a camera gives, live as text", PREVIEW
    )
    add_source(preview)
    add = preview.add_argument
    add("--seconds", type=number_in(0.5, 86_400), default=10.0, metavar="S", help="default: 10")
    add("--save", type=Path, metavar="OUT.jpg", help="the last picture, redacted")
    add("--heads-only", action="store_true", help="without a face model: by geometry alone")
    add("--model", default="nanodet-g-416-int8", metavar="NAME|FILE", help="default: %(default)s")
    add("--face-model", default="face-yunet", metavar="NAME|FILE", help="default: %(default)s")
    add("--models-dir", type=Path, metavar="DIR", help="where pulled models lie")
    add("--json", action="store_true", help="one JSON object per second")
    bench = add_part(
        parts, "bench", _bench_handler, "measure rate, latency and cost of a camera", BENCH
    )
    add_source(bench)
    add = bench.add_argument
    add("--seconds", type=number_in(0.5, 3600), default=10.0, metavar="S", help="default: 10")
    add("--no-peer", action="store_true", help="without the plain loop")
    add("--json", action="store_true", help="one JSON object per way of reading")


def _calibrate(parts: Parts) -> None:
    parser = parts.add_parser("calibrate", help="measure a lens or a mount from pictures")
    kinds = parser.add_subparsers(title="commands", metavar="WHAT", required=True)
    lens = add_part(kinds, "lens", _lens_handler, "measure a lens from pictures of a board", LENS)
    add = lens.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="pictures, a folder, or a video")
    add("--board", type=_board, required=True, metavar="CxR", help="columns and rows, such as 9x6")
    add("--square-mm", type=number_in(1, 1000), required=True, metavar="MM", help="a square's side")
    add("--charuco", choices=["4x4", "5x5", "6x6"], metavar="DICT", help="its markers, if ChArUco")
    add("--fisheye", action="store_true", help="for lenses that see 120 degrees and more")
    add("--plot", type=Path, metavar="OUT.png", help="draw how good it is")
    mount = add_part(
        kinds, "mount", _mount_handler, "measure a mount from a person or a mast", MOUNT
    )
    add = mount.add_argument
    add("pictures", nargs="*", metavar="PICTURE[=M]", help="with --person-height")
    _unit(mount)
    add("--sightings", type=Path, metavar="FILE.csv", help="marks; see above")
    add("--person-height", type=number_in(0.5, 2.5), metavar="M", help="shoes included")
    add("--lens-height", type=number_in(0.05, 100), metavar="M", help="where it was measured")
    add("--size", type=_board, metavar="WxH", help="of the pictures that were marked")


def _unit(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--config", type=Path, required=True, metavar="UNIT.yaml", help="the unit file")
    add("--camera", required=True, metavar="NAME", help="its name in the unit file")


def _board(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    if match is None or min(int(match[1]), int(match[2])) < 3:
        raise argparse.ArgumentTypeError(f"{text} is not two numbers from 3, such as 9x6")
    return int(match[1]), int(match[2])


# OpenCV takes half a second to import: not for `patrol-edge --help`.


def _list_handler(args: argparse.Namespace) -> int:
    from edge.cli.vision.camera_list import list_cameras

    return list_cameras(args)


def _preview_handler(args: argparse.Namespace) -> int:
    from edge.cli.vision.camera_preview import preview

    return preview(args)


def _bench_handler(args: argparse.Namespace) -> int:
    from edge.cli.vision.camera_bench import bench

    return bench(args)


def _lens_handler(args: argparse.Namespace) -> int:
    from edge.cli.vision.camera_lens import calibrate_lens

    return calibrate_lens(args)


def _mount_handler(args: argparse.Namespace) -> int:
    from edge.cli.vision.camera_mount import calibrate_mount

    if (args.sightings is None) == (args.person_height is None):
        raise CommandError(
            "either --sightings or --person-height",
            "patrol-edge camera calibrate mount --help",
            USAGE,
        )
    return calibrate_mount(args)


def _check_handler(args: argparse.Namespace) -> int:
    from edge.cli.vision.camera_check import check

    return check(args)


def add_source(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which camera is meant."""
    add = parser.add_argument
    add(
        "camera",
        metavar="CAMERA",
        help="its name in the unit file; or a device, a URL, a video, a folder of pictures",
    )
    add("--config", type=Path, metavar="UNIT.yaml", help=f"default: {DEFAULT_FILE}")
    add("--decode", choices=["auto", "software", "hardware"], help="who decodes a network camera")
    add("--credentials", type=Path, metavar="FILE", help="user:password of a network camera")
