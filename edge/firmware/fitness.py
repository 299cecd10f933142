"""Whether a package is for this board, and not older than what it has."""

from dataclasses import dataclass

from config.boards import BoardConfig
from edge.firmware.manifest import Manifest, version_key
from edge.firmware.package import PackageError
from firmware_bridge.management.board import Identity


@dataclass(frozen=True, slots=True)
class Downgrade:
    """That an older one is wanted, and why: it goes into the ledger."""

    reason: str


def check_board(manifest: Manifest, told: Identity | None, name: str, config: BoardConfig) -> None:
    """Raise PackageError unless the board is known to be one of those that it is for.

    `told`: what the board says of itself; where it does not say, the unit file has to.
    """
    model = (told.model if told else None) or config.model
    hardware = (told.hardware if told else None) or config.hardware
    if config.model is not None and model != config.model:
        raise PackageError(
            "wrong_state",
            f"{name}: a {model} answers, the unit file says {config.model}",
            "are two boards swapped, or is another one plugged in?",
        )
    if manifest.kind != config.update:
        raise PackageError(
            "invalid_arguments",
            f"the package is of kind {manifest.kind}, {name} is updated by {config.update}",
            f"is it the right package? else write update: {manifest.kind} below boards.{name}",
        )
    if model is None or hardware is None:
        lacks = "model" if model is None else "hardware"
        raise PackageError(
            "wrong_state",
            f"{name} does not say its {lacks}",
            f"write {lacks}: below boards.{name} in the unit file, as it is printed on the board",
        )
    if model != manifest.model:
        raise PackageError(
            "invalid_arguments", f"the package is for {manifest.model}, {name} is a {model}",
            "take the package for this board",
        )  # fmt: skip
    if hardware not in manifest.hardware:
        raise PackageError(
            "invalid_arguments",
            f"the package is for hardware {', '.join(manifest.hardware)}; {name} is {hardware}",
            "take the package for this revision",
        )


def check_age(
    manifest: Manifest, known_serial: int, running: str | None, downgrade: Downgrade | None
) -> None:
    """Raise PackageError for an older package than the board has had, unless that is wanted.

    `running`: the version that the board tells; None where it tells none.
    """
    older = manifest.serial < known_serial
    lower = running is not None and version_key(manifest.version) < version_key(running)
    if downgrade is None and (older or lower):
        told = (
            f"serial {manifest.serial} is older than {known_serial}, which the board has had"
            if older
            else f"version {manifest.version} is older than {running}, which the board runs"
        )
        raise PackageError("replayed", told, "--allow-downgrade REASON, if that is wanted")
