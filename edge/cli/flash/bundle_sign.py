"""`patrol-edge bundle sign`: one signature more, by whoever need not be able to build."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from config.language import localized, tell
from edge.cli.console import DONE, USAGE, CommandError, say
from edge.cli.flash.bundle_errors import told_as_errors
from edge.cli.hub.signing import signer_of

if TYPE_CHECKING:
    from telemetry.commands.jws import PrivateKey


def signer(path: Path, kid: str | None) -> "tuple[PrivateKey, str]":
    """Raises CommandError."""
    found = signer_of(path, kid)
    if found is None:
        raise CommandError(tell("a signature needs a key"), tell("give --key FILE"), USAGE)
    return found.key, found.kid


def sign(args: argparse.Namespace) -> int:
    from edge.bundles.judging import parsed
    from edge.bundles.writing import add_signature
    from edge.cli.flash.bundle_words import described
    from edge.cli.flash.progress import bar

    key, kid = signer(args.key, args.kid)
    out: Path = args.out or args.file
    with told_as_errors(args.file), bar(out.name, quiet=args.json) as progress:
        envelope = add_signature(args.file, out, key, kid, progress)
        manifest = parsed(envelope.content)
    kids = [each.kid for each in envelope.signatures]
    if args.json:
        say(json.dumps({"path": str(out), "signed_by": kid, "signatures": kids}))
        return DONE
    for line in described(manifest):
        say(line)
    told = tell("{file}: signed by {kid}; signatures now: {count}",
                file=str(out), kid=kid, count=len(kids))  # fmt: skip
    say(localized(told))
    return DONE
