"""`patrol-edge …` in this process: its exit code and what it writes, without a start."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

from edge.cli.main import main


def told(*words: str | Path) -> "CompletedProcess[str]":
    """As of `subprocess.run`; for commands whose process is not what is looked at."""
    out, err = io.StringIO(), io.StringIO()
    arguments = [*map(str, words)]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as left:  # wrong usage that argparse finds
            code = int(left.code or 0)
    return CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
