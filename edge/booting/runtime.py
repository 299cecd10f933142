"""Which program runs: the one that was installed, or one that was flashed.

A flashed runtime brings every package that it needs. It is run by the interpreter of the installed
one, in isolation (-I, -S): nothing but its own folder and the standard library is found.
"""

import platform
import sys
from pathlib import Path

from config.flashed import FlashedError, claims_in
from config.language import tell
from config.slots import FILES, MANIFEST, Slot, slot_folder
from edge.running.anew import interpreter

SITE = "site"  # below the files of a runtime's slot: its packages, unpacked
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CODE = """\
import sys
sys.path.insert(0, {site!r})
sys.argv[0] = "patrol-edge"
from edge.cli.start import main
sys.exit(main())
"""


def why_not_this_python(folder: Path, slot: Slot) -> str | None:
    """Why a flashed runtime cannot run under this interpreter; None: it can."""
    home = slot_folder(folder, "runtime", slot)
    wanted = _platform(home / MANIFEST)
    if wanted is None:
        return tell("its manifest does not say for which Python it is")
    if wanted.get("python") != PYTHON:
        return tell("it is for Python {wanted}, and this computer has {here}",
                    wanted=wanted.get("python"), here=PYTHON)  # fmt: skip
    if wanted.get("machine") != platform.machine():
        return tell("it is for {wanted}, and this computer is a {here}",
                    wanted=wanted.get("machine"), here=platform.machine())  # fmt: skip
    if not (home / FILES / SITE / "edge" / "cli" / "start.py").is_file():
        return tell("its packages are not there")
    return None


def _platform(manifest: Path) -> dict[str, object] | None:
    """As it says; whether it is signed is asked elsewhere."""
    try:
        found = claims_in(manifest).get("platform")
    except FlashedError:
        return None
    return found if isinstance(found, dict) else None


def command(folder: Path, slot: Slot | None, arguments: list[str]) -> list[str]:
    """What to execute. None: the installed runtime."""
    if slot is None:
        return [*interpreter(), "-m", "edge.cli.start", *arguments]
    # Never compiled beside its source: what is not signed has no place there.
    site = slot_folder(folder, "runtime", slot) / FILES / SITE
    return [sys.executable, "-B", "-I", "-S", "-c", CODE.format(site=str(site)), *arguments]
