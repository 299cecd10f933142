"""The unit that is flashed, as far as flashing needs to know it; also one whose file is wrong."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

from config.document import UNIT_FILE
from config.errors import ConfigError
from config.language import tell
from config.loading import load
from config.models import Settings
from config.nodes import Scalar, find
from config.reading import read
from config.slots import slots_folder
from edge.booting.state_folder import state_folder, trust_file, usual_trust
from edge.bundles.judging import Here
from edge.bundles.refusal import BundleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Who it is, and where its things lie."""

    here: Here
    config: Path  # its own file
    state_dir: Path
    trust: Path  # the list of keys that was installed by hand

    @property
    def folder(self) -> Path:
        """Of the slots."""
        return slots_folder(self.state_dir)


def unit_of(config: Path, state_dir: Path | None = None) -> Unit:
    """By its own file. Where that, or what was flashed, is wrong, who it is is enough: what is
    flashed next may be what mends it. Raises ConfigError."""
    try:
        return _whole(load(config).settings, config, state_dir)
    except ConfigError:
        found = _roughly(config, state_dir)
        if found is None:
            raise
        return found


def _whole(settings: Settings, config: Path, state_dir: Path | None) -> Unit:
    folder = (state_dir or settings.state_dir).absolute()
    here = Here(
        unit=settings.unit.id,
        kind=settings.unit.kind,
        unit_class=settings.unit.class_,
        runtime=runtime_version(),
    )
    return Unit(
        here=here,
        config=config,
        state_dir=folder,
        trust=settings.security.trust or usual_trust(config, folder),
    )


def _roughly(config: Path, state_dir: Path | None) -> Unit | None:
    """From a file that has faults; None where it does not say who the unit is."""
    root = read(config, UNIT_FILE).root
    if root is None:
        return None

    def word(*path: str) -> str | None:
        node = find(root, path)
        return node.raw if isinstance(node, Scalar) and node.raw else None

    name, kind = word("unit", "id"), word("unit", "kind")
    if name is None or kind is None:
        return None
    folder = (state_dir or state_folder(config)).absolute()
    return Unit(
        here=Here(
            unit=name, kind=kind, unit_class=word("unit", "class"), runtime=runtime_version()
        ),
        config=config,
        state_dir=folder,
        trust=trust_file(config, folder),
    )


def runtime_version() -> str | None:
    """Of the program that runs now; None where it was not installed."""
    try:
        return installed("patrol-edge")
    except PackageNotFoundError:
        return None


def need_write(unit: Unit) -> None:
    """Raises BundleError for a user who may not flash here, before anything is asked."""
    import os

    for place in (unit.folder, unit.state_dir):
        if place.is_dir():
            if os.access(place, os.W_OK | os.X_OK):
                return
            told = tell("{folder} may not be changed by this user", folder=str(place))
            raise BundleError("storage", told, tell("run it with sudo"))
