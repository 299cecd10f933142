"""The Debian package and the kit: the same bytes each time, and a whole life."""

import getpass
import hashlib
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.clean_root import CleanRoot, lacking
from tests.debs import ROOT, VERSION, build, kit, package, repacked
from tests.torture.trials import NotRun, Stage, held, trial

ELF_MACHINES = {"amd64": 0x3E, "arm64": 0xB7}  # e_machine of elf(5)
NAME = "patrol-edge"
SITE = "opt/patrol-edge/lib/python3.11/site-packages"
UNIT = "etc/patrol-edge/unit.yaml"
METADATA = f"{SITE}/patrol_edge-{VERSION}.dist-info/METADATA"


def can_build() -> None:
    """Raises NotRun."""
    if shutil.which("dpkg-deb") is None:
        raise NotRun("needs dpkg-deb")
    if sys.version_info[:2] != (3, 11):
        raise NotRun("needs Python 3.11, that of Debian 12")
    try:
        import argparse_manpage  # noqa: F401
        import cyclonedx_py  # noqa: F401
        import shtab  # noqa: F401
    except ImportError as error:
        raise NotRun("needs the dependency group package") from error


def can_install() -> None:
    """Raises NotRun."""
    if platform.machine() != "x86_64":
        raise NotRun("needs an x86-64 machine")
    if why := lacking():
        raise NotRun(why)
    can_build()


# --- R-DEB-1 ------------------------------------------------------------------------------------


@trial("R-DEB-1", "the packages are the same bytes each time, and all in them is for their machine")
def the_same_bytes(stage: Stage) -> str:
    can_build()
    told = []
    for arch in ELF_MACHINES:
        first = package(arch)
        for name in (first.name, first.name.replace("patrol-edge_", "patrol-edge-extras_")):
            objects = shared_objects(unpacked(first.with_name(name), stage.folder / name))
            wrong = [path for path, machine in objects.items() if machine != ELF_MACHINES[arch]]
            held(not wrong, f"{name} holds objects for another machine: {wrong[:3]}")
            held(objects, f"{name} holds no shared object: the search finds nothing")
        told.append(f"{arch} {first.stat().st_size >> 20} MiB")
    again = build(
        stage.folder / "again", "amd64", TMPDIR=str(stage.folder), HOME=str(stage.folder / "x"),
        LANG="de_DE.UTF-8", TZ="Asia/Shanghai", PYTHONHASHSEED="7",
        SOURCE_DATE_EPOCH=date_of(package()),
    )  # fmt: skip
    held(digest(again) == digest(package()), "another folder, language and zone: other bytes")
    other = build(stage.folder / "other", "amd64", SOURCE_DATE_EPOCH="1700000000")
    held(digest(other) != digest(again), "control: another date gives the same bytes")
    return f"{', '.join(told)}: the same bytes from another folder, language and time zone"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def date_of(deb: Path) -> str:
    """The date of all that is in it: that of its last member in the ar archive."""
    return deb.read_bytes()[24:36].decode().strip()


def unpacked(deb: Path, folder: Path) -> Path:
    if not folder.exists():
        subprocess.run(["dpkg-deb", "-R", deb, folder], check=True)
    return folder


def shared_objects(folder: Path) -> dict[str, int]:
    """The machine that each is for."""
    found = {}
    for path in folder.rglob("*.so*"):
        head = path.read_bytes()[:20] if path.is_file() else b""
        if head[:4] == b"\x7fELF":
            found[str(path)] = int.from_bytes(head[18:20], "little")
    return found


# --- S-SECRET-2 ---------------------------------------------------------------------------------


