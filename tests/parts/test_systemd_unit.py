"""The service file: sound, tight, and not so tight that the runtime cannot breathe in it."""

import ctypes
import ctypes.util
import mmap
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from config import secrets
from drivers import clock_teller
from drivers.clock import TOLD_STATE, asked_clock_state, kernel_clock_state, told_clock_state
from tests.access import pair

ROOT = Path(__file__).parents[2]
MODULE = "tests.parts.test_systemd_unit"
UNIT = ROOT / "systemd" / "patrol-edge.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (package systemd)"
)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"SYSTEMD_COLORS": "0"},
    )


def settings(name: str, unit: Path = UNIT) -> list[str]:
    """All values of one setting of the unit, in order."""
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


UNITS = sorted(path for path in UNIT.parent.iterdir() if path.suffix in (".service", ".timer"))
COMMANDS = ("slots", "usb", "provision")
HELPERS = ("patrol-edge-clock", "patrol-edge-firstboot")  # without network and devices


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """In all of them at once: they name each other."""
    for unit in UNITS:
        # verify insists that the program is there.
        text = re.sub(r"=/opt/patrol-edge/bin/[a-z0-9-]+", "=/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    files = sorted(tmp_path.iterdir())
    result = run("systemd-analyze", "verify", "--man=no", *files)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_each_may_do_is_little(unit: Path) -> None:
    """S-UNIT-1: exposure of the runtime 1.5, of helpers without network and devices 0.5."""
    if unit.suffix == ".timer":
        pytest.skip("a timer does nothing itself")
    # Whoever mounts a stick is root, with four of root's rights, no network and its own name space:
    # to mount, to read, and to become the service for all else.
    # Whoever renews certificates is root with three of them, and has a network and no devices.
    limit = {"patrol-edge": 15, "patrol-edge-usb@": 22, "patrol-edge-renew": 21} | dict.fromkeys(
        HELPERS, 5
    )
    result = run(
        "systemd-analyze", "security", "--offline=true",
        f"--threshold={limit.get(unit.stem, 15)}", "--no-pager", unit,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-300:]


@needs_systemd
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
@pytest.mark.parametrize("kind", ["sysusers", "tmpfiles"])
def test_the_user_and_folders_can_be_made(kind: str, tmp_path: Path) -> None:
    program = shutil.which(f"systemd-{kind}")
    if program is None:
        pytest.skip(f"needs systemd-{kind}")
    (tmp_path / "etc").mkdir()
    snippet = UNIT.with_name(f"patrol-edge.{kind}.conf")
    if kind == "tmpfiles":  # knows its user from the other snippet
        users = UNIT.with_name("patrol-edge.sysusers.conf")
        made = run("systemd-sysusers", f"--root={tmp_path}", users)
        assert made.returncode == 0, made.stderr
    verb = ["--create"] if kind == "tmpfiles" else []
    result = run(program, *verb, f"--root={tmp_path}", snippet)
    assert result.returncode == 0, result.stderr
    if kind == "sysusers":
        assert "patrol-edge" in (tmp_path / "etc/passwd").read_text()
    else:
        assert (tmp_path / "etc/patrol-edge").stat().st_mode & 0o777 == 0o750
        assert (tmp_path / "var/lib/patrol-edge").stat().st_mode & 0o777 == 0o710
        assert (tmp_path / "etc/credstore").stat().st_mode & 0o077 == 0


def test_however_it_ends_it_starts_again() -> None:
    """What to do after repeated crashes, or with a wrong configuration, the launcher decides."""
    assert settings("Restart") == ["always"]
    assert settings("StartLimitIntervalSec") == ["0"]
    assert settings("RestartPreventExitStatus") == []


def test_each_program_that_is_started_comes_with_the_package() -> None:
    """The interpreter and the launchers; their commands are looked at in test_debian_package."""
    programs = {path.name for path in (UNIT.parent / "package" / "bin").iterdir()} | {"python3"}
    for unit in UNITS:
        for line in settings("ExecStart(?:Pre|Post)?", unit):
            program = Path(line.lstrip("+-").split()[0])
            if program.is_relative_to("/opt"):
                assert program.parent == Path("/opt/patrol-edge/bin")
                assert program.name in programs


def test_the_launchers_take_what_the_units_give_them() -> None:
    """Each word of a start line is known to the program that gets it."""
    from edge.booting.__main__ import _arguments
    from edge.cli.main import build_parser

    bin_folder = UNIT.parent / "package" / "bin"
    assert '-m edge.booting "$@"' in (bin_folder / "patrol-edge-start").read_text()
    assert '-m edge.cli.start "$@"' in (bin_folder / "patrol-edge").read_text()
    (line,) = settings("ExecStart")
    assert _arguments(line.split()[1:]).config == Path("/etc/patrol-edge/unit.yaml")
    for unit in UNITS:
        for each in settings("ExecStart(?:Pre)?", unit):
            program, *words = each.lstrip("+-").split()
            if program.endswith("/patrol-edge") and words[0] in COMMANDS:
                assert callable(build_parser().parse_args(words).handler)


def test_a_unit_that_is_not_set_up_waits_and_says_so() -> None:
    file = "/etc/patrol-edge/unit.yaml"
    first = UNIT.with_name("patrol-edge-firstboot.service")
    assert settings("ConditionPathExists") == [file]
    assert settings("ConditionPathExists", first) == [f"!{file}"]
    assert settings("Conflicts") == [first.name]


# --- in the sandbox --------------------------------------------------------------------------

ALLOW, EPERM = 0x7FFF0000, 0x00050001  # seccomp(2): let pass; fail with errno 1
MASKED_EQUAL = 7
PR_SET_NO_NEW_PRIVS = 38


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp of libseccomp: argument & mask == value."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


def syscalls(group: str) -> set[str]:
    """This system call, or those in one of systemd's groups, all the way down."""
    if not group.startswith("@"):
        return {group}
    lines = run("systemd-analyze", "syscall-filter", group).stdout.splitlines()[1:]
    names = {line.strip() for line in lines} - {""}
    calls = {name for name in names if not name.startswith(("#", "@"))}
    return calls.union(*(syscalls(name) for name in names if name.startswith("@")))


def allowed_syscalls(unit: Path = UNIT) -> set[str]:
    """What the unit's SystemCallFilter= lines leave over."""
    allowed: set[str] = set()
    for line in settings("SystemCallFilter", unit):
        groups = {call for group in line.removeprefix("~").split() for call in syscalls(group)}
        allowed = allowed - groups if line.startswith("~") else allowed | groups
    return allowed


def confine(allowed: set[str]) -> None:
    """Do to this process what systemd does for SystemCallFilter= and MemoryDenyWriteExecute=."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    def number(name: str) -> int:
        return int(seccomp.seccomp_syscall_resolve_name(name.encode()))

    # As systemd without PR_SET_MDWE: no memory that is writable and executable, none made so.
    memory = ctypes.c_void_p(seccomp.seccomp_init(ALLOW))
    for name, bits in (("mmap", 6), ("mprotect", 4), ("pkey_mprotect", 4)):
        rule = Comparison(2, MASKED_EQUAL, bits, bits)
        seccomp.seccomp_rule_add_array(memory, EPERM, number(name), 1, ctypes.byref(rule))
    calls = ctypes.c_void_p(seccomp.seccomp_init(EPERM))
    for name in sorted(allowed):
        seccomp.seccomp_rule_add_array(calls, ALLOW, number(name), 0, None)
    for context in (memory, calls):
        if seccomp.seccomp_load(context) != 0:
            raise OSError("the kernel takes no seccomp filter")


def in_the_sandbox(function: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call a function of this module in a process of its own, which may confine itself."""
    if ctypes.util.find_library("seccomp") is None:
        pytest.skip("needs libseccomp")
    code = f"import sys; from {MODULE} import {function}; {function}(*sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )


def ask_for_the_clock(*allowed: str) -> None:
    """Tell what the kernel says of its clock, and whether it may be set (to what it is)."""
    from drivers.clock import asked_clock_state

    confine(set(allowed))
    try:
        time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))
    except PermissionError:
        sys.stdout.write(f"{asked_clock_state()} not set")


