"""`patrol-edge plates read`: what the reader makes of pictures, as a person would try it."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.console import DONE, FAILED, note, of_perception, say

if TYPE_CHECKING:
    from perception.plates.reader import Reading


def read(args: argparse.Namespace) -> int:
    from edge.cli.vision.pictures import collect, refuse_nothing, shots
    from perception.errors import PerceptionError
    from perception.plates.reader import PlateReader

    inputs = collect(args.paths)
    refuse_nothing(inputs, "read", "name a picture of a vehicle, or a folder")
    looked_at = 0
    try:
        reader = PlateReader.open(threads=args.threads)
        for shot in shots(inputs):
            looked_at += 1
            began_s = time.perf_counter()
            found = reader.read(shot.image)
            took_ms = (time.perf_counter() - began_s) * 1e3
            _tell(shot.path, shot.frame, found, took_ms, as_json=args.json)
    except PerceptionError as error:
        raise of_perception(error) from error
    if not looked_at:
        note("error: not one picture could be read")
        note("  → see the lines above")
        return FAILED
    return DONE


def _tell(
    path: Path, frame: int | None, found: "list[Reading]", took_ms: float, *, as_json: bool
) -> None:
    plates = [_facts(reading) for reading in found]
    if as_json:
        told = {"path": str(path), "frame": frame, "plates": plates, "ms": round(took_ms, 1)}
        say(json.dumps(told, ensure_ascii=False))
        return
    where = str(path) if frame is None else f"{path}:{frame}"
    if not plates:
        say(f"{where}: no plate")
    for each in plates:
        kind, colour = each["kind"].replace("_", " "), each["colour"].replace("_", "-")
        sure = f"{each['confidence']:.0%} sure"
        say(f"{where}: {each['text']}  {kind}, {colour}, {sure}, {each['height_px']} px high")


def _facts(reading: "Reading") -> dict[str, Any]:
    return {
        "text": reading.fit.plate.text,
        "kind": reading.fit.plate.kind,
        "colour": reading.colour,
        "confidence": round(reading.fit.confidence, 4),
        "characters": [round(each, 4) for each in reading.fit.confidences],
        "height_px": round(reading.height_px),
        "corners_px": [[round(float(v), 1) for v in corner] for corner in reading.corners],
    }
