"""From an empty Debian to a unit at work: kit, provision, start, flash, doctor, as one script.

    python -m tests.empty_machine [FOLDER]      as root; needs what tests/clean_root.py needs

There is no network but a loopback of its own, on which hub, broker, a receiver and a camera run
from this checkout. systemd cannot run there: its files are checked by `systemd-analyze verify`, and
the service is started by its own ExecStart lines, as its user, with a socket that hears what it
tells systemd.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.access import Authority, shipped_broker
from tests.clean_root import PATH, CleanRoot
from tests.debs import ROOT, kit

CLI = (sys.executable, "-m", "edge.cli.start")
UNIT = "car-1"
MISSING = "module_not_configured"  # no receiver, no camera: those come with the flash
SERVICE = "usr/lib/systemd/system/patrol-edge.service"
CONFIG = """\
gnss:
  main: {kind: tcp, host: 127.0.0.1, port: 10110}
cameras:
  front: {kind: stream, url: "http://127.0.0.1:8090/video"}
flash: {trial_s: 30}
"""


class Machine:
    """The root, entered by chroot from the name spaces that this process is in."""

    def __init__(self, root: CleanRoot) -> None:
        self.folder = root.folder
        self.begun_s = self.step_s = time.monotonic()
        self.times: list[tuple[str, float]] = []

    def does(self, *words: str, ends_with: int = 0, timeout: float = 300) -> str:
        """Run it as root in there. Returns what it printed; raises AssertionError."""
        result = subprocess.run(
            ["chroot", self.folder, *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        )
        said = result.stdout + result.stderr
        assert result.returncode == ends_with, f"{shlex.join(words)}: {result.returncode}\n{said}"
        return said

    def done(self, what: str) -> None:
        now_s = time.monotonic()
        self.times.append((what, now_s - self.step_s))
        print(f"{now_s - self.step_s:6.1f} s  {what}", flush=True)  # noqa: T201
        self.step_s = now_s


def settings(service: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", service, re.MULTILINE)


class Started:
    """The service, as systemd would start it, and what it says to systemd."""

    def __init__(self, machine: Machine) -> None:
        service = (machine.folder / SERVICE).read_text()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(machine.folder / "run/notify"))
        (machine.folder / "run/notify").chmod(0o666)
        for line in settings(service, "ExecStartPre"):
            assert line.startswith("-+"), "as root, and no failure of the start"
            machine.does(*line.removeprefix("-+").split())
        (line,) = settings(service, "ExecStart")
        self.said: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        self.log = machine.folder / "var/log/patrol-edge.log"
        groups = ",".join(settings(service, "SupplementaryGroups")[0].split())
        user = f"--userspec={settings(service, 'User')[0]}:{settings(service, 'Group')[0]}"
        runtime = machine.folder / "run/patrol-edge"
        machine.does(
            "install",
            "-d",
            "-o",
            "patrol-edge",
            "-g",
            "patrol-edge",
            "-m",
            "710",
            "/run/patrol-edge",
        )
        assert runtime.is_dir()
        environ = {"PATH": PATH, "NOTIFY_SOCKET": "/run/notify", "LANG": "C.UTF-8"}
        environ |= {
            "STATE_DIRECTORY": "/var/lib/patrol-edge",
            "RUNTIME_DIRECTORY": "/run/patrol-edge",
        }
        for entry in settings(service, "Environment"):
            key, _, value = entry.strip('"').partition("=")
            environ[key] = value
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                ["chroot", user, f"--groups={groups}", machine.folder, *line.split()],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environ, umask=0o077,
            )  # fmt: skip

    def _listen(self) -> None:
        """All the time: whoever tells systemd something waits while nobody reads it."""
        while True:
            self.said.append(self._socket.recv(65536).decode())

    def hears(self, word: str, within_s: float) -> None:
        """Wait for a word to systemd. Raises AssertionError with the end of the log."""
        ends_s = time.monotonic() + within_s
        while not any(word in said for said in self.said):
            assert time.monotonic() < ends_s, f"it never said {word}: {self.tail()}"
            time.sleep(0.1)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-1500:]

    def stop(self) -> int:
        """As systemd stops it."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(10)


