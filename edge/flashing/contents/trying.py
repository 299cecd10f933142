"""Whether what a bundle carries can be used on this unit, tried before the unit changes over.

Its hashes are right already. Here it is loaded, opened, run or started as the unit would do it, out
of the folder in which it lies, beside all that is in use otherwise. Nothing is changed by it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from config.errors import ConfigError, Problem
from config.language import tell
from config.loading import Loaded, load, try_layers
from config.slots import FILES, Lane, SlotsFile
from edge.bundles.manifest import Manifest
from edge.bundles.refusal import BundleError
from edge.flashing.unit import Unit

Attempt = Callable[[Unit, Path, Manifest, SlotsFile], tuple[str, ...]]
MOST_TOLD = 8  # faults, in the text of a refusal
MOST_NOTES = 12


def attempt(unit: Unit, slot: Path, manifest: Manifest, slots: SlotsFile) -> tuple[str, ...]:
    """`slot`: the folder with its manifest and files. Returns what else there is to say.

    Raises BundleError with the reason, and how to cure it; OSError.
    """
    return _ATTEMPTS[manifest.kind](unit, slot, manifest, slots)


def _config(unit: Unit, slot: Path, manifest: Manifest, slots: SlotsFile) -> tuple[str, ...]:
    overlay = slots.lane("overlay").content
    drops = overlay is not None and overlay.base != manifest.id
    without: tuple[Lane, ...] = ("overlay",) if drops else ()
    notes = _settings(unit, slot, lambda: try_layers(unit.config, base=slot, without=without))
    if overlay is None or not drops or slots.overlay is None:
        return notes
    told = tell(
        "the overlay {name} was made for another configuration and is not used with this one",
        name=overlay.name,
    )
    return (told, *notes)


def _overlay(unit: Unit, slot: Path, manifest: Manifest, slots: SlotsFile) -> tuple[str, ...]:
    base = slots.lane("config").content
    wanted = manifest.base
    if (
        wanted is None
        or base is None
        or (wanted.bundle, wanted.serial)
        != (
            base.bundle,
            base.serial,
        )
    ):
        told = tell(
            "this overlay is for the configuration with serial {wanted}; in use is {there}",
            wanted=0 if wanted is None else wanted.serial,
            there=tell("none that was flashed") if base is None else _named(base.name, base.serial),
        )
        cure = tell("flash that configuration first, or make the overlay anew for this one")
        raise BundleError("wrong_base", told, cure)
    return _settings(unit, slot, lambda: try_layers(unit.config, overlay=slot))


def _named(name: str, serial: int) -> str:
    return tell("{name} (serial {serial})", name=name, serial=serial)


def _zones(unit: Unit, slot: Path, _manifest: Manifest, _slots: SlotsFile) -> tuple[str, ...]:
    return _settings(unit, slot, lambda: try_layers(unit.config, zones=slot))


def _model(unit: Unit, slot: Path, manifest: Manifest, _slots: SlotsFile) -> tuple[str, ...]:
    from edge.flashing.contents.model import try_model

    notes = try_model(slot, manifest)
    return (*notes, *_settings(unit, slot, lambda: try_layers(unit.config, model=slot)))


def _runtime(unit: Unit, slot: Path, manifest: Manifest, _slots: SlotsFile) -> tuple[str, ...]:
    from edge.flashing.contents.runtime import try_runtime

    return try_runtime(unit, slot, manifest)


_ATTEMPTS: Mapping[str, Attempt] = {
    "config": _config,
    "overlay": _overlay,
    "zones": _zones,
    "model": _model,
    "runtime": _runtime,
}


# --- the settings that it would lead to ---


def _settings(unit: Unit, slot: Path, loading: Callable[[], Loaded]) -> tuple[str, ...]:
    """All layers with it, loaded and looked into as `config check` does. Raises BundleError.

    What is wrong with the unit as it is now is not the bundle's fault, and no reason to refuse it.
    """
    try:
        loaded = loading()
    except ConfigError as error:
        before = _faults_now(unit)
        faults = [problem for problem in error.problems if _known(problem) not in before]
        raise _refusal(faults or error.problems, slot) from error
    found = _looked_into(loaded, unit.config)
    before = _faults_now(unit)
    new = [problem for problem in found if _known(problem) not in before]
    faults = [problem for problem in new if problem.severity == "error" or _is_needed(problem)]
    if faults:
        raise _refusal(faults, slot)
    return tuple(_line(problem, slot) for problem in new[:MOST_NOTES])


def _is_needed(problem: Problem) -> bool:
    """A unit starts without it, with a warning, and is worth little: nobody flashes that on
    purpose. Devices are another matter: they may be plugged in later."""
    return problem.path in ("perception.model", "perception.models_dir", "zones.files") or (
        problem.path.startswith(("hub.tls.", "hub.password_file")) and _lacks(problem)
    )


def _lacks(problem: Problem) -> bool:
    """No certificate that only ends soon."""
    return "no such file" in problem.text


def _looked_into(loaded: Loaded, file: Path) -> list[Problem]:
    """The files that it names, its zones and rules, its model: opened."""
    from edge.unit_file.looking import looked_into

    return [*loaded.warnings, *looked_into(loaded, file)]


def _faults_now(unit: Unit) -> set[tuple[str, str]]:
    """Of the configuration in use."""
    try:
        loaded = load(unit.config)
    except ConfigError as error:
        return {_known(problem) for problem in error.problems}
    return {_known(problem) for problem in _looked_into(loaded, unit.config)}


def _known(problem: Problem) -> tuple[str, str]:
    """The same fault has the same words, wherever it stands."""
    return problem.path, problem.text


def _refusal(problems: list[Problem], slot: Path) -> BundleError:
    shown = "\n".join(_line(problem, slot) for problem in problems[:MOST_TOLD])
    more = len(problems) - MOST_TOLD
    told = tell("with it the configuration is wrong:\n{faults}", faults=shown)
    if more > 0:
        told = tell("{told}\nand {count} more", told=told, count=more)
    return BundleError("invalid_config", told, tell("correct it, and build the bundle anew"))


def _line(problem: Problem, slot: Path) -> str:
    """As `config check` says it: the place, and the words; the bundle's files by their names."""
    return str(problem).replace(f"{slot / FILES}/", "")
