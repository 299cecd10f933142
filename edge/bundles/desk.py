"""What a bundle carries, looked into where it is made: a mistake is told at the desk.

The unit looks again, more closely, and with what it has; this is for whoever builds.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from config.errors import ConfigError, Problem
from config.flashed import BASE_FILE, OVERLAY_FILE
from config.language import tell
from config.loading import Loaded, try_layers
from config.models import UnitKind
from config.slots import FILES, MANIFEST
from edge.bundles.chain import parse_trust
from edge.bundles.manifest import Kind, Manifest
from edge.bundles.refusal import BundleError
from edge.bundles.signatures import unsigned
from edge.bundles.trust import FILE as TRUST_FILE
from edge.bundles.writing import content_of

MADE_UP = "made-up-unit"
CORRECT = tell("correct it, and build again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A bundle before it is made."""

    manifest: Manifest
    files: Mapping[str, Path]
    base: "Draft | None" = None  # of an overlay, where the base is at hand


def look_into(draft: Draft) -> list[str]:
    """What else there is to say of it. Raises BundleError for what no unit could use."""
    return _LOOKS[draft.manifest.kind](draft)


# --- configurations ------------------------------------------------------------------------------


class AnyFiles:
    """A unit's computer, seen from a desk: whatever a configuration names may be there; what the
    bundle brings itself is looked for, later, by opening it."""

    def exists(self, _path: str) -> bool:
        return True

    def standing(self, _path: str) -> None:
        return None

    def links(self, _folder: str) -> tuple[tuple[str, str], ...]:
        return ()


def _config(draft: Draft) -> list[str]:
    _require(draft, BASE_FILE)
    return _tried(draft, draft, None)


def _overlay(draft: Draft) -> list[str]:
    _require(draft, OVERLAY_FILE)
    if draft.base is None:
        return [tell("not checked against its base: give that as --base FILE.peb")]
    return _tried(draft, draft.base, draft)


def _require(draft: Draft, name: str) -> None:
    if name not in draft.files:
        text = tell("a bundle of kind {kind} holds {name}", kind=draft.manifest.kind, name=name)
        raise BundleError("malformed", text, tell("give that file, or NAME=FILE"))


def _tried(draft: Draft, base: Draft, overlay: Draft | None) -> list[str]:
    """Loaded as a unit would that has nothing else. With no kind told, one must take it."""
    told = draft.manifest.made_for.kinds
    failed: list[ConfigError] = []
    notes: list[str] = []
    for kind in told or get_args(UnitKind):
        try:
            notes = _loaded(kind, draft.manifest, base, overlay)
        except ConfigError as error:
            failed.append(error)
        else:
            if not told:
                return notes
    if failed:
        lines = "\n".join(str(problem) for problem in failed[0].problems)
        text = tell("no unit could run this configuration:\n{problems}", problems=lines)
        raise BundleError("invalid_arguments", text, CORRECT)
    return notes


def _loaded(kind: str, manifest: Manifest, base: Draft, overlay: Draft | None) -> list[str]:
    """Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
        own = Path(folder, "own.yaml")
        own.write_text(_own_file(kind, manifest, Path(folder)))
        lower = _slot(base, Path(folder, "base"))
        upper = None if overlay is None else _slot(overlay, Path(folder, "overlay"))
        files = AnyFiles()
        loaded = try_layers(own, base=lower, overlay=upper, environ={}, files=files)
        problems = [*loaded.warnings, *_about_zones(loaded, own)]
        if wrong := [each for each in problems if each.severity == "error"]:
            raise ConfigError([_named(each, folder) for each in wrong])
        # What the made-up unit lacks is no fault of the bundle's.
        return [str(_named(each, folder)) for each in problems if each.source != str(own)]


def _about_zones(loaded: Loaded, own: Path) -> list[Problem]:
    """Maps are in the bundle: they are opened, and the rules are held to what is in them."""
    from edge.unit_file.looking import looked_into

    found = looked_into(loaded, own)
    return [each for each in found if each.path.startswith(("zones.", "rules."))]


def _named(problem: Problem, folder: str) -> Problem:
    """Files of the bundle by their names there."""
    text = re.sub(rf"{re.escape(folder)}/\w+/files/", "", problem.text)
    return replace(problem, text=text, source=problem.source.replace(f"{folder}/", ""))


def _own_file(kind: str, manifest: Manifest, folder: Path) -> str:
    made_for = manifest.made_for
    unit = made_for.units[0] if made_for.units else MADE_UP
    group = f", class: {made_for.classes[0]}" if made_for.classes else ""
    return f"unit: {{id: {unit}, kind: {kind}{group}}}\nstate_dir: {folder}/state\n"


def _slot(draft: Draft, slot: Path) -> Path:
    """The folder that it will be on a unit."""
    slot.mkdir()
    (slot / MANIFEST).write_bytes(unsigned(content_of(draft.manifest)).raw)
    for file, path in draft.files.items():
        there = slot / FILES / file
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, there)
    return slot


# --- the others ----------------------------------------------------------------------------------


def _zones(draft: Draft) -> list[str]:
    from config.zones import ZonesConfig
    from perception.zones.zone_file import survey

    maps = tuple(path for name, path in draft.files.items() if name.endswith(".geojson"))
    if not maps:
        text = tell("a bundle of kind zones holds at least one *.geojson")
        raise BundleError("malformed", text, CORRECT)
    found = survey(ZonesConfig(files=tuple(path.absolute() for path in maps)), ())
    if found.errors:
        lines = "\n".join(map(str, found.errors))
        raise BundleError("invalid_arguments", tell("zones:\n{faults}", faults=lines), CORRECT)
    return [str(fault) for fault in found.faults]


def _model(draft: Draft) -> list[str]:
    from perception.errors import PerceptionError
    from perception.inference import model_file

    models = [path for name, path in draft.files.items() if name.endswith(".onnx")]
    if len(models) != 1:
        text = tell("a bundle of kind model holds one *.onnx, not {count}", count=len(models))
        raise BundleError("malformed", text, CORRECT)
    try:
        model_file.check(model_file.read(models[0]))
    except PerceptionError as error:
        text = tell("{model}: {why}", model=models[0].name, why=error)
        raise BundleError("invalid_arguments", text, error.cure) from error
    return []


def _runtime(draft: Draft) -> list[str]:
    from edge.bundles.wheels import check_wheels

    return check_wheels(draft.manifest, draft.files)


def _firmware(draft: Draft) -> list[str]:
    if len(draft.files) != 1 or not next(iter(draft.files)).endswith(".pefw"):
        text = tell("a bundle of kind firmware holds one *.pefw, and nothing else")
        raise BundleError("malformed", text, tell("make one: patrol-edge firmware sign"))
    return []


def _trust(draft: Draft) -> list[str]:
    if set(draft.files) != {TRUST_FILE}:
        text = tell("a bundle of kind trust holds {name}, and nothing else", name=TRUST_FILE)
        raise BundleError("malformed", text, tell("make it: patrol-edge trust next"))
    trust = parse_trust(draft.files[TRUST_FILE].read_bytes())
    if trust.serial != draft.manifest.serial:
        text = tell("the list has serial {list}, the bundle {bundle}",
                    list=trust.serial, bundle=draft.manifest.serial)  # fmt: skip
        raise BundleError("malformed", text, tell("they must be the same: --serial"))
    return []


_LOOKS: dict[Kind, Callable[[Draft], list[str]]] = {
    "config": _config,
    "overlay": _overlay,
    "zones": _zones,
    "model": _model,
    "runtime": _runtime,
    "firmware": _firmware,
    "trust": _trust,
}
