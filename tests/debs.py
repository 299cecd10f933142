"""The packages and the kit, built once for all that look at them, or built before.

PATROL_EDGE_DIST is the folder where they lie already.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "systemd" / "package"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@cache
def dist() -> Path:
    """Where packages lie that others built, or that this process builds."""
    if (given := os.environ.get("PATROL_EDGE_DIST")) is not None:
        return Path(given)
    return Path(tempfile.mkdtemp(prefix="patrol-edge-dist-"))


def build(folder: Path, arch: str = "amd64", **environ: str) -> Path:
    """Build into a folder. Returns the main package. Raises AssertionError."""
    told = subprocess.run(
        [RECIPE / "build-deb", arch, folder],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env=os.environ | {"PYTHON": sys.executable} | environ,
    )
    assert told.returncode == 0, told.stderr[-900:]
    return folder / f"patrol-edge_{VERSION}_{arch}.deb"


def package(arch: str = "amd64") -> Path:
    """The main package; the extras lie beside it."""
    path = dist() / f"patrol-edge_{VERSION}_{arch}.deb"
    return path if path.exists() else build(dist(), arch)


def kit() -> Path:
    """The kit for amd64."""
    path = dist() / f"patrol-edge-kit-{VERSION}"
    if not (path / "SHA256SUMS").exists():
        package()
        told = subprocess.run(
            [RECIPE / "build-kit", "amd64"],
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            env=os.environ | {"PYTHON": sys.executable, "DIST": str(dist()), "DEBS": str(dist())},
        )
        assert told.returncode == 0, told.stderr[-900:]
    return path


def repacked(source: Path, folder: Path, change: "dict[str, tuple[str, str]]", name: str) -> Path:
    """The package with texts exchanged: file in it → (what stands there, what shall)."""
    tree = folder / f"tree-{name}"
    subprocess.run(["dpkg-deb", "-R", source, tree], check=True)
    for file, (old, new) in change.items():
        path = tree / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new))
    made = folder / f"{name}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z1", "-b", tree, made],
        check=True,
        capture_output=True,
    )
    subprocess.run(["rm", "-rf", tree], check=True)
    return made
