"""`patrol-edge camera calibrate lens`, once its arguments are right."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from edge.cli.console import DONE, CommandError, of_perception, say
from edge.cli.vision.camera_inputs import Skipped, inputs_of, name_of, spaced, warn
from edge.cli.vision.writing import check_writable, write_whole
from perception.calibration import drawing
from perception.calibration.boards import Board, Charuco, Checkerboard, View
from perception.calibration.lens_fit import LensFit, fit_lens
from perception.errors import PerceptionError


def calibrate_lens(args: argparse.Namespace) -> int:
    """Raises CommandError."""
    if args.plot:
        check_writable(args.plot, ".png")
    square_m = args.square_mm / 1000
    columns, rows = args.board
    board: Board = Checkerboard(columns, rows, square_m)
    if args.charuco:
        board = Charuco(columns, rows, square_m, args.charuco)
    views, size_px = _views(args.paths, board)
    try:
        fit = fit_lens(views, size_px, "fisheye" if args.fisheye else "brown")
    except PerceptionError as error:
        raise of_perception(error) from error
    _tell_lens(fit)
    if args.plot:
        write_whole(args.plot, drawing.png(drawing.sheet(fit)))
    return DONE


def _views(paths: list[Path], board: Board) -> tuple[list[View], tuple[int, int]]:
    """The board in all pictures of the first one's size."""
    views: list[View] = []
    size_px, skipped = (0, 0), Skipped()
    for shot in spaced(inputs_of(paths)):
        size = shot.image.shape[1], shot.image.shape[0]
        if size_px not in ((0, 0), size):
            first = f"{size_px[0]}x{size_px[1]}"
            skipped.skip(shot, f"{size[0]}x{size[1]} px, the first had {first}")
            continue
        size_px = size
        view = board.find(shot.image, name_of(shot))
        if view is None:
            skipped.skip(shot, "the board was not found in it")
        else:
            views.append(view)
    skipped.finish()
    if not views:
        cure = "does --board say what is on it? A checkerboard counts inner corners: squares less 1"
        raise CommandError(f"no board in any of {skipped.count} pictures", cure)
    return views, size_px


def _tell_lens(fit: LensFit) -> None:
    names = ("fx_px", "fy_px", "cx_px", "cy_px")
    say(
        f"# {len(fit.errors_px)} views, {fit.rms_px:.2f} px off (RMS); the board was in "
        f"{fit.coverage:.0%} of the picture and tilted by up to {fit.tilt_deg:.0f} degrees"
    )
    say("lens:")
    say(f"  width_px: {fit.size_px[0]}")
    say(f"  height_px: {fit.size_px[1]}")
    for name in names:
        say(f"  {name}: {getattr(fit, name):.2f}")
    say(f"  model: {fit.model}")
    say(f"  distortion: [{', '.join(f'{value:.5f}' for value in fit.distortion)}]")
    say(f"  focal_error: {fit.focal_error:.4f}")
    say(f"  calibrated: {datetime.now(UTC).date().isoformat()}")
    warn(fit.warnings())
