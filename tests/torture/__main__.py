"""Run the trials: one line for each, exit 1 on any FAIL. [--night] [--json FILE] [ID ...]"""

import argparse
import importlib
import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.torture.trials import TRIALS, Stage, Told, attempt


def load() -> None:
    """Import every `trial_*.py`; each registers what it holds."""
    for path in sorted(Path(__file__).parent.glob("trial_*.py")):
        importlib.import_module(f"tests.torture.{path.stem}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture ARGS=...", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these, e.g. R-KILL-1 S-")
    parser.add_argument("--night", action="store_true", help="the sizes for a night")
    parser.add_argument("--list", action="store_true", help="what there is, and what it promises")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the results for machines")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    load()
    chosen = [
        each
        for name, each in sorted(TRIALS.items())
        if not args.ids or any(name.startswith(wanted) for wanted in args.ids)
    ]
    if args.list:
        for each in chosen:
            print(f"{each.id:<11} {each.promise}")
        return 0
    if not chosen:
        print(f"no trial is called {' or '.join(args.ids)}; --list shows them", file=sys.stderr)
        return 2
    told = []
    for each in chosen:
        folder = Path(tempfile.mkdtemp(prefix=f"torture-{each.id.lower()}-"))
        size = "night" if args.night else "ci"
        told.append(attempt(each, Stage(folder=folder, size=size)))
        print(told[-1], flush=True)
        if told[-1].verdict == "FAIL":
            print(f"            left for looking at: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return summary(told, args.json)


def summary(told: list[Told], report: Path | None) -> int:
    verdicts = Counter(each.verdict for each in told)
    took_s = sum(each.took_s for each in told)
    print(
        f"{verdicts['PASS']} PASS, {verdicts['FAIL']} FAIL, {verdicts['NOT RUN']} NOT RUN "
        f"in {took_s:.0f} s"
    )
    if report is not None:
        report.write_text(json.dumps([asdict(each) for each in told], indent=1) + "\n")
    return 1 if verdicts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
