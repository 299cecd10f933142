"""The moment, the place and the ids that all examples share."""

from datetime import UTC, datetime

from telemetry.contract.events import Pose

NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
EPISODE = "019cc1b0-11f0-7abc-8def-0123456789ab"


def some_id(number: int) -> str:
    return f"019cc1b0-2200-7000-8000-{number:012x}"


def pose() -> Pose:
    return Pose(
        lat_deg=54.1781234,
        lon_deg=12.0912345,
        source="gnss",
        age_ms=60,
        speed_mps=1.21,
        error_m=2.6,
    )
