"""A flat east-north frame around one point: where positions are compared in metres.

Within 10 km of its origin a frame is off by less than 0.1 % of the distance, far below what a
receiver or a camera knows.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# WGS 84 (NIMA TR8350.2, 3rd ed., table 3.1).
SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
ECCENTRICITY_2 = FLATTENING * (2 - FLATTENING)


@dataclass(frozen=True, slots=True)
class LocalFrame:
    """Metres east and north of an origin, WGS 84, by the radii of curvature there."""

    lat_deg: float
    lon_deg: float
    north_m_per_deg: float
    east_m_per_deg: float

    @classmethod
    def at(cls, lat_deg: float, lon_deg: float) -> Self:
        """Radii of curvature: Torge, Geodesy, 3rd ed., eq. 4.12 and 4.14."""
        sine = math.sin(math.radians(lat_deg))
        bend = 1 - ECCENTRICITY_2 * sine * sine
        meridian_m = SEMI_MAJOR_M * (1 - ECCENTRICITY_2) / bend**1.5
        normal_m = SEMI_MAJOR_M / math.sqrt(bend)
        across_m = max(normal_m * math.cos(math.radians(lat_deg)), 1.0)
        return cls(lat_deg, lon_deg, math.radians(meridian_m), math.radians(across_m))

    def to_metres(self, lat_deg: float, lon_deg: float) -> tuple[float, float]:
        """East and north of the origin; the shorter way around the date line."""
        east_deg = (lon_deg - self.lon_deg + 180.0) % 360.0 - 180.0
        return east_deg * self.east_m_per_deg, (lat_deg - self.lat_deg) * self.north_m_per_deg

    def to_degrees(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Latitude and longitude, -180..180."""
        lon_deg = self.lon_deg + east_m / self.east_m_per_deg
        return self.lat_deg + north_m / self.north_m_per_deg, (lon_deg + 180.0) % 360.0 - 180.0

    def ring_to_metres(self, lon_lat: Floats) -> Floats:
        """(N, 2) longitude, latitude (GeoJSON's order) as (N, 2) east, north in metres."""
        east_deg = (lon_lat[:, 0] - self.lon_deg + 180.0) % 360.0 - 180.0
        north_deg = lon_lat[:, 1] - self.lat_deg
        return np.column_stack((east_deg * self.east_m_per_deg, north_deg * self.north_m_per_deg))
