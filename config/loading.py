"""Load a unit's configuration: all layers, every problem at once, and where each value is from."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from config.advice import advice
from config.checking import MAX_TOLD, checked
from config.document import UNIT_FILE, Document
from config.errors import ConfigError, Problem
from config.host_files import HOST_FILES, Files
from config.layers import EMPTY, environment, for_every_device, profile
from config.merging import merged
from config.models import Settings
from config.nodes import Entries, Node, Place, Scalar, dotted, find, leaves
from config.reading import read
from config.secrets import credentials_folder
from config.shape import Leaf, at_path, shape_of

DEFAULT_FILE = Path("/etc/patrol-edge/unit.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration that is right, with what else there is to say about it."""

    settings: Settings
    warnings: tuple[Problem, ...]  # works, but should be looked at; an error: is not used as it is
    origins: Mapping[str, Place]  # "hub.url" → where it was set; what is not in it is a default
    digest: str  # SHA-256 of the effective settings as canonical JSON, 64 hex digits


def load(path: Path, environ: Mapping[str, str] = os.environ, files: Files = HOST_FILES) -> Loaded:
    """The effective configuration of the unit whose file this is.

    Relative paths in it become absolute, from the file's folder. Raises ConfigError with every
    problem of every layer, in the order of the file.
    """
    unit_file = read(path, UNIT_FILE)
    variables = environment(environ)
    problems = [*unit_file.problems, *variables.problems]
    if unit_file.root is None:
        raise ConfigError(_sorted(problems))
    root = _layered(unit_file, variables)
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - keeps symlinks
    outcome = checked(root, folder, credentials_folder(environ))
    told = {(item.source, item.line, item.column) for item in problems if item.line}
    problems += [
        item for item in outcome.problems if (item.source, item.line, item.column) not in told
    ]
    if problems or outcome.settings is None:
        raise ConfigError(_sorted(problems))
    places = {dotted(where): node.place for where, node in leaves(root)}
    return Loaded(
        settings=outcome.settings,
        warnings=tuple(_sorted(advice(outcome.settings, root, files))),
        origins=places,
        digest=digest_of(outcome.settings),
    )


def _layered(unit_file: Document, variables: Document) -> Node:
    shape = shape_of(Settings)
    own = unit_file.root
    if not isinstance(own, Entries):
        return own or EMPTY
    if variables.root is not None:
        own = merged(own, variables.root, shape)
    kind = find(own, ("unit", "kind"))
    kinds = at_path(shape, ("unit", "kind"))
    if (
        not isinstance(own, Entries)
        or not isinstance(kind, Scalar)
        or not isinstance(kinds, Leaf)
        or kind.raw not in kinds.choices
    ):
        return own
    below = profile(kind.raw)
    if not isinstance(below.root, Entries):
        raise ConfigError(list(below.problems))
    return merged(for_every_device(below.root, own), own, shape)


def digest_of(settings: Settings) -> str:
    """SHA-256 of the settings as canonical JSON: the same settings, the same digest."""
    data = settings.model_dump(mode="json")
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _sorted(problems: list[Problem]) -> list[Problem]:
    """The file's problems by position, then those of the environment; not endlessly many."""
    ordered = sorted(
        problems, key=lambda item: (item.source == "environment", item.line, item.column)
    )
    if len(ordered) <= MAX_TOLD:
        return ordered
    text = f"{len(ordered) - MAX_TOLD} more like these; is it the right file?"
    last = replace(ordered[MAX_TOLD], path="", text=text)
    return [*ordered[:MAX_TOLD], last]
