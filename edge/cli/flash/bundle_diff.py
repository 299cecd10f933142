"""`patrol-edge bundle diff`: two bundles; or a unit's configuration without and with one."""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import ConfigError
from config.language import tell
from config.slots import FILES, MANIFEST
from edge.cli.console import DONE, USAGE, CommandError, note, say

if TYPE_CHECKING:
    from config.difference import Change
    from edge.bundles.differing import Difference


def diff(args: argparse.Namespace) -> int:
    """A line for each: + is new, - is gone, ~ is another value. Nothing is proved by it."""
    old_is, new_is = (_is_bundle(path) for path in (args.old, args.new))
    found: list[Difference] | list[Change]
    if old_is and new_is:
        found = _bundles(args.old, args.new)
    elif new_is:
        found = _with(args.old, args.new)
    elif old_is:
        text = tell("{file} is no bundle", file=str(args.new))
        raise CommandError(text, tell("write the unit's file first, then the bundle"), USAGE)
    else:
        text = tell("neither of them is a bundle")
        raise CommandError(text, tell("for two unit files: patrol-edge config diff"), USAGE)
    if args.json:
        say(json.dumps({"differences": [asdict(each) for each in found]}))
        return DONE
    for each in found:
        say(str(each))
    if not found:
        note(tell("no difference"))
    return DONE


def _is_bundle(path: Path) -> bool:
    """By how it begins: with the name of the manifest. Raises CommandError."""
    from edge.cli.flash.bundle_errors import told_as_errors

    with told_as_errors(path), path.open("rb") as file:
        return file.read(len(MANIFEST)) == MANIFEST.encode()


def _bundles(old: Path, new: Path) -> "list[Difference]":
    from edge.bundles.differing import differences
    from edge.cli.flash.bundle_base import draft_of

    before, after = draft_of(old), draft_of(new)
    return list(differences(before.manifest, before.files, after.manifest, after.files))


def _with(unit_file: Path, bundle: Path) -> "list[Change]":
    """Every setting of the unit that would change."""
    from config.difference import settings_diff
    from config.loading import load, try_layers
    from edge.cli.flash.bundle_base import unpacked

    draft, slot = unpacked(bundle)
    kind = draft.manifest.kind
    if kind not in ("config", "overlay", "zones", "model"):
        text = tell("a bundle of kind {kind} changes no settings", kind=kind)
        raise CommandError(text, tell("look at it: patrol-edge bundle inspect"), USAGE)
    now = load(unit_file).settings
    try:
        after = try_layers(
            unit_file,
            base=slot if kind == "config" else None,
            overlay=slot if kind == "overlay" else None,
            zones=slot if kind == "zones" else None,
            model=slot if kind == "model" else None,
        ).settings
    except ConfigError as error:
        text = tell("with it the configuration is wrong:\n{problems}", problems=error)
        raise CommandError(text, tell("correct it, and build the bundle anew")) from error
    return [_named(each, f"{slot / FILES}/") for each in settings_diff(now, after)]


def _named(change: "Change", folder: str) -> "Change":
    """The bundle's files by their names, not by where they lie just now."""
    after = change.after and change.after.replace(folder, "")
    return replace(change, after=after)
