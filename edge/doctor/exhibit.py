"""What can be seen beside a line on the doctor's page: a picture, a sky, figures in a row."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Satellite:
    """One in the sky, as a receiver tells it."""

    name: str  # "G12"
    elevation_deg: float
    azimuth_deg: float
    cn0_dbhz: float | None  # None: it is not heard
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """Whatever there is of these."""

    picture_jpeg: bytes | None = None  # persons and plates in it are covered
    why_no_picture: str | None = None
    sky: tuple[Satellite, ...] = ()
    series: tuple[float, ...] = ()  # in the order in which they came
    series_unit: str = ""
