"""`patrol-edge config diff`: what differs between two configurations as they apply."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from config.difference import settings_diff
from config.language import tell
from config.loading import load
from edge.cli.console import DONE, note, say


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "print every setting that differs between two unit files, defaults and all"
    parser = actions.add_parser("diff", help=text, description=text)
    parser.add_argument("old", type=Path, metavar="OLD.yaml")
    parser.add_argument("new", type=Path, metavar="NEW.yaml")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(handler=diff)


def diff(args: argparse.Namespace) -> int:
    """A line for each change on stdout: + is new, - is gone, ~ is another value."""
    changes = settings_diff(load(args.old).settings, load(args.new).settings)
    if args.json:
        say(json.dumps({"changes": [asdict(change) for change in changes]}))
    else:
        for change in changes:
            say(str(change))
    if not changes:
        note(tell("no difference in what applies"))
    return DONE
