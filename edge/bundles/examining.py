"""A bundle looked at from all sides: how every check went, not only the first that fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from config.language import tell
from edge.bundles.chain import MOST_BYTES, parse_trust, require_agreed
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
from edge.bundles.trust import FILE, Trust


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

    def note(self, name: str, text: str, check: Callable[[], object]) -> bool:
        """Make a check, and keep how it went."""
        try:
            check()
        except BundleError as error:
            self.findings.append(Finding(name, error.text, error))
            return False
        self.findings.append(Finding(name, text))
        return True


def look_at(stream: BinaryIO, progress: Progress = no_progress) -> Examined:
    """What can be told without knowing any key: its form, and that its files are those listed."""
    found = Examined()
    tape = Tape(stream)
    if _taken(found, tape):
        _files(found, tape, progress)
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
    if not _taken(found, tape) or found.envelope is None or found.manifest is None:
        return found
    manifest = found.manifest
    _signatures(found, found.envelope, manifest, trust, now)
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
    _files(found, tape, progress, trust, now)
    return found


def _taken(found: Examined, tape: Tape) -> bool:
    """Its manifest, whoever wrote it."""

    def form() -> None:
        found.envelope = read_envelope(tape.manifest())

    def manifest() -> None:
        if found.envelope is not None:
            found.manifest = parsed(found.envelope.content)

    told = tell("a bundle in the form of these bundles")
    return found.note("form", told, form) and found.note("manifest", tell("strict JSON"), manifest)


def _signatures(
    found: Examined, envelope: Envelope, manifest: Manifest, trust: Trust, now: datetime
) -> None:
    fitting: frozenset[str] = frozenset()

    def proof() -> None:
        nonlocal fitting
        fitting = proved(envelope, trust)

    told = tell("those of keys on the list fit what was signed")
    if not found.note("signatures", told, proof):
        return
    found.signers = signers_of(envelope, fitting, trust, manifest.kind, now)
    count, needed = sum(each.counts for each in found.signers), trust.signatures_for(manifest.kind)
    told = tell("{count} of {needed} that are needed", count=count, needed=needed)
    found.note("keys", told, lambda: require_enough(found.signers, trust, manifest.kind))


def _files(
    found: Examined,
    tape: Tape,
    progress: Progress,
    trust: Trust | None = None,
    now: datetime | None = None,
) -> None:
    envelope, manifest = found.envelope, found.manifest
    if envelope is None or manifest is None:
        return
    opened = OpenedBundle(manifest, found.signers, envelope.raw, envelope, tape)
    lists: list[bytes] = []
    told = tell("{count} with the sizes and hashes of the manifest", count=len(manifest.files))
    if not found.note("files", told, lambda: lists.extend(_all(opened, progress))):
        return
    if manifest.kind == "trust" and trust is not None and lists:
        new = tell("signed by those of the new list, too")
        found.note("list", new, lambda: require_agreed(envelope, parse_trust(lists[0]), now))


def _all(opened: OpenedBundle, progress: Progress) -> Iterator[bytes]:
    """Reads everything; gives the content of a list of keys."""
    if opened.manifest.kind == "trust":
        yield opened.contents(MOST_BYTES).get(FILE, b"")
    else:
        opened.pass_by(progress)
