"""`make bench`: run the measurements, print a table, write bench-out/figures.json.

    python -m tests.bench [NAME ...] [--list]

Exit code 0: every limit kept; 1: not; 2: wrong usage.
"""

import argparse
import importlib
import json
import pkgutil
import platform
import sys
from pathlib import Path

import tests.bench
from tests.bench.figures import Figure

OUT = Path("bench-out")


def benches() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules(tests.bench.__path__))
    return sorted(name for name in names if name.startswith("bench_"))


def row(figure: Figure) -> str:
    limit = "" if figure.limit is None else f"{figure.sense} {figure.limit:g}"
    mark = " " if figure.limit is None else ("+" if figure.kept else "-")
    return (
        f"{mark} {figure.name:52} {figure.value:>11.4g} {figure.unit:6} {limit:>10}  {figure.peer}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these (see --list)")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    known = [name.removeprefix("bench_") for name in benches()]
    if args.list:
        sys.stdout.write("\n".join(known) + "\n")
        return 0
    if unknown := set(args.names) - set(known):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    figures: list[Figure] = []
    for name in args.names or known:
        sys.stdout.write(f"== {name}\n")
        for figure in importlib.import_module(f"tests.bench.bench_{name}").measure():
            figures.append(figure)
            sys.stdout.write(row(figure) + "\n")
            sys.stdout.flush()
    OUT.mkdir(exist_ok=True)
    report = {"machine": platform.machine(), "figures": [figure.as_dict() for figure in figures]}
    (OUT / "figures.json").write_text(json.dumps(report, indent=2) + "\n")
    missed = [figure.name for figure in figures if not figure.kept]
    sys.stdout.write(
        f"{len(figures)} figures, {len(missed)} over their limit; {OUT}/figures.json\n"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
