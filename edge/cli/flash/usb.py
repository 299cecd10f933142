"""`patrol-edge usb`: what is started when a stick is put in."""

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from config.language import said, tell
from edge.cli.console import DONE, FAILED, CommandError, note
from edge.cli.flash.flash_options import SPOOL
from edge.cli.run import DEFAULT_CONFIG

if TYPE_CHECKING:
    from edge.flashing.signals import Signals

# errors=: what is damaged on it, on purpose perhaps, must not bring the computer down.
OPTIONS = "ro,nosuid,nodev,noexec,errors=continue"
# The kinds that udev lets in, and no other: each kind more is a parser in the kernel more. noload:
# the journal of an ext4 is played back otherwise, onto the stick, also where that is read only.
FILE_SYSTEMS = (("vfat,exfat", OPTIONS), ("ext4", f"{OPTIONS},noload"))
MOUNT_WITHIN_S = 30.0
COPY = "usb-"  # how the names of copies begin


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "usb",
        help="flash the bundle on a USB stick (patrol-edge-usb@.service does it)",
        description="Look for exactly one bundle on a stick, and flash it. The stick may be pulled "
        "as soon as the light blinks evenly. Exit codes: 0 flashed, or nothing to do; 1 not "
        "flashed; 2 wrong usage or configuration.",
    )
    parser.add_argument("where", type=Path, help="the stick's block device, or where it is mounted")
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, help=f"the unit file ({DEFAULT_CONFIG})"
    )
    parser.set_defaults(handler=usb)


def usb(args: argparse.Namespace) -> int:
    """Raises ConfigError, CommandError."""
    from config.loading import load
    from edge.flashing.signals import Light, Signals
    from edge.flashing.stick import StickError

    settings = load(args.config).settings
    if not settings.flash.usb:
        note(tell("sticks are not taken by this unit: flash.usb is off"))
        return DONE
    signals = Signals(Light.named(settings.flash.light), sound=settings.flash.sound)
    try:
        with _copied(args.where, settings.unit.id, settings.state_dir, signals) as path:
            done = _flash(path, args.config)
    except StickError as error:
        note(tell("{what}; {cure}", what=said(error), cure=error.cure))
        if not error.meant:  # somebody's music, or a stick for exports
            return DONE
        done = False
    signals.end("good" if done else "bad")
    return DONE if done else FAILED


@contextmanager
def _copied(where: Path, unit: str, state_dir: Path, signals: "Signals") -> Iterator[Path]:
    """The bundle, off the stick, which may be pulled then. Raises StickError, CommandError."""
    from config.slots import slots_folder
    from edge.flashing.as_service import in_service
    from edge.flashing.stick import StickError, bundle_on

    spool = slots_folder(state_dir) / SPOOL
    with _mounted(where) as root:
        found = bundle_on(root, unit)
        signals.show("working")
        try:
            with found.open("rb") as source:
                name = in_service(state_dir, lambda: _spooled(source, spool))
        except OSError as error:
            raise StickError(
                tell("{name} cannot be copied: {why}", name=found.name, why=error.strerror or ""),
                tell("is the stick still in, and room on the unit (df -h)? Put it in again"),
                meant=True,
            ) from error
        note(tell("{name} is copied; the stick may be pulled", name=found.name))
    try:
        yield Path(name)
    finally:
        with suppress(OSError):
            in_service(state_dir, lambda: _gone(Path(name)))


def _spooled(source: BinaryIO, spool: Path) -> str:
    """The name of a copy. Raises OSError."""
    from edge.slots.folders import make_folder

    make_folder(spool)
    left = sorted(spool.glob(f"{COPY}*"), key=lambda each: each.stat().st_mtime)
    for old in left[:-1]:  # of power cuts; the newest may be that of a stick beside this one
        old.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=COPY, suffix=".peb", dir=spool)
    try:
        with os.fdopen(handle, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
    except OSError:
        _gone(Path(name))
        raise
    return name


def _gone(path: Path) -> str:
    path.unlink(missing_ok=True)
    return str(path)


@contextmanager
def _mounted(where: Path) -> Iterator[Path]:
    """The stick's files. A block device is mounted for reading only, for this process's time."""
    from edge.flashing.stick import StickError

    if where.is_dir():
        yield where
        return
    if not where.is_block_device():
        cure = tell("give its block device (/dev/sda1), or the folder of a mounted one")
        raise CommandError(tell("{where} is no stick", where=str(where)), cure)
    with tempfile.TemporaryDirectory(prefix="patrol-edge-usb-") as folder:
        for kinds, options in FILE_SYSTEMS:
            done = _run("mount", "-t", kinds, "-o", options, str(where), folder)
            if done is not None and done.returncode == 0:
                break
        else:
            why = "mount" if done is None else (done.stderr.strip().splitlines() or ["?"])[-1]
            raise StickError(
                tell("the stick cannot be read: {why}", why=why),
                tell("copy the bundle onto another stick (FAT, exFAT or ext4)"),
                meant=True,
            )
        try:
            yield Path(folder)
        finally:
            _run("umount", folder)


def _run(*command: str) -> "subprocess.CompletedProcess[str] | None":
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(  # noqa: S603 - programs of the system, and no shell
            command, capture_output=True, text=True, timeout=MOUNT_WITHIN_S, check=False
        )
    return None


def _flash(path: Path, config: Path) -> bool:
    """By the same command as by hand; what it says goes into the journal."""
    from edge.running.anew import interpreter

    # As careful as this one with what it imports: not what lies in the folder that somebody is in.
    command = (*interpreter(), "-m", "edge.cli.start", "flash", str(path), "--way", "usb")
    done = subprocess.run(  # noqa: S603 - our own program, and no shell
        (*command, "--by", "usb", "--config", str(config)), stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode == DONE
