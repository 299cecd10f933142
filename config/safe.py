"""Safe mode: of a configuration what position, health and commands need, and nothing that sees,
hears, speaks, shines or moves.

And the same of a configuration that is wrong, as far as it goes: what is wrong is left out.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from config.checking import checked
from config.errors import ConfigError, Problem
from config.loading import Loaded, digest_of, layers_of
from config.models import Settings
from config.nodes import Entries, Node, find, without_entry, without_path
from config.secrets import credentials_folder

# What safe mode lives on; everything else is as if the file did not say it.
KEPT = (
    "unit",
    "gnss",
    "platforms",
    "position",
    "health",
    "hub",
    "delivery",
    "outbox",
    "security",
    "tasks",
    "flash",
    "logging",
    "state_dir",
)
# Right as a whole or not at all: half of it could trust whom it should not.
WHOLE = ("security", "hub.tls")
MOST_ROUNDS = 200


def safe_settings(settings: Settings) -> Settings:
    """The same unit with position, health and commands alone.

    What carries the unit stays only where no receiver tells its position.
    """
    kept = {name: getattr(settings, name) for name in KEPT}
    if settings.gnss:
        kept["platforms"] = {}
    quiet = Settings.model_validate(
        {
            "unit": settings.unit.model_dump(),
            "perception": {"enabled": False},
            "media": {"snapshots": "off"},
        }
    )
    return quiet.model_copy(update=kept)


def usable(unit_file: Path, environ: Mapping[str, str] = os.environ) -> Loaded | None:
    """What of a wrong configuration safe mode can live on; None where not even the unit is known.

    The environment is left out where it is wrong itself. Reads as `config.loading.load` does.
    """
    for variables in (environ, {}):
        try:
            done, *_ = layers_of(unit_file, variables)
        except ConfigError:
            continue
        loaded = None if done is None else _sifted(done.root, unit_file, environ)
        if loaded is not None:
            return loaded
    return None


def _sifted(root: Node, unit_file: Path, environ: Mapping[str, str]) -> Loaded | None:
    if not isinstance(root, Entries):
        return None
    for name in [key for key in root.nodes if key not in KEPT]:
        root = without_entry(root, name)
    folder = Path(os.path.abspath(unit_file)).parent  # noqa: PTH100 - keeps symlinks
    for _ in range(MOST_ROUNDS):
        outcome = checked(root, folder, credentials_folder(environ))
        if outcome.settings is not None:
            settings = safe_settings(outcome.settings)
            return Loaded(settings=settings, warnings=(), origins={}, digest=digest_of(settings))
        smaller = root
        for path in {_blamed(root, problem) for problem in outcome.problems}:
            smaller = smaller if path is None else without_path(smaller, path)
        if smaller is root:
            return None
        root = smaller
    return None


def _blamed(root: Entries, problem: Problem) -> tuple[str, ...] | None:
    """What has to go for it; a device as a whole. None where nothing can."""
    path = tuple(problem.path.split(".")) if problem.path else ("platforms",)
    if path[0] in ("gnss", "platforms"):
        path = path[:2]
    for whole in WHOLE:
        parts = tuple(whole.split("."))
        if path[: len(parts)] == parts:
            path = parts
    for length in range(len(path), 0, -1):  # what is missing is not there: then its section goes
        if path[:length] == ("unit",):
            return None
        if find(root, path[:length]) is not None:
            return path[:length]
    return None
