"""What a firmware package says of itself, and what of that must be so."""

from typing import Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.wire_types import Message, Short, Text, UtcTime

TYPE = "patrol-firmware+jws"  # header `typ`: such a signature serves nothing else
Kind = Literal["smp", "esp32", "stm32-dfu"]
MOST_FILES, MOST_FILE_BYTES = 16, 64 * 1024 * 1024
VERSION = r"^\d{1,3}\.\d{1,3}\.\d{1,5}(\.\d{1,9})?$"


class PackageFile(Message):
    """One file of the package."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=1, le=MOST_FILE_BYTES)
    address: int | None = Field(
        None, ge=0, lt=2**32, description="where in flash it goes; not for smp"
    )


class Manifest(Message):
    """For which boards it is, what it brings, and until when."""

    package: Literal[1] = 1
    model: Short = Field(description="of the board, as the board itself says it")
    hardware: tuple[Short, ...] = Field(min_length=1, max_length=32, description="its revisions")
    version: str = Field(pattern=VERSION)
    kind: Kind
    serial: int = Field(ge=1, le=2**53, description="counts up with each release of this model")
    issued_at: UtcTime
    expires_at: UtcTime
    files: tuple[PackageFile, ...] = Field(min_length=1, max_length=MOST_FILES)
    chip: str | None = Field(
        None, pattern=r"^[a-z0-9]{2,16}$", description="esp32: esp32s3, esp32c3, ..."
    )
    usb: str | None = Field(
        None, pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$", description="stm32-dfu: vendor and product"
    )
    note: Text = ""

    @model_validator(mode="after")
    def _suits_its_kind(self) -> Self:
        if self.expires_at <= self.issued_at:
            raise ValueError("expires_at is not after issued_at")
        if len({file.name for file in self.files}) != len(self.files):
            raise ValueError("two files have the same name")
        if self.kind == "smp" and (len(self.files) != 1 or self.files[0].address is not None):
            raise ValueError("a package of kind smp has one file, without an address")
        if self.kind != "smp" and any(file.address is None for file in self.files):
            raise ValueError(f"each file of kind {self.kind} says its address")
        if self.kind == "esp32" and self.chip is None:
            raise ValueError("a package of kind esp32 names its chip")
        if self.kind == "stm32-dfu" and self.usb is None:
            raise ValueError("a package of kind stm32-dfu names usb, e.g. 0483:df11")
        return self

    @property
    def told(self) -> str:
        """For people."""
        return f"{self.model} {self.version} (serial {self.serial})"


def version_key(version: str) -> tuple[int, ...]:
    """Orders versions; what is no version comes first."""
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    return numbers + (0,) * (4 - len(numbers))
