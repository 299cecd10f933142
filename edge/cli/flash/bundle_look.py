"""`patrol-edge bundle inspect` and `verify`: what a bundle says, and whether it is so."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from config.language import localized, tell
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.flash.bundle_errors import told_as_errors

if TYPE_CHECKING:
    from edge.bundles.examining import Examined, Finding
    from edge.bundles.judging import Here
    from edge.bundles.trust import Trust

UNPROVED = tell("nothing of this is proved: anybody can write it. Check it: patrol-edge bundle "
                "verify FILE --trust trust.json")  # fmt: skip


def inspect(args: argparse.Namespace) -> int:
    from edge.bundles.examining import look_at
    from edge.cli.flash.bundle_words import described
    from edge.cli.flash.progress import bar

    with (
        told_as_errors(args.file),
        args.file.open("rb") as stream,
        bar(args.file.name, quiet=args.json) as progress,
    ):
        found = look_at(stream, progress)
    if args.json:
        say(json.dumps(facts_of(found) | {"proved": False}))
        return DONE if found.right else FAILED
    if found.manifest is not None and found.envelope is not None:
        for line in described(found.manifest):
            say(line)
        kids = ", ".join(each.kid for each in found.envelope.signatures)
        say(localized(tell("signed by    {kids}", kids=kids or tell("nobody"))))
        note(UNPROVED)
    for finding in found.findings:
        if finding.refusal is not None:
            _complain(finding)
    return DONE if found.right else FAILED


def verify(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.bundles import examining
    from edge.cli.flash.progress import bar

    with told_as_errors(exit_code=USAGE):
        trust, here = _judge(args)
    now = args.at or SystemClock().utc()
    with (
        told_as_errors(args.file),
        args.file.open("rb") as stream,
        bar(args.file.name, quiet=args.json) as progress,
    ):
        found = examining.verify(stream, trust, now, here, args.highest, progress)
    if args.json:
        say(json.dumps(facts_of(found) | {"proved": found.right}))
        return DONE if found.right else FAILED
    _tell(found)
    note(_verdict(found, args.file.name, asked_unit=here is not None, highest=args.highest))
    return DONE if found.right else FAILED


def _tell(found: "Examined") -> None:
    from edge.bundles.signatures import told_standing

    for finding in found.findings:
        if finding.refusal is not None:
            _complain(finding)
        else:
            say(f"ok       {finding.name:<11} {localized(finding.text)}")
        if finding.name == "signatures":
            for signer in found.signers:
                owner = signer.owner or "?"
                say(f"{'':<21}{signer.kid}  {owner}: {localized(told_standing(signer))}")


def _verdict(found: "Examined", file: str, *, asked_unit: bool, highest: int | None) -> str:
    """No more than was asked: another unit may say something else."""
    manifest = found.manifest
    if not found.right or manifest is None:
        return tell("{file}: refused", file=file)
    if not asked_unit:
        return tell("{file}: rightly signed, in its time and whole ({what}); whether a unit takes "
                    "it is asked with --unit ID --unit-kind KIND --highest N",
                    file=file, what=manifest.told)  # fmt: skip
    if highest is None:
        return tell("{file}: such a unit takes it ({what}), if it can use what it holds and had "
                    "no serial from {serial} on; that is asked with --highest N",
                    file=file, what=manifest.told, serial=manifest.serial)  # fmt: skip
    return tell("{file}: such a unit takes it ({what}), if it can use what it holds",
                file=file, what=manifest.told)  # fmt: skip


def _complain(finding: "Finding") -> None:
    say(f"refused  {finding.name:<11} {localized(finding.text)}")
    if finding.refusal is not None and finding.refusal.cure:
        say(f"{'':<21}→ {localized(finding.refusal.cure)}")


def _judge(args: argparse.Namespace) -> "tuple[Trust, Here | None]":
    """Whose list, and which unit: those that are named, or this one. Raises BundleError."""
    from edge.bundles.chain import load_trust, read_anchor, trust_folder
    from edge.flashing.unit import unit_of

    if args.trust is not None:
        return read_anchor(args.trust), _here(args)
    unit = unit_of(args.config, args.state_dir)
    return load_trust(unit.trust, trust_folder(unit.folder)).trust, _here(args) or unit.here


def _here(args: argparse.Namespace) -> "Here | None":
    from edge.bundles.judging import Here

    if args.unit is None and args.unit_kind is None and args.unit_class is None:
        if args.runtime is not None:
            text = tell("--runtime asks for a unit, too")
            raise CommandError(text, tell("give --unit or --unit-kind"), USAGE)
        return None
    return Here(
        unit=args.unit or "-",
        kind=args.unit_kind or "-",
        unit_class=args.unit_class,
        runtime=args.runtime,
    )


def facts_of(found: "Examined") -> dict[str, Any]:
    """For programs."""
    manifest = found.manifest
    return {
        "ok": found.right,
        "checks": [
            {"name": each.name, "ok": each.refusal is None, "text": str(each.text)}
            | ({} if each.refusal is None else _why(each))
            for each in found.findings
        ],
        "signers": [
            {"kid": each.kid, "owner": each.owner or None, "standing": each.standing}
            for each in found.signers
        ]
        or [{"kid": each.kid} for each in (found.envelope.signatures if found.envelope else ())],
        "manifest": manifest and manifest.model_dump(mode="json", exclude_none=True),
    }


def _why(finding: "Finding") -> dict[str, str]:
    refusal = finding.refusal
    return {} if refusal is None else {"code": refusal.code, "cure": str(refusal.cure)}
