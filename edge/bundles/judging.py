"""Whether a bundle may be used here: each check by itself, in the order in which they are made."""

from dataclasses import dataclass
from datetime import datetime

from packaging.version import InvalidVersion, Version
from pydantic import ValidationError

from config.language import tell
from edge.bundles.manifest import Manifest
from edge.bundles.refusal import BundleError
from telemetry.commands.strict_json import BadJsonError, canonical, loads_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The unit that a bundle is put onto."""

    unit: str  # unit.id
    kind: str  # unit.kind
    unit_class: str | None = None  # unit.class
    runtime: str | None = None  # version of the runtime; None: is not asked


def parsed(content: bytes) -> Manifest:
    """The manifest: strict, canonical JSON with these fields and no others. Raises BundleError.

    To be called with what was proved, or to show what was not.
    """
    cure = tell("build the bundle anew: bundle build")
    try:
        found = loads_object(content, max_depth=4)
    except BadJsonError as error:
        raise BundleError("malformed", tell("the manifest: {why}", why=error), cure) from error
    try:
        if canonical(found) != content:
            raise BundleError("malformed", tell("the manifest is not canonical JSON"), cure)
        return Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        text = tell("the manifest: {why}", why=first_fault(error))
        raise BundleError("malformed", text, cure) from error
    except RecursionError as error:
        raise BundleError("malformed", tell("the manifest is nested too deeply"), cure) from error


def first_fault(error: ValidationError) -> str:
    """The first field that is wrong, and how; nothing of what stands there."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    why = first["msg"].removeprefix("Value error, ")
    return f"{where}: {why}" if where else why


def check_made_for(manifest: Manifest, here: Here) -> None:
    """Raises BundleError for another unit's."""
    wanted = manifest.made_for
    if here.unit in wanted.units or here.kind in wanted.kinds or here.unit_class in wanted.classes:
        return
    meant = ", ".join((*wanted.units[:5], *wanted.kinds, *wanted.classes[:5]))
    text = tell("it is for {meant}, and this is {unit} ({kind})",
                meant=meant, unit=here.unit, kind=here.kind)  # fmt: skip
    raise BundleError("wrong_unit", text, tell("take the bundle that was made for this unit"))


def check_serial(manifest: Manifest, highest: int) -> None:
    """Raises BundleError for one that is not newer than what was in use. 0: nothing was."""
    if manifest.serial > highest:
        return
    text = tell("its serial is {serial}; {highest} was in use here already",
                serial=manifest.serial, highest=highest)  # fmt: skip
    cure = tell("take a newer one; to go back, use `patrol-edge slots rollback`")
    raise BundleError("replayed", text, cure)


def check_dates(manifest: Manifest, now: datetime) -> None:
    """Raises BundleError before and after its time."""
    clock = tell("it is {now:%Y-%m-%d %H:%M} UTC by this unit's clock", now=now)
    if now < manifest.not_before:
        text = tell("it is valid from {when:%Y-%m-%d %H:%M} UTC; {clock}",
                    when=manifest.not_before, clock=clock)  # fmt: skip
        cure = tell("set the clock (a GNSS fix does), or wait")
        raise BundleError("not_yet_valid", text, cure)
    if now >= manifest.not_after:
        text = tell("it was valid until {when:%Y-%m-%d %H:%M} UTC; {clock}",
                    when=manifest.not_after, clock=clock)  # fmt: skip
        raise BundleError("expired", text, tell("take a newer one, or set the clock"))


def check_runtime(manifest: Manifest, here: Here) -> None:
    """Raises BundleError if the runtime is too old for it. What is no version is not asked."""
    if manifest.runtime_min is None or here.runtime is None:
        return
    try:
        fits = Version(here.runtime) >= Version(manifest.runtime_min)
    except InvalidVersion:
        return
    if not fits:
        text = tell("it needs runtime {needed}; here is {there}",
                    needed=manifest.runtime_min, there=here.runtime)  # fmt: skip
        raise BundleError("unsupported", text, tell("flash the newer runtime first"))
