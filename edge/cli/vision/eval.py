"""`patrol-edge eval`: how right results are, against a truth file. Each kind has a module."""

import argparse

from edge.cli.vision import eval_detect, eval_events, eval_track

KINDS = (eval_detect, eval_track, eval_events)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "eval",
        help="compare results with the truth: detections, tracks, events",
        description="Compare what was found with what was there, by the usual measures.",
    )
    kinds = parser.add_subparsers(title="kinds", metavar="KIND", required=True)
    for kind in KINDS:
        kind.register(kinds)
