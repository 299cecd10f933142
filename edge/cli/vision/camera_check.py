"""`patrol-edge camera check`, once its arguments are right."""

import argparse

from edge.cli.console import DONE, USAGE, CommandError, say
from edge.cli.vision.camera_inputs import camera_of, inputs_of, lens_for
from edge.cli.vision.pictures import shots
from edge.cli.vision.writing import check_writable, write_whole
from perception.calibration import drawing
from perception.place.geometry import aim
from perception.place.pose import UnitPose
from perception.redaction import jpeg

QUALITY = 92


def check(args: argparse.Namespace) -> int:
    """Raises CommandError."""
    settings, camera = camera_of(args)
    output = args.output or args.image.with_name(f"{args.image.stem}-check.jpg")
    check_writable(output, ".jpg", ".jpeg")
    if camera.mount is None:
        raise CommandError(f"cameras.{args.camera} has no mount", "add mount: to the unit file")
    shot = next(shots(inputs_of([args.image])), None)
    if shot is None:
        raise CommandError("no picture", "see above", USAGE)
    lens = lens_for(camera.lens, (shot.image.shape[1], shot.image.shape[0]))
    height_m = settings.pose.height_m if args.height is None else args.height
    if height_m is None:
        raise CommandError("how high is the unit?", "add --height METRES", USAGE)
    level = UnitPose(
        mono_s=0.0, lat_deg=0.0, lon_deg=0.0, position_error_m=0.0, heading_deg=0.0,
        pitch_deg=args.pitch, roll_deg=args.roll, height_m=height_m,
    )  # fmt: skip
    aimed = aim(camera.mount, level)
    if aimed is None or aimed.height_m <= 0:
        raise CommandError("the lens is not above the ground", "correct mount.height_m")
    drawn = drawing.overlay(shot.image, lens, aimed, settings.ground)
    write_whole(output, jpeg.encode(drawn, quality=QUALITY))
    say(f"{output}")
    return DONE