@trial("S-SECRET-2", "no secret, host name or path of whoever builds is in the packages")
def nothing_of_the_builder(stage: Stage) -> str:
    can_build()
    folder = unpacked(package(), stage.folder / "main")
    unpacked(package().with_name(package().name.replace(NAME, f"{NAME}-extras", 1)), folder / "x")
    words = {
        "the builder's name": getpass.getuser().encode(),
        "the host's name": platform.node().encode(),
        "the folder of the sources": str(ROOT).encode(),
        "the folder of the build": b"/patrol-edge-deb.",
        "the interpreter of the build": sys.base_prefix.encode(),
        "the environment of the build": sys.prefix.encode(),
        "a private key": b"-----BEGIN PRIVATE KEY-----\nM",
        "an encrypted key": b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nM",
    }
    # A name such as "root" or "debian" is a word like any other.
    words = {what: word for what, word in words.items() if len(word) > 6 and word != b"/usr"}
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = [
        f"{what} in {path}"
        for path, text in files.items()
        for what, word in words.items()
        if word in text
    ]
    held(not found, f"{len(found)} found: {found[:4]}")
    owners = subprocess.run(
        ["dpkg-deb", "-c", package()], capture_output=True, text=True, check=True
    )
    strange = [line for line in owners.stdout.splitlines() if " root/root " not in line]
    held(not strange, f"files of somebody else than root: {strange[:2]}")
    open_to_all = [line for line in owners.stdout.splitlines() if line[8] == "w" and line[0] != "l"]
    held(not open_to_all, f"whoever likes may write: {open_to_all[:2]}")
    for word in words.values():
        held(any(word in text for text in (b"x" + word + b"y",)), "the search is blind")
    size_mib = sum(map(len, files.values())) >> 20
    return (
        f"{len(words)} words, {len(files)} files with {size_mib} MiB, 0 hits; all is root's, "
        "and nobody else may write it"
    )


# --- R-KIT-1 ------------------------------------------------------------------------------------


@trial(
    "R-KIT-1",
    "the kit installs onto an empty Debian without a network, and refuses what is damaged",
)
def from_the_stick(stage: Stage) -> str:
    can_install()
    root = CleanRoot.make(stage.folder / "root")
    stick = root.folder / "media/USB STICK/kit"  # names of sticks have spaces in them
    stick.parent.mkdir(parents=True)
    shutil.copytree(kit(), stick)
    (root.folder / "kit.pub").write_text(signed(stick, stage.folder))
    (root.folder / "other.pub").write_text(signed(None, stage.folder))
    install = ("sh", "/media/USB STICK/kit/install.sh")
    refused = damaged(root, stick, install)
    held("refused" in refused, refused)
    begun_s = time.monotonic()
    root.does(*install, "--extras", timeout=600)
    took_s = time.monotonic() - begun_s
    held(VERSION in root.does("patrol-edge", "--version"), "another version is there")
    root.does("/opt/patrol-edge/bin/python3", "-I", "-c", "import can, gpiod, pymavlink, cv2")
    # openssl came with what it needed: now a signature can be checked.
    wrong = root.run(*install, "--key", "/other.pub")
    held(wrong.returncode != 0 and "not signed" in wrong.stderr, "another key's signature is taken")
    root.does(*install, "--key", "/kit.pub", timeout=600)
    net = root.run("getent", "hosts", "deb.debian.org")
    held(net.returncode != 0 or not reachable(root), "control: there is a network in there")
    size_mib = sum(path.stat().st_size for path in kit().rglob("*") if path.is_file()) >> 20
    return (
        f"{size_mib} MiB for amd64, installed in {took_s:.0f} s with the network denied; "
        f"{refused}, another key's signature refused; once more: nothing to do"
    )