@needs_systemd
def test_the_clock_is_asked_by_a_service_that_can_do_nothing_else() -> None:
    """The calls that ask are those that set: the runtime, which has a network, has none of them."""
    state = kernel_clock_state()
    if state is None:
        pytest.skip("the kernel's clock may not be asked for here")
    teller = UNIT.with_name("patrol-edge-clock.service")
    result = in_the_sandbox("ask_for_the_clock", *allowed_syscalls(teller))
    assert result.stdout.split() == [str(state), "not", "set"], result.stderr
    assert settings("ProtectClock", teller) == []  # it would take these calls out again
    assert settings("CapabilityBoundingSet", teller) == [""]
    result = in_the_sandbox("ask_for_the_clock", *allowed_syscalls())
    assert result.stdout.split() == ["None", "not", "set"], result.stderr


def test_the_runtime_reads_what_that_service_writes(tmp_path: Path) -> None:
    (command,) = settings("ExecStart", UNIT.with_name("patrol-edge-clock.service"))
    assert command.endswith(f" -m drivers.clock_teller {TOLD_STATE}")
    assert TOLD_STATE.parent.name == "patrol-edge-clock"
    told = tmp_path / "state"
    if not clock_teller.tell(told):
        pytest.skip("the kernel's clock may not be asked for here")
    assert told_clock_state(told) == asked_clock_state()


