"""What a bundle says of itself: what it carries, for which units, from when to when."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from config.slots import MANIFEST, Lane
from telemetry.contract.wire_types import Message, Short, Text, UnitId, UtcTime, Uuid

TYPE = "patrol-bundle+jws"  # header `typ` of each signature: it serves nothing else
ENDING = ".peb"
# trust: whose signatures count from now on. firmware: of a payload board, which has slots itself.
Kind = Literal["config", "overlay", "zones", "model", "runtime", "firmware", "trust"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LANE_OF: dict[Kind, Lane] = {
    "config": "config",
    "overlay": "overlay",
    "zones": "zones",
    "model": "model",
    "runtime": "runtime",
}
MOST_FILES = 256
MOST_FILE_BYTES = 1024 * 1024 * 1024
MOST_BYTES = 2 * 1024 * 1024 * 1024
_STEP = r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}"
_NAME = re.compile(rf"(?:{_STEP}/){{0,3}}{_STEP}")
KEY_PATTERN = r"^[a-z_*][a-z0-9_-]*(\.[a-z0-9_*-]+){0,7}$"  # cameras.*.fps; all that is below it


def _printable(text: str) -> str:
    """It is shown on terminals before anything is proved: no escapes, nothing that turns around."""
    if not text.isprintable():
        raise ValueError("holds characters that cannot be printed")
    return text


Printable = AfterValidator(_printable)
Name = Annotated[Short, Printable]
Remark = Annotated[Text, Printable]


class BundleFile(Message):
    """One file of the bundle."""

    name: str = Field(max_length=100, description="a relative path, in plain characters")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0, le=MOST_FILE_BYTES)

    @field_validator("name")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("is no plain relative path")
        if name == MANIFEST:
            raise ValueError("is the name of the manifest itself")
        return name


class MadeFor(Message):
    """Which units may take it: those named, and those of these kinds or classes."""

    units: tuple[UnitId, ...] = Field((), max_length=500)
    kinds: tuple[Literal["robot_dog", "drone", "patrol_car"], ...] = Field((), max_length=3)
    classes: tuple[UnitId, ...] = Field(
        (), max_length=50, description="unit.class of the unit's own file"
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not (self.units or self.kinds or self.classes):
            raise ValueError("names no unit, kind or class that it is for")
        return self


class BaseOf(Message):
    """Of an overlay: the configuration that it was made for."""

    bundle: Uuid
    serial: int = Field(ge=1, le=2**53)


class Platform(Message):
    """Of a runtime: where it runs."""

    machine: Literal["x86_64", "aarch64"]
    python: str = Field(pattern=r"^3\.\d{1,2}$", description="its wheels are for this one")


class Manifest(Message):
    """The claims that are signed."""

    format: int = Field(1, ge=1, le=1)
    id: Uuid
    kind: Kind
    name: Name = Field(description="for people")
    serial: int = Field(ge=1, le=2**53, description="counts up with each release for these units")
    made_for: MadeFor
    schema_version: int = Field(1, ge=1, le=1000, description="of what it carries")
    runtime_min: str | None = Field(
        None, pattern=r"^\d+(\.\d+){1,2}$", description="the oldest runtime that can use it"
    )
    issued_at: UtcTime
    not_before: UtcTime
    not_after: UtcTime
    files: tuple[BundleFile, ...] = Field(min_length=1, max_length=MOST_FILES)
    overlay_keys: tuple[str, ...] = Field(
        (), max_length=200, description="config: what an overlay may change"
    )
    local_keys: tuple[str, ...] = Field(
        (), max_length=200, description="config: where the unit's own file has the last word"
    )
    base: BaseOf | None = Field(None, description="overlay: what it goes onto")
    platform: Platform | None = Field(None, description="runtime: where it runs")
    note: Remark = ""

    @field_validator("overlay_keys", "local_keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if not re.fullmatch(KEY_PATTERN, key):
                raise ValueError("holds what is no key, such as cameras.*.fps")
        return keys

    @model_validator(mode="after")
    def _suits_its_kind(self) -> Self:
        if self.not_after <= self.not_before:
            raise ValueError("not_after is not after not_before")
        names = [file.name for file in self.files]
        if len(set(names)) != len(names) or names != sorted(names):
            raise ValueError("files are not in the order of their names, each once")
        if any(str(folder) in names for name in names for folder in PurePosixPath(name).parents):
            raise ValueError("one file has the name of another one's folder")
        if sum(file.size_bytes for file in self.files) > MOST_BYTES:
            raise ValueError("the files are too large together")
        if (self.overlay_keys or self.local_keys) and self.kind != "config":
            raise ValueError("only a configuration says what overlays may change")
        if (self.base is not None) != (self.kind == "overlay"):
            raise ValueError("an overlay, and nothing else, says what it goes onto")
        if (self.platform is not None) != (self.kind == "runtime"):
            raise ValueError("a runtime, and nothing else, says where it runs")
        return self

    @property
    def told(self) -> str:
        """For people."""
        return f"{self.kind} {self.name} (serial {self.serial})"