@contextmanager
def beside(*words: str, log: Path) -> Iterator[None]:
    """A program of this checkout that runs meanwhile."""
    with log.open("wb") as out:
        process = subprocess.Popen([*CLI, *words], stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def cli(*words: str) -> str:
    result = subprocess.run(
        [*CLI, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, f"{words}: {result.stdout}{result.stderr}"
    return result.stdout


def mount(root: Path) -> None:
    """What a running system has there; in this process's own mount name space."""
    for words in (
        ("-t", "proc", "proc", root / "proc"),
        ("-t", "tmpfs", "-o", "mode=755", "tmpfs", root / "run"),
        ("--rbind", "/dev", root / "dev"),
        ("-t", "sysfs", "-o", "ro", "sysfs", root / "sys"),
    ):
        subprocess.run(["mount", *words], check=True)


def inside(root: CleanRoot, office: Path) -> Machine:
    """All of it, in name spaces of its own. Raises AssertionError where a step fails."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    mount(root.folder)
    with ExitStack() as stack:
        # Before the clock runs: it is not the unit.
        run_office(stack, office, root.folder / "media")
        machine = Machine(root)
        machine.does("sh", "/media/kit/install.sh", timeout=600)
        machine.done("installed from the kit")
        words = ("patrol-edge", "provision", "--answers", "/media/answers.yaml")
        assert UNIT in machine.does(*words)
        assert (root.folder / "etc/patrol-edge/unit.yaml").exists()
        machine.done("provisioned: keys made there, certificate enrolled")
        check_units(machine)
        machine.done("systemd finds nothing wrong in the units")
        started = Started(machine)
        stack.callback(started.kill)
        at_work(machine, started, office)
    return machine


def at_work(machine: Machine, started: Started, office: Path) -> None:
    started.hears("READY=1", 60)
    machine.done("the service says READY=1 after its own ExecStart lines")
    missing = doctor_lines(machine)[1]
    lacks = {line["code"] for line in missing if line["state"] in ("fault", "warning")}
    assert MISSING in lacks, f"control: nothing is missing before a flash, {lacks}"
    machine.done("the doctor says what is missing")
    machine.does("patrol-edge", "flash", "/media/car.peb", "--yes", timeout=150)
    machine.done("flashed, on trial, kept")
    machine.done(f"doctor: {doctor(machine)}")
    heard(office / "hub.jsonl")
    machine.done("the hub has positions of it, with a fix")
    assert started.stop() == 0, started.tail()
    started.hears("STOPPING=1", 5)
    machine.done("stopped, with a goodbye")


def run_office(stack: ExitStack, office: Path, media: Path) -> None:
    """What the hub's people have; what the technician is given lies on the stick then."""
    authority = Authority(office / "ca", "hub", "observer")
    broker = stack.enter_context(shipped_broker("patrol-edge", authority))
    for name in ("hub-1", "signing", "root-1", "root-2"):
        cli("keys", "new", name, "--out", str(office / f"{name}.key"))
    rights = {"signing": "config,overlay,zones", "root-1": "trust", "root-2": "trust"}
    keys = [word for name in rights for word in ("--key", f"{office}/{name}.pub={rights[name]}")]
    cli("trust", "init", *keys, "-o", str(media / "trust.json"))
    shutil.copy(office / "hub-1.pub", media)
    token = json.loads(cli("ca", "token", str(authority.folder), UNIT, "--json"))["token"]
    answers = media / "answers.yaml"
    answers.write_text(
        f"unit_id: {UNIT}\nprofile: patrol_car\nlabel: Car 1\nzone: Asia/Shanghai\n"
        f"hub: mqtts://localhost:{broker.port}\nenrol: https://localhost:8443\n"
        f"ca_sha256: {authority.desk.fingerprint}\ntoken: {token}\n"
        "trust: trust.json\ncommander: hub-1.pub\n"
    )
    answers.chmod(0o600)
    (office / "unit.yaml").write_text(CONFIG)
    cli(
        "bundle", "build", "--kind", "config", "--name", "car", "--serial", "1", "--for-unit", UNIT,
        "--sign", str(office / "signing.key"), "-o", str(media / "car.peb"),
        str(office / "unit.yaml"),
    )  # fmt: skip
    cert, key = authority.files("hub")
    hub = (
        "hub",
        "--json",
        "--broker",
        f"mqtts://localhost:{broker.port}",
        "--ca",
        str(authority.ca),
    )
    programs: dict[str, tuple[str, ...]] = {
        "est.log": (
            "ca",
            "serve",
            str(authority.folder),
            "--host",
            "localhost",
            "--listen",
            "127.0.0.1",
        ),
        "gnss.log": ("gnss", "simulate", "--tcp", "10110", "--loop"),
        "camera.log": ("simulate", "camera", "--port", "8090", "--fps", "10"),
        "hub.jsonl": (*hub, "--cert", str(cert), "--cert-key", str(key)),
    }
    for name, words in programs.items():
        stack.enter_context(beside(*words, log=office / name))
    for port in (8443, 10110, 8090):
        answered(port)


def answered(port: int, within_s: float = 60) -> None:
    ends_s = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < ends_s, f"nobody answers on port {port}"
            time.sleep(0.2)
        else:
            return


def check_units(machine: Machine) -> None:
    units = sorted((machine.folder / SERVICE).parent.glob("patrol-edge*"))
    assert len(units) >= 4
    said = machine.does(
        "systemd-analyze",
        "verify",
        "--man=no",
        *(f"/{unit.relative_to(machine.folder)}" for unit in units),
    )
    assert said == "", said


def doctor_lines(machine: Machine) -> tuple[int, list[dict[str, str]]]:
    """Its exit code and its lines."""
    result = subprocess.run(
        ["chroot", machine.folder, "patrol-edge", "doctor", "--json"],
        capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert result.stdout, result.stderr
    lines: list[dict[str, str]] = json.loads(result.stdout)["lines"]
    return result.returncode, lines


def doctor(machine: Machine) -> str:
    """No fault; warnings are told. A machine with nothing but a loopback has no time server."""
    ends_s = time.monotonic() + 60
    while True:
        code, lines = doctor_lines(machine)
        bad = [line for line in lines if line["state"] == "fault"]
        if code == 0 and not bad:
            break
        assert time.monotonic() < ends_s, f"the doctor is not content: {bad}"
        time.sleep(2)
    warned = sorted({line["code"] for line in lines if line["state"] == "warning"})
    wrong = {MISSING, "serials_doubtful"} & set(warned)
    assert not wrong, f"after a first flash that went well: {wrong}"
    well = sum(line["state"] == "ok" for line in lines)
    return f"{well} OK, 0 faults, {len(warned)} warnings {warned}"


def heard(file: Path) -> None:
    ends_s = time.monotonic() + 60
    while not any('"position"' in line and UNIT in line for line in file.read_text().splitlines()):
        assert time.monotonic() < ends_s, f"no position at the hub: {file.read_text()[-500:]}"
        time.sleep(0.5)


def enter(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Make the root with the kit in it, then all else in name spaces of its own."""
    root = CleanRoot.make(folder / "root")
    (root.folder / "media").mkdir(exist_ok=True)
    shutil.copytree(kit(), root.folder / "media/kit")
    command = ["unshare", "-m", "-p", "-f", "-n", "--mount-proc", "--kill-child"]
    return subprocess.run(
        [*command, sys.executable, "-m", "tests.empty_machine", "--inside", str(folder)],
        text=True, capture_output=True, check=False, timeout=900,
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def main(words: list[str]) -> int:
    if words[:1] == ["--inside"]:
        folder = Path(words[1])
        office = folder / "office"
        office.mkdir()
        machine = inside(CleanRoot(folder / "root"), office)
        total_s = time.monotonic() - machine.begun_s
        print(f"{total_s:6.1f} s  from an empty machine to a unit at work", flush=True)  # noqa: T201
        return 0
    folder = Path(words[0]) if words else Path(tempfile.mkdtemp(prefix="patrol-edge-empty-"))
    result = enter(folder)
    print(result.stdout + result.stderr[-3000:])  # noqa: T201
    return result.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