@pytest.mark.parametrize(
    "text", ["", "0", "0 x", "x 1", "9 {now}", "0 {old}", "0 {later}", "-1 {now}", "0 {now} 1"]
)
def test_a_state_of_the_clock_that_is_old_or_damaged_does_not_count(
    text: str, tmp_path: Path
) -> None:
    now = time.monotonic()
    told = tmp_path / "state"
    told.write_text(text.format(now=now, old=now - 31, later=now + 60))
    assert told_clock_state(told) is None


def test_a_silent_name_server_holds_nobody_up_for_long() -> None:
    assert '"RES_OPTIONS=timeout:2 attempts:2"' in settings("Environment")


def child(picture: str, video: str, out: str) -> None:
    """Look at a picture and a video under the unit's restrictions."""
    confine(set(Path(out, "allowed").read_text().split()))
    for forbidden in (
        lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
        lambda: os.sched_setaffinity(0, {0}),
    ):
        try:
            forbidden()
        except PermissionError:
            continue
        sys.exit("the sandbox has a hole")
    from config.devices import FileCameraConfig
    from drivers.cameras.file import FileCamera
    from drivers.clock import SystemClock
    from edge.cli.main import main

    config = FileCameraConfig(kind="file", path=Path(video), loop=True)
    camera = FileCamera.open("front", config, SystemClock())
    if camera.read() is None:
        sys.exit("no picture from the video")
    camera.close()
    sys.exit(main(["detect", picture, "--coco", str(Path(out, "coco.json"))]))


def guarded(folder: str) -> None:
    """Keys, certificates, TLS, the queue and the control socket under the unit's restrictions."""
    place = Path(folder)
    confine(set((place / "allowed").read_text().split()))
    from config.certificates import key_fits, read_certificate
    from drivers.clock import SystemClock
    from edge.local.unix_socket import listening
    from edge.running import core_dumps
    from telemetry.commands.jws import PrivateKey, sign, verify
    from telemetry.contract.envelope import Sender
    from telemetry.link.security import tls_context
    from telemetry.link.transport import LinkOptions
    from telemetry.outbox.outbox import Outbox
    from tests.unit_under_test import position

    core_dumps.forbid()
    cert, key = place / "unit.crt", place / "unit.key"
    fits = key_fits(read_certificate(cert), key)
    options = LinkOptions(host="h", port=1, client_id="x", tls=True, ca=cert, cert=cert, key=key)
    tls_context(options)
    signer = PrivateKey.new()
    verify(sign({"id": "1"}, signer).encode(), lambda _kid: signer.public)
    outbox = Outbox(place / "outbox.db", Sender(unit="x", boot_id="b"), SystemClock(), 2**24)
    receipt = outbox.put(position(), durable=True)
    while not receipt.stored:
        outbox.work(0.2)
    fault = outbox.stats().fault
    outbox.close()
    with listening(place / "control.sock", 1):
        sys.stdout.write(f"{fits} {fault}")


@needs_systemd
def test_keys_queue_and_control_work_under_the_units_restrictions(tmp_path: Path) -> None:
    cert, key = pair("x")
    for name, content in (("unit.crt", cert), ("unit.key", key)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "allowed").write_text("\n".join(sorted(allowed_syscalls())))
    result = in_the_sandbox("guarded", str(tmp_path))
    assert (result.returncode, result.stdout) == (0, "True None"), result.stderr[-2000:]


def test_a_crash_writes_no_memory_to_the_disk(tmp_path: Path) -> None:
    """Whatever limit it inherits; other programs of the same user may not look either."""
    code = (
        "import os, resource; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)\n"
        "from edge.running import core_dumps; core_dumps.forbid()\n"
        f"os.chdir({str(tmp_path)!r}); os.abort()"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    assert result.returncode == -6
    assert list(tmp_path.iterdir()) == []
    assert settings("LimitCORE") == ["0"]


def test_credentials_are_handed_over_under_the_names_that_the_unit_file_uses() -> None:
    lines = settings("LoadCredential")
    assert [line.split(":") for line in lines] == [
        [name, f"patrol-edge.{name}"] for name in secrets.SHIPPED_CREDENTIALS
    ]
    assert str(secrets.SERVICE_CREDENTIALS) == f"/run/credentials/{UNIT.name}"


@needs_systemd
def test_camera_and_detector_work_under_the_units_restrictions(tmp_path: Path) -> None:
    picture, video = tmp_path / "1.jpg", tmp_path / "clip.avi"
    image = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)
    cv2.imwrite(str(picture), image)
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(5):
        writer.write(image)
    writer.release()
    (tmp_path / "allowed").write_text("\n".join(sorted(allowed_syscalls())))

    result = in_the_sandbox("child", str(picture), str(video), str(tmp_path))
    assert result.returncode == 0, result.stderr[-2000:]
    assert (tmp_path / "coco.json").exists()