def signed(stick: Path | None, folder: Path) -> str:
    """Sign the kit's checksums with a new key. Returns the public one."""
    key = folder / f"key-{time.monotonic_ns()}.pem"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", key],
        check=True,
        capture_output=True,
    )
    if stick is not None:
        subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", stick / "SHA256SUMS",
             "-out", stick / "SHA256SUMS.sig"], check=True,
        )  # fmt: skip
    public = subprocess.run(
        ["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True, text=True
    )
    return public.stdout


def damaged(root: CleanRoot, stick: Path, install: tuple[str, ...]) -> str:
    """One bit of a package exchanged: named, and nothing is installed."""
    victim = next(iter(sorted(stick.glob("amd64/patrol-edge_*.deb"))))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
    told = root.run(*install)
    victim.write_bytes(whole)
    named = told.returncode != 0 and victim.name in told.stdout + told.stderr
    return "one exchanged bit refused" if named else f"a damaged kit was taken: {told.stdout}"


def reachable(root: CleanRoot) -> bool:
    code = "import socket; socket.create_connection(('203.0.113.80', 80), 2)"
    return root.run("/opt/patrol-edge/bin/python3", "-I", "-c", code).returncode == 0


# --- R-DEB-2 ------------------------------------------------------------------------------------

ASKED = "var/log/asked"
# What only changes links is done; what a running systemd would do is written down.
FAKE = """\
#!/bin/sh
case "$*" in *preset*|*enable*) exec env SYSTEMD_OFFLINE=1 /bin/"$(basename "$0")" "$@" ;; esac
echo "$(basename "$0") $*" >>/var/log/asked
"""


@trial(
    "R-DEB-2", "upgrade keeps what the unit is, a failed one the old version; purge wipes the keys"
)
def a_whole_life(stage: Stage) -> str:
    can_install()
    root = CleanRoot.make(stage.folder / "root")
    shutil.copytree(kit(), root.folder / "kit")
    root.does("sh", "/kit/install.sh", timeout=600)
    purge(root)
    held_gone(root)
    fake_systemd(root)
    old, broken, cut = other_versions(stage.folder, root)
    install(root, old)
    held("0.0.9" in root.does("patrol-edge", "--version"), "the old version is not there")
    kept = lived_in(root)
    upgrade_well(root, kept)
    failed = upgrades_that_fail(root, broken, cut)
    root.does("dpkg", "-r", NAME)
    held(not (root.folder / "opt/patrol-edge").exists(), "a removal leaves the program behind")
    held(kept == contents(root), "a removal took something of the unit's own")
    install(root, package())
    held(kept == contents(root), "an installation after a removal changed the unit's own files")
    said = purge(root)
    held("keys" in said, f"the purge does not say what it wipes: {said[-200:]}")
    held_gone(root)
    return (
        f"0.0.9 to {VERSION}: {len(kept)} files of the unit kept; {failed}; removed, installed, "
        "purged: nothing left"
    )


def fake_systemd(root: CleanRoot) -> None:
    """Written down is what the scripts would ask of systemd."""
    for name in ("systemctl", "deb-systemd-invoke", "udevadm"):
        root.write(f"usr/local/bin/{name}", FAKE)
        (root.folder / "usr/local/bin" / name).chmod(0o755)


def install(root: CleanRoot, deb: Path) -> str:
    """As on a computer where systemd runs. Raises AssertionError where dpkg fails."""
    shutil.copy(deb, root.folder / deb.name)
    (root.folder / ASKED).unlink(missing_ok=True)
    return root.does("sh", "-c", f"mkdir -p /run/systemd/system; dpkg -i /{deb.name}", timeout=600)


def restarted(root: CleanRoot) -> bool:
    asked = root.folder / ASKED
    return asked.exists() and "deb-systemd-invoke restart patrol-edge.service" in asked.read_text()


def other_versions(folder: Path, root: CleanRoot) -> tuple[Path, Path, Path]:
    version = {"DEBIAN/control": (f"Version: {VERSION}\n", "Version: 0.0.9\n")}
    old = repacked(
        package(),
        folder,
        version | {METADATA: (f"\nVersion: {VERSION}\n", "\nVersion: 0.0.9\n")},
        "old",
    )
    newer = {"DEBIAN/control": (f"Version: {VERSION}\n", "Version: 9.9\n")}
    launcher = {"opt/patrol-edge/bin/patrol-edge": ("edge.cli.start", "edge.cli.nowhere")}
    broken = repacked(package(), folder, newer | launcher, "broken")
    cut = folder / "cut.deb"
    cut.write_bytes(broken.read_bytes()[: broken.stat().st_size * 2 // 3])
    return old, broken, cut


def lived_in(root: CleanRoot) -> dict[str, str]:
    """A unit's own things: made by the programs themselves where they can be."""
    root.does(
        NAME,
        "config",
        "init",
        "--profile",
        "patrol_car",
        "--unit-id",
        "car-1",
        "--output",
        f"/{UNIT}",
    )
    root.does("systemd-tmpfiles", "--create", "patrol-edge.conf")
    root.write("etc/patrol-edge/keys/device.key", "the unit's own")
    queue = (
        "from pathlib import Path; from drivers.clock import SystemClock; "
        "from telemetry.contract.envelope import Sender; "
        "from telemetry.outbox.outbox import Outbox; "
        "sender = Sender(unit='car-1', boot_id='b'); "
        "Outbox(Path('/var/lib/patrol-edge/outbox.db'), sender, SystemClock(), 2**24).close()"
    )
    root.does("/opt/patrol-edge/bin/python3", "-I", "-c", queue)
    root.write("var/lib/patrol-edge/slots/slots.json", "{}")
    root.write("var/lib/patrol-edge-serials/serials.json", "{}")
    return contents(root)


def contents(root: CleanRoot) -> dict[str, str]:
    folders = ("etc/patrol-edge", "var/lib/patrol-edge", "var/lib/patrol-edge-serials")
    return {
        str(path): f"{path.stat().st_mode:o} {path.stat().st_gid} {digest(path)}"
        for folder in folders
        for path in sorted((root.folder / folder).rglob("*"))
        if path.is_file()
    }


def upgrade_well(root: CleanRoot, kept: dict[str, str]) -> None:
    root.does("/bin/systemctl", "disable", "patrol-edge-firstboot.service")
    install(root, package())
    held(VERSION in root.does("patrol-edge", "--version"), "the new version is not there")
    held(kept == contents(root), "an upgrade changed the unit's own files")
    held(restarted(root), "the new version is not started")
    wants = root.folder / "etc/systemd/system/multi-user.target.wants"
    held((wants / "patrol-edge.service").is_symlink(), "it is not started at boot")
    held(not (wants / "patrol-edge-firstboot.service").is_symlink(), "what was switched off is on")


def upgrades_that_fail(root: CleanRoot, broken: Path, cut: Path) -> str:
    shutil.copy(cut, root.folder / cut.name)
    (root.folder / ASKED).unlink(missing_ok=True)
    told = root.run("sh", "-c", f"mkdir -p /run/systemd/system; dpkg -i /{cut.name}", timeout=600)
    held(told.returncode != 0, "a package that is cut off was installed")
    held(VERSION in root.does("patrol-edge", "--version"), "the old version is gone")
    held("install ok installed" in root.does("dpkg", "-s", NAME), "it is half installed")
    asked = (root.folder / ASKED).read_text() if (root.folder / ASKED).exists() else ""
    held(" stop " not in asked, "the service was stopped for an upgrade that failed")
    said = install(root, broken)
    held(
        "nothing is restarted" in said,
        f"nothing is said of a version that does not start: {said[-300:]}",
    )
    held(not restarted(root), "a version that does not start was started over one that runs")
    install(root, package())  # dpkg goes back to the older one
    held(VERSION in root.does("patrol-edge", "--version") and restarted(root), "no way back")
    return (
        "cut off: the old one stays installed; one that does not start: not started, and the way "
        "back is open"
    )


def purge(root: CleanRoot) -> str:
    return root.does("dpkg", "--purge", NAME)


def held_gone(root: CleanRoot) -> None:
    left = [
        str(path.relative_to(root.folder))
        for folder in ("opt", "etc", "usr/lib", "usr/bin", "usr/share", "var/lib")
        for path in (root.folder / folder).rglob("*patrol-edge*")
        if "dpkg" not in path.parts and "sysusers" not in str(path)
    ]
    held(not left, f"a purge leaves {left[:5]}")
