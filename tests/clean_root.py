"""A Debian 12 with nothing in it, to install into: a folder, entered by chroot.

It comes from PATROL_EDGE_CLEAN_ROOT, /root/fresh (a debootstrap of the variant minbase), or is made
by debootstrap. It is copied and never changed. Debian's own packages come from this machine's
sources, or from the kit.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
READY = Path(os.environ.get("PATROL_EDGE_CLEAN_ROOT", "/root/fresh"))
SOURCES = "deb http://deb.debian.org/debian bookworm main\n"
HOST_FILES = ("etc/resolv.conf", "etc/hosts")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def lacking() -> str:
    """What this machine lacks for it; empty: nothing."""
    if os.geteuid() != 0:
        return "needs root, to change into another root"
    for program in ("chroot", "unshare", "dpkg-deb", "ip"):
        if shutil.which(program) is None:
            return f"needs {program}"
    if not READY.is_dir() and shutil.which("debootstrap") is None:
        return "needs debootstrap, or PATROL_EDGE_CLEAN_ROOT"
    return ""


@dataclass(frozen=True, slots=True)
class CleanRoot:
    """The root, in a folder of its own."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "CleanRoot":
        if READY.is_dir():
            subprocess.run(["cp", "-a", "--reflink=auto", READY, folder], check=True)
        else:
            subprocess.run(
                ["debootstrap", "--variant=minbase", "bookworm", folder], check=True, timeout=900
            )
        root = cls(folder)
        for name in HOST_FILES:
            shutil.copy(Path("/", name), folder / name)
        root.write("etc/apt/sources.list", SOURCES)
        for conf in Path("/etc/apt/apt.conf.d").glob("*registry*"):
            shutil.copy(conf, folder / "etc/apt/apt.conf.d")
        return root

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def command(self, *words: str, network: bool = False) -> list[str]:
        """How to run it in there; without a network it has a loopback of its own."""
        inside = (
            'mount -t proc proc /proc; mount -t tmpfs tmpfs /run -o mode=755 2>/dev/null; exec "$@"'
        )
        entered = ["chroot", str(self.folder), "/bin/sh", "-c", inside, "sh", *words]
        if network:
            return ["unshare", "-m", "-p", "-f", "--kill-child", *entered]
        up = 'ip link set lo up; exec "$@"'
        return ["unshare", "-m", "-p", "-f", "-n", "--kill-child", "sh", "-c", up, "sh", *entered]

    def run(
        self, *words: str, network: bool = False, timeout: float = 300, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words, network=network),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"} | environ,
        )

    def does(self, *words: str, network: bool = False, timeout: float = 300) -> str:
        """What it printed. Raises AssertionError where it fails."""
        result = self.run(*words, network=network, timeout=timeout)
        said = result.stdout + result.stderr
        assert result.returncode == 0, (
            f"{' '.join(words)} ended with {result.returncode}: {said[-900:]}"
        )
        return said
