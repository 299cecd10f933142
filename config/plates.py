"""Number plates that are looked for: an optional feature, off by default."""

from pydantic import Field

from config.secrets import SecretFile
from config.section import KEPT_TO_ITSELF, Section


class PlatesConfig(Section):
    """Plates are read to find those of a list that a hub has sent; no other is kept or told."""

    enabled: bool = Field(
        False, description="true needs the reader: pip install 'patrol-edge[plates]'"
    )
    reads_per_s: float = Field(4.0, gt=0, le=30, description="vehicles that are read, at most")
    threads: int = Field(1, ge=1, le=16, description="of the reader")
    vehicle_px: int = Field(80, ge=24, le=2000, description="a narrower vehicle is not read")
    confidence_min: float = Field(
        0.7, gt=0, lt=1, description="a plate that is read less surely is no hit"
    )
    reads_min: int = Field(
        2, ge=1, le=12, description="pictures that agree, unless one is sure beyond doubt"
    )
    same_within_s: float = Field(60.0, ge=0, le=3600, description="one plate is told once in this")
    review_within_s: float = Field(
        3600.0,
        ge=10,
        le=86_400,
        description="a hit that nobody has looked at is dropped after this",
    )
    key_file: SecretFile | None = Field(
        None,
        description="the secret that the list is stored under; default: made in state_dir. Better "
        f"a credential of systemd, sealed by the computer's TPM; {KEPT_TO_ITSELF}",
    )
