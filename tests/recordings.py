"""A recording for replays: a parked car, a courtyard before it, and somebody who walks into it."""

import json
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import yaml

from tests.placed_scenes import CAR, SIZE, aimed, box_of, lens, pose

BEGINS = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
FPS = 10.0
LAT_DEG, LON_DEG = 54.1, 12.1


def walk(second: float) -> tuple[float, float]:
    """East and north of the car: along its front, 12 m away, from 8 m left to 8 m right."""
    return -8.0 + second, 12.0


def write_recording(folder: Path, seconds: float = 16.0, **unit: Any) -> Path:
    """The folder, ready to be replayed. `unit`: more sections of the unit's file."""
    folder.mkdir(exist_ok=True)
    (folder / "unit.yaml").write_text(yaml.safe_dump(_unit() | unit))
    (folder / "yard.geojson").write_text(json.dumps(_yard()))
    (folder / "main.nmea").write_bytes(_nmea(seconds))
    (folder / "attitude.csv").write_text(
        "mono_s,pitch_deg,roll_deg,heading_deg,heading_error_deg\n"
        + "".join(f"{tenth / 10},0.0,0.0,0.0,0.5\n" for tenth in range(round(seconds * 10)))
    )
    (folder / "det.txt").write_text(_boxes(seconds))
    described = {
        "version": 1,
        "unit": "unit.yaml",
        "begins": BEGINS,
        "cameras": {
            "front": {
                "detections": "det.txt",
                "width_px": SIZE[0],
                "height_px": SIZE[1],
                "fps": FPS,
            }
        },
        "gnss": {"main": "main.nmea"},
        "attitude": "attitude.csv",
    }
    (folder / "recording.yaml").write_text(yaml.safe_dump(described))
    return folder


def _unit() -> dict[str, Any]:
    return {
        "unit": {"id": "car-07", "kind": "patrol_car"},
        "gnss": {"main": {"kind": "replay", "path": "main.nmea"}},
        "cameras": {
            "front": {
                "kind": "file",
                "path": "det.txt",
                "lens": {"horizontal_fov_deg": 90, "focal_error": 0.005},
                "mount": {"height_m": 2.0, "pitch_deg": -8, "error_deg": 0.3},
            }
        },
        "zones": {"files": ["yard.geojson"]},
        "rules": {"yard_entered": {"kind": "intrusion", "zones": ["yard"]}},
    }


def _yard() -> dict[str, Any]:
    """20 m deep and 20 m wide, to the right of the car's axis, from 5 m ahead."""
    north, east = 1 / 111_300.0, 1 / 65_400.0  # degrees per metre at this latitude
    corners = [(0, 5), (20, 5), (20, 25), (0, 25), (0, 5)]
    ring = [[LON_DEG + x * east, LAT_DEG + y * north] for x, y in corners]
    return {
        "type": "FeatureCollection",
        "crs": "wgs84",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "yard", "kind": "area"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        ],
    }


def _nmea(seconds: float) -> bytes:
    lines = []
    for second in range(int(seconds) + 1):
        when = BEGINS + timedelta(seconds=second)
        clock, date = when.strftime("%H%M%S.00"), when.strftime("%d%m%y")
        place = f"{_angle(LAT_DEG, 2)},N,{_angle(LON_DEG, 3)},E"
        lines.append(f"GNRMC,{clock},A,{place},0.00,,{date},,,R")
        lines.append(f"GNGGA,{clock},{place},4,20,0.6,10.0,M,40.0,M,1.0,0001")
        lines.append(f"GNGST,{clock},0.02,0.02,0.02,0,0.02,0.02,0.03")
    return b"".join(f"${line}*{_checksum(line):02X}\r\n".encode() for line in lines)


def _checksum(line: str) -> int:
    return reduce(xor, line.encode())


def _angle(degrees: float, digits: int) -> str:
    whole = int(degrees)
    return f"{whole:0{digits}d}{(degrees - whole) * 60:09.6f}"


def _boxes(seconds: float) -> str:
    eye, view = lens(), aimed(CAR, pose())
    rows = []
    for number in range(round(seconds * FPS)):
        box = box_of(walk(number / FPS), view, eye)
        if box is not None:
            x1, y1, x2, y2 = box
            rows.append(f"{number + 1},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},0.9\n")
    return "".join(rows)
