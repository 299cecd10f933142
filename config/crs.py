"""Coordinates of Chinese maps to WGS-84, which is all that the unit knows inside.

GCJ-02 (Amap, Tencent) shifts WGS-84 by 300 to 700 m; BD-09 (Baidu) shifts GCJ-02 once more;
CGCS2000 differs from WGS-84 by centimetres and is taken as the same. The shift has no closed
inverse: it is found by iteration, to less than a millimetre. The formulas are not published
officially; these are the ones that all open converters share (a Krassovsky ellipsoid, three sums of
sines), checked against known pairs.
"""

import math
from collections.abc import Callable

from config.language import tell
from config.zones import Crs

LonLat = tuple[float, float]

_SEMI_MAJOR_M = 6_378_245.0  # Krassovsky 1940
_ECCENTRICITY_2 = 0.00669342162296594323
_BD_TURN = math.pi * 3000.0 / 180.0
_SHIFTED = (72.004, 0.8293, 137.8347, 55.8271)  # lon, lat: beyond this box nothing is shifted
_ITERATIONS = 30
_CLOSE_DEG = 1e-10  # 0.01 mm


class CrsError(ValueError):
    """These coordinates cannot be of the system that they are said to be of."""


def to_wgs84(lon_lat: LonLat, crs: Crs) -> LonLat:
    """Raises CrsError for coordinates outside the area where GCJ-02 and BD-09 exist."""
    match crs:
        case "wgs84" | "cgcs2000":
            return lon_lat
        case "gcj02":
            return _undone(gcj02_of, _within(lon_lat, crs))
        case "bd09":
            return _undone(lambda point: bd09_of(gcj02_of(point)), _within(lon_lat, crs))


def gcj02_of(wgs84: LonLat) -> LonLat:
    """The forward shift; the same position outside the box."""
    lon, lat = wgs84
    if not _in_box(wgs84):
        return wgs84
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    ripple = 20.0 * (math.sin(6 * math.pi * x) + math.sin(2 * math.pi * x))
    north = -100.0 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + _waves(y, (20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0))) * 2 / 3
    east = 300.0 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (ripple + _waves(x, (20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0))) * 2 / 3
    sine = math.sin(math.radians(lat))
    bend = 1 - _ECCENTRICITY_2 * sine * sine
    meridian_m = _SEMI_MAJOR_M * (1 - _ECCENTRICITY_2) / bend**1.5
    across_m = _SEMI_MAJOR_M / math.sqrt(bend) * math.cos(math.radians(lat))
    return lon + math.degrees(east / across_m), lat + math.degrees(north / meridian_m)


def bd09_of(gcj02: LonLat) -> LonLat:
    """Baidu's second shift."""
    x, y = gcj02
    radius = math.hypot(x, y) + 0.00002 * math.sin(y * _BD_TURN)
    angle = math.atan2(y, x) + 0.000003 * math.cos(x * _BD_TURN)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006


def _waves(value: float, *parts: tuple[float, float]) -> float:
    return sum(height * math.sin(math.pi * value / length) for height, length in parts)


def _undone(forward: Callable[[LonLat], LonLat], shifted: LonLat) -> LonLat:
    """The position whose shift is this one: what is missed is added until nothing is."""
    lon, lat = shifted
    for _ in range(_ITERATIONS):
        there_lon, there_lat = forward((lon, lat))
        miss_lon, miss_lat = shifted[0] - there_lon, shifted[1] - there_lat
        lon, lat = lon + miss_lon, lat + miss_lat
        if max(abs(miss_lon), abs(miss_lat)) < _CLOSE_DEG:
            break
    return lon, lat


def _in_box(point: LonLat) -> bool:
    west, south, east, north = _SHIFTED
    return west < point[0] < east and south < point[1] < north


def _within(point: LonLat, crs: Crs) -> LonLat:
    if not _in_box(point):
        raise CrsError(
            tell(
                "longitude {lon:g}, latitude {lat:g} is outside China, where there is "
                "no {crs}; is the order longitude, latitude? else write crs: wgs84",
                lon=point[0],
                lat=point[1],
                crs=crs,
            )
        )
    return point
