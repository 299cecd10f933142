"""A bundle looked at from all sides: how every check went, not only the first that fails."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, TypeVar

from config.language import tell
from edge.bundles.chain import MOST_BYTES, successor_in
from edge.bundles.container import Tape
from edge.bundles.judging import (
    Here,
    check_dates,
    check_made_for,
    check_runtime,
    check_serial,
    parsed,
)
from edge.bundles.manifest import Manifest
from edge.bundles.reading import OpenedBundle, Progress, no_progress
from edge.bundles.refusal import BundleError
from edge.bundles.signatures import (
    Envelope,
    Signer,
    proved,
    read_envelope,
    require_enough,
    signers_of,
)
from edge.bundles.trust import Trust

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """How one check went. `refusal` None: it is as it must be."""

    name: str
    text: str
    refusal: BundleError | None = None


@dataclass(slots=True)
class Examined:
    """What is known of a bundle. Without a manifest it is none."""

    findings: list[Finding] = field(default_factory=list)
    envelope: Envelope | None = None
    manifest: Manifest | None = None
    signers: tuple[Signer, ...] = ()

    @property
    def right(self) -> bool:
        return all(finding.refusal is None for finding in self.findings)

    def note(self, name: str, text: str, check: Callable[[], T]) -> T | None:
        """Make a check, and keep how it went. Returns what it found; None where it refused."""
        try:
            found = check()
        except BundleError as error:
            self.findings.append(Finding(name, error.text, error))
            return None
        self.findings.append(Finding(name, text))
        return found


def look_at(stream: BinaryIO, progress: Progress = no_progress) -> Examined:
    """What can be told without knowing any key: its form, and that its files are those listed."""
    found = Examined()
    tape = Tape(stream)
    _take_manifest(found, tape)
    if found.envelope is not None and found.manifest is not None:
        _take_files(found, _opened(found, found.envelope, found.manifest, tape), progress)
    return found


def verify(
    stream: BinaryIO,
    trust: Trust,
    now: datetime,
    here: Here | None = None,
    highest: int | None = None,
    progress: Progress = no_progress,
) -> Examined:
    """All checks of a unit. `here`, `highest` None: whom it is for, its serial are not asked."""
    found = Examined()
    tape = Tape(stream)
    _take_manifest(found, tape)
    envelope, manifest = found.envelope, found.manifest
    if envelope is None or manifest is None:
        return found
    _signatures(found, envelope, manifest, trust, now)
    if here is not None:
        told = tell("for {unit}", unit=here.unit)
        found.note("made_for", told, lambda: check_made_for(manifest, here))
        if manifest.runtime_min is not None and here.runtime is not None:
            found.note("runtime", tell("new enough"), lambda: check_runtime(manifest, here))
    if highest is not None:
        told = tell("{serial}, above {highest}", serial=manifest.serial, highest=highest)
        found.note("serial", told, lambda: check_serial(manifest, highest))
    dates = tell("from {begin:%Y-%m-%d} to {end:%Y-%m-%d}",
                 begin=manifest.not_before, end=manifest.not_after)  # fmt: skip
    found.note("dates", dates, lambda: check_dates(manifest, now))
    opened = _opened(found, envelope, manifest, tape)
    lists = _take_files(found, opened, progress)
    if lists is not None:
        told = tell("signed by those of the new list, too")
        found.note("list", told, lambda: successor_in(lists, opened, trust, now))
    return found


def _take_manifest(found: Examined, tape: Tape) -> None:
    """Whoever wrote it."""
    told = tell("a bundle in the form of these bundles")
    envelope = found.note("form", told, lambda: read_envelope(tape.manifest()))
    if envelope is not None:
        found.envelope = envelope
        found.manifest = found.note(
            "manifest", tell("strict JSON"), lambda: parsed(envelope.content)
        )


def _signatures(
    found: Examined, envelope: Envelope, manifest: Manifest, trust: Trust, now: datetime
) -> None:
    told = tell("those of keys on the list fit what was signed")
    fitting = found.note("signatures", told, lambda: proved(envelope, trust))
    if fitting is None:
        return
    found.signers = signers_of(envelope, fitting, trust, manifest.kind, now)
    count, needed = sum(each.counts for each in found.signers), trust.signatures_for(manifest.kind)
    told = tell("{count} of {needed} that are needed", count=count, needed=needed)
    found.note("keys", told, lambda: require_enough(found.signers, trust, manifest.kind))


def _opened(found: Examined, envelope: Envelope, manifest: Manifest, tape: Tape) -> OpenedBundle:
    return OpenedBundle(manifest, found.signers, envelope.raw, envelope, tape)


def _take_files(
    found: Examined, opened: OpenedBundle, progress: Progress
) -> dict[str, bytes] | None:
    """All of them; what those of a bundle of kind trust hold, where they are right."""
    count = len(opened.manifest.files)
    told = tell("{count} with the sizes and hashes of the manifest", count=count)
    if opened.manifest.kind == "trust":
        return found.note("files", told, lambda: opened.contents(MOST_BYTES))
    found.note("files", told, lambda: opened.pass_by(progress))
    return None
