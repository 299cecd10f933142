"""Load a unit's configuration: all layers, every problem at once, and where each value is from."""

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from config import migrations
from config.advice import advice
from config.checking import MAX_TOLD, checked, problem
from config.document import UNIT_FILE
from config.errors import ConfigError, Problem
from config.flashed import FlashedError, Part, fingerprint, part_of, parts_in_use
from config.host_files import HOST_FILES, Files
from config.language import tell
from config.layering import Layered, layered
from config.layers import environment
from config.migrations import KEY, MigrationError, up_to_date, version_of
from config.models import Settings
from config.nodes import Entries, Node, Place, Scalar, dotted, find, is_null, leaves
from config.reading import read
from config.secrets import credentials_folder
from config.slots import Content, Lane

DEFAULT_FILE = Path("/etc/patrol-edge/unit.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration that is right, with what else there is to say about it."""

    settings: Settings
    warnings: tuple[Problem, ...]  # works, but should be looked at; an error: is not used as it is
    origins: Mapping[str, Place]  # "hub.url" → where it was set; what is not in it is a default
    digest: str  # SHA-256 of the effective settings and of the bundles in effect, 64 hex digits
    flashed: Mapping[Lane, Content] = field(default_factory=dict)  # what is in effect
    overruled: tuple[str, ...] = ()  # keys of the own file that a bundle sets otherwise
    kept: tuple[str, ...] = ()  # keys that a bundle sets, and the own file has the last word


def load(path: Path, environ: Mapping[str, str] = os.environ, files: Files = HOST_FILES) -> Loaded:
    """The effective configuration of the unit whose file this is, with what was flashed onto it.

    Relative paths in it become absolute, from the file's folder. Raises ConfigError with every
    problem of every layer, in the order of the file. What was flashed and cannot be read is left
    out, with a warning.
    """
    return _loaded(path, environ, files, {})


def try_layers(
    path: Path,
    *,
    base: Path | None = None,
    overlay: Path | None = None,
    zones: Path | None = None,
    model: Path | None = None,
    without: Collection[Lane] = (),
    environ: Mapping[str, str] = os.environ,
    files: Files = HOST_FILES,
) -> Loaded:
    """What `load(path)` would give if these slots (folders with manifest and files) were in use,
    and those of the lanes `without` were not; the other lanes are as they are in use.

    Raises ConfigError with the places in the bundles' files, also for what cannot be read.
    """
    slots: dict[Lane, Path | None] = {
        "config": base, "overlay": overlay, "zones": zones, "model": model
    }  # fmt: skip
    tried: dict[Lane, Part | None] = dict.fromkeys(without)
    for lane, folder in slots.items():
        if folder is None:
            continue
        try:
            tried[lane] = part_of(folder, lane)
        except FlashedError as error:
            raise ConfigError([_about(str(folder), error.args[0])]) from error
    return _loaded(path, environ, files, tried)


def _loaded(
    path: Path, environ: Mapping[str, str], files: Files, tried: Mapping[Lane, Part | None]
) -> Loaded:
    done, older, problems, unreadable = layers_of(path, environ, tried)
    if done is None:
        raise ConfigError(_sorted(problems, path))
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - keeps symlinks
    outcome = checked(done.root, folder, credentials_folder(environ))
    told = {(item.source, item.line, item.column) for item in problems if item.line}
    problems += [
        item for item in outcome.problems if (item.source, item.line, item.column) not in told
    ]
    if problems or outcome.settings is None:
        raise ConfigError(_sorted(problems, path))
    warnings = [
        *advice(outcome.settings, done.root, files),
        *done.warnings,
        *older,
        *(_about(str(path), _left_out(why), "warning") for why in unreadable),
    ]
    return Loaded(
        settings=outcome.settings,
        warnings=tuple(_sorted(warnings, path)),
        origins={dotted(where): node.place for where, node in leaves(done.root)},
        digest=digest_of(outcome.settings, done.in_effect),
        flashed={lane: part.content for lane, part in done.in_effect.items()},
        overruled=done.overruled,
        kept=done.kept,
    )


def layers_of(
    path: Path, environ: Mapping[str, str], tried: Mapping[Lane, Part | None] = MappingProxyType({})
) -> tuple[Layered | None, list[Problem], list[Problem], list[str]]:
    """All layers over each other, not checked; None where the file gives nothing to work with.

    Then what to warn of, what is wrong with the texts, and what of the slots cannot be read.
    Raises ConfigError.
    """
    unit_file = read(path, UNIT_FILE)
    variables = environment(environ)
    problems = [*unit_file.problems, *variables.problems]
    if unit_file.root is None:
        return None, [], problems, []
    own, older = _current(unit_file.root, path)
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - keeps symlinks
    parts, unreadable = parts_in_use(_state_dir(own, variables.root, folder))
    wanted = {lane: part for lane, part in ({**parts, **tried}).items() if part is not None}
    done = layered(own, variables.root, wanted, tried)
    return done, older, [*problems, *done.problems], unreadable


def _current(root: Node, path: Path) -> tuple[Node, list[Problem]]:
    """The file's content as it is said now, and a warning where it is said in an older way."""
    if not isinstance(root, Entries):
        return root, []
    place = root.key_places.get(KEY, root.place)
    try:
        version = version_of(root)
        current = up_to_date(root, version)
    except MigrationError as error:
        raise ConfigError([problem(place, (KEY,), error.args[0])]) from error
    if version == migrations.CURRENT:
        return current, []
    text = tell(
        "the file is of schema {version}, and is read as such; rewrite it: patrol-edge config "
        "migrate {file}",
        version=version,
        file=path,
    )
    return current, [replace(problem(place, (KEY,), text), severity="warning")]


def _state_dir(own: Node, variables: Node | None, folder: Path) -> Path:
    """Where the slots are: what the unit's own file and the environment say, nobody else."""
    for root in (variables, own):
        told = find(root, ("state_dir",)) if root is not None else None
        if isinstance(told, Scalar) and told.raw.strip() and not is_null(told):
            return folder / told.raw
    default: Path = Settings.model_fields["state_dir"].default
    return default


def _left_out(why: str) -> str:
    return tell(
        "what was flashed is not in effect: {why}; the unit runs with its own file. Look at: "
        "patrol-edge slots list",
        why=why,
    )


def _about(source: str, text: str, severity: Literal["error", "warning"] = "error") -> Problem:
    return Problem(source=source, line=0, column=0, path="", text=text, severity=severity)


def digest_of(settings: Settings, parts: Mapping[Lane, Part] = MappingProxyType({})) -> str:
    """SHA-256 of the settings as canonical JSON, and of which bundles are in effect: the same
    settings from the same bundles, the same digest."""
    data = settings.model_dump(mode="json")
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((text + fingerprint(parts)).encode()).hexdigest()


def _sorted(problems: list[Problem], path: Path) -> list[Problem]:
    """The file's problems by position, then the bundles', then those of the environment; not
    endlessly many."""
    ordered = sorted(
        problems,
        key=lambda item: (
            item.source == "environment",
            item.source != str(path),
            "" if item.source == str(path) else item.source,
            item.line,
            item.column,
        ),
    )
    if len(ordered) <= MAX_TOLD:
        return ordered
    text = tell("{count} more like these; is it the right file?", count=len(ordered) - MAX_TOLD)
    last = replace(ordered[MAX_TOLD], path="", text=text)
    return [*ordered[:MAX_TOLD], last]
