"""`patrol-edge models bench`: how fast models are on this computer, and what memory they take."""

import argparse
import json
import re
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import add_command, number_in, picture_size
from edge.cli.vision.detect import MAX_THREADS, PROVIDERS
from edge.running.anew import interpreter

if TYPE_CHECKING:
    from edge.cli.vision.model_bench_row import Row
    from perception.inference.catalogue import Catalogue

DESCRIPTION = """\
Runs each model for a few seconds and prints a line per model, provider and number of threads:
milliseconds per picture, prepared, looked at and concluded on (p50, p90, p99), pictures per second,
milliseconds of the bare model alone, and the most memory that the process had.

Each line is measured in a process of its own, after a warm-up. What else the computer does counts
against it: stop the unit first (systemctl stop patrol-edge)."""
MORE_S = 120.0  # for a child's start: engines of TensorRT are built for minutes


EACH_HELP = f"{', '.join(PROVIDERS)}; may be repeated, each is measured; default: cpu"


def register(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    parser = add_command(actions, "bench", "speed and memory on this computer", DESCRIPTION)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME|FILE", help="default: all detectors that are here")
    add("--threads", type=_threads, default=(1,), metavar="1,2", help="default: 1")
    add("--provider", action="append", choices=PROVIDERS, metavar="P", help=EACH_HELP)
    add(
        "--seconds", type=number_in(0.2, 3600), default=5.0, metavar="N", help="of each; default: 5"
    )
    add("--images", type=Path, metavar="PATH", help="pictures or a video; default: noise at 720p")
    add("--input", type=picture_size, metavar="WxH", help="size of the model's input, as 320x320")
    return parser


def _threads(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,2}(,\d{1,2})*", text):
        raise argparse.ArgumentTypeError(f"{text} is no list of numbers like 1,2")
    counts = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    if not all(1 <= count <= MAX_THREADS for count in counts):
        raise argparse.ArgumentTypeError(f"{text} is not within 1..{MAX_THREADS}")
    return counts


def bench_models(args: argparse.Namespace, known: "Catalogue") -> int:
    """Raises CommandError, PerceptionError for what is wrong before the first line."""
    names = args.names or [spec.name for spec in known.specs() if _is_here(spec)]
    for name in names:
        known.find(name)
    if not args.json:
        say(HEADER)
    failed = 0
    for name in names:
        for provider in args.provider or ["cpu"]:
            for threads in args.threads:
                row = _row(args, {"model": name, "provider": provider, "threads": threads})
                failed += row is None
    return FAILED if failed else DONE


def _is_here(spec: Any) -> bool:
    return spec.path is not None and spec.task == "detection"


HEADER = (
    f"{'model':22} {'precision':9} {'provider':9} {'threads':>7} {'p50 ms':>8} {'p90 ms':>8} "
    f"{'p99 ms':>8} {'per s':>7} {'bare ms':>8} {'MB':>6}"
)


def _row(args: argparse.Namespace, what: dict[str, Any]) -> "Row | None":
    """One line, from a child. What fails there is noted, and the next goes on."""
    from edge.cli.vision.model_bench_row import Row

    wanted = what | {
        "seconds": args.seconds,
        "models_dir": str(args.models_dir) if args.models_dir else None,
        "images": str(args.images) if args.images else None,
        "input_px": args.input,
    }
    command = [*interpreter(), "-m", "edge.cli.vision.model_bench_row", json.dumps(wanted)]
    try:
        child = subprocess.run(  # noqa: S603 - our own module
            command, capture_output=True, text=True, timeout=args.seconds + MORE_S, check=False
        )
        told = json.loads(child.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise CommandError(f"measuring {what['model']} came to no end: {error}") from error
    if "error" in told:
        note(f"{what['model']}, {what['provider']}: {told['error']}")
        if told["usage"]:
            raise CommandError(told["error"], told["cure"], USAGE)
        return None
    row = Row(**told)
    if args.json:
        say(json.dumps(asdict(row)))
    else:
        say(row.line())
    if row.skipped:
        note(f"  {row.skipped} is not there: this is {row.provider}")
    return row
