"""Flashing over real lines: an SSH server on this computer, and a login on a pseudo-terminal."""

import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.language import Told
from drivers.clock import SystemClock
from edge.flashing.lines.console_line import ConsoleLine
from edge.flashing.lines.sending import LineLostError, Offer, Sender
from edge.flashing.lines.ssh_line import Host, SshLine

DATA = bytes(range(256)) * 200
# What stands for `patrol-edge` at the far end: it takes the file, and flashes nothing.
FAR_END = """
import sys
from pathlib import Path
from drivers.clock import SystemClock
from edge.flashing.lines.own_line import OwnLine, raw_terminal
from edge.flashing.lines.receiving import Receiver

assert sys.argv[1:] == ["flash", "--receive"], sys.argv
with raw_terminal():
    receiver = Receiver(OwnLine(), Path({spool!r}), SystemClock(), "1.0")
    path, _offered = receiver.receive()
    path.rename({result!r})
    receiver.step({{"text": "in use"}})
    receiver.end({{"ok": True}})
"""


@dataclass(frozen=True)
class Far:
    """The far end: a folder with its programs, and where the file arrives."""

    programs: Path
    result: Path

    @property
    def path(self) -> str:
        return f"{self.programs}:{os.environ['PATH']}"

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)


@pytest.fixture
def far(tmp_path: Path) -> Far:
    far = Far(tmp_path / "programs", tmp_path / "arrived.peb")
    far.programs.mkdir()
    stub = tmp_path / "far_end.py"
    stub.write_text(FAR_END.format(spool=str(tmp_path / "spool"), result=str(far.result)))
    root = Path(__file__).parents[2]
    run = f'PYTHONPATH={root} exec {sys.executable} {stub} "$@"'
    far.program("patrol-edge", f"#!/bin/sh\n{run}\n")
    return far


@pytest.fixture
def offer(tmp_path: Path) -> Offer:
    path = tmp_path / "x.peb"
    path.write_bytes(DATA)
    return Offer.of(path, {})


def handed(line: "SshLine | ConsoleLine", offer: Offer) -> tuple[dict[str, object], list[object]]:
    steps: list[object] = []
    end = Sender(line, SystemClock()).hand_over(offer, lambda _a, _b: None, steps.append)
    return end, steps


# --- SSH ---


@pytest.fixture
def ssh_port(far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that lets this user in with a key; `ssh` is led to it."""
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(sshd).exists() or shutil.which("ssh") is None:
        pytest.skip("no SSH server and client are installed")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        key = str(keys / name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    config = tmp_path / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys / 'host'}\nPidFile none\n"
        f"AuthorizedKeysFile {keys / 'user.pub'}\nStrictModes no\nUsePAM no\n"
        f"PasswordAuthentication no\nPermitRootLogin yes\nSetEnv PATH={far.path}\n"
    )
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {(keys / 'host.pub').read_text()}")
    options = f"-F none -i {keys / 'user'} -o UserKnownHostsFile={known} -o BatchMode=yes"
    client = Far(tmp_path / "client", far.result)
    client.programs.mkdir()
    client.program("ssh", f'#!/bin/sh\nexec {shutil.which("ssh")} {options} "$@"\n')
    monkeypatch.setenv("PATH", client.path)
    server = subprocess.Popen([sshd, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        _await(port)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _await(port: int) -> None:
    ends_s = time.monotonic() + 10
    while time.monotonic() < ends_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.skip("the SSH server does not start here")


def test_over_ssh(far: Far, offer: Offer, ssh_port: int) -> None:
    line = SshLine.open(Host("127.0.0.1", ssh_port))
    try:
        end, steps = handed(line, offer)
    finally:
        line.close()
    assert far.result.read_bytes() == DATA
    assert (end, steps) == ({"ok": True}, [{"text": "in use"}])


def test_over_ssh_to_a_computer_without_the_product(far: Far, offer: Offer, ssh_port: int) -> None:
    (far.programs / "patrol-edge").unlink()
    if shutil.which("patrol-edge", path="/usr/bin:/bin"):
        pytest.skip("it is installed on this computer")
    far.program("patrol-edge", "#!/bin/sh\necho sh: patrol-edge: not found >&2; exit 127\n")
    line = SshLine.open(Host("127.0.0.1", ssh_port))
    with pytest.raises(LineLostError, match="not installed there"):
        handed(line, offer)
    line.close()


@pytest.mark.parametrize(
    ("host", "said"),
    [("nobody@127.0.0.1", "does not let this user in"), ("no-such-host.invalid", "of this name")],
)
def test_ssh_that_does_not_get_there_says_why(
    offer: Offer, ssh_port: int, host: str, said: str
) -> None:
    line = SshLine.open(Host(host, ssh_port))
    with pytest.raises(LineLostError, match=said) as raised:
        handed(line, offer)
    line.close()
    assert raised.value.cure


def test_a_closed_port_says_so(offer: Offer, ssh_port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        line = SshLine.open(Host("127.0.0.1", int(taken.getsockname()[1])))
        with pytest.raises(LineLostError, match="takes no SSH"):
            handed(line, offer)
    line.close()


def test_another_units_key_is_not_trusted(offer: Offer, ssh_port: int, tmp_path: Path) -> None:
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{ssh_port} {key.with_suffix('.pub').read_text()}")
    line = SshLine.open(Host("127.0.0.1", ssh_port))
    with pytest.raises(LineLostError, match="SSH key is not the one"):
        handed(line, offer)
    line.close()


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("dog-07", Host("dog-07", None)),
        ("admin@10.0.0.7:2222", Host("admin@10.0.0.7", 2222)),
        ("[fe80::1]:22", Host("fe80::1", 22)),
        ("-oProxyCommand=x", None),
        ("a b", None),
        ("host:port", None),
        ("", None),
    ],
)
def test_what_is_a_host(text: str, host: Host | None) -> None:
    assert Host.read(text) == host


# --- a serial console ---

LOGIN = r"""
printf '\nDebian 12 unit ttyS0\n\nunit login: '; read name
while :; do
  while [ -z "$name" ]; do printf 'unit login: '; read name; done
  stty -echo; printf 'Password: '; read word; stty echo; echo
  [ "$name:$word" = "anna:secret" ] && break
  echo 'Login incorrect'; printf 'unit login: '; read name
done
printf 'Last login: today\n'
PS1='\033[32manna@unit\033[0m:~$ ' exec bash --noprofile --norc -i
"""


class Console:
    """A computer with a login on its serial port, at the other end of a cable."""

    def __init__(self, far: Far, script: str, noise: bytes = b"") -> None:
        self._laptop, slave = pty.openpty()
        self.port = os.ttyname(slave)
        self._slave = slave
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        environ = {"PATH": far.path, "TERM": "vt100", "HOME": "/tmp"}
        self._pid, self._unit = pty.fork()
        if self._pid == 0:
            os.execvpe("sh", ["sh", "-c", script], environ)
        self._noise = noise
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        """The cable; what the kernel writes to a console comes between the rest."""
        noisy_s = time.monotonic()
        while not self._over.is_set():
            ready, _, _ = select.select([self._laptop, self._unit], [], [], 0.05)
            try:
                if self._laptop in ready:
                    os.write(self._unit, os.read(self._laptop, 4096))
                if self._unit in ready:
                    os.write(self._laptop, os.read(self._unit, 4096))
            except OSError:
                return
            if self._noise and time.monotonic() - noisy_s > 0.3:
                noisy_s = time.monotonic()
                os.write(self._laptop, self._noise)

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)
        for handle in (self._laptop, self._unit, self._slave):
            os.close(handle)


def over_console(console: Console, offer: Offer, words: list[str]) -> dict[str, object]:
    asked = iter(words)

    def ask(_question: Told) -> str:
        return next(asked)

    line = ConsoleLine.open(console.port, 115_200, SystemClock())
    try:
        line.start_receiver("anna", ask)
        return handed(line, offer)[0]
    finally:
        line.close()


@pytest.fixture
def as_somebody(far: Far) -> Far:
    """Not root at the far end, so sudo asks for the password."""
    far.program("id", "#!/bin/sh\necho 1000\n")
    far.program(
        "sudo",
        "#!/bin/sh\n"
        'printf "%s" "$3" >&2; read word; echo >&2\n'
        '[ "$word" = secret ] || { echo "sudo: 1 incorrect password attempt" >&2; exit 1; }\n'
        'shift 3; exec "$@"\n',
    )
    return far


def test_over_a_serial_console_with_login_and_sudo(as_somebody: Far, offer: Offer) -> None:
    console = Console(as_somebody, LOGIN)
    try:
        end = over_console(console, offer, ["secret", "secret"])
    finally:
        console.close()
    assert end == {"ok": True}
    assert as_somebody.result.read_bytes() == DATA


def test_the_kernels_messages_on_the_console_do_no_harm(far: Far, offer: Offer) -> None:
    far.program("id", "#!/bin/sh\necho 0\n")
    noise = b"\r\n[  123.456] usb 1-1.2: new full-speed USB device number 7\r\n"
    console = Console(far, LOGIN, noise)
    try:
        end = over_console(console, offer, ["secret"])
    finally:
        console.close()
    assert end == {"ok": True}
    assert far.result.read_bytes() == DATA


def test_a_wrong_password_is_told(far: Far, offer: Offer) -> None:
    console = Console(far, LOGIN)
    try:
        with pytest.raises(LineLostError, match="does not take the password"):
            over_console(console, offer, ["wrong", "wrong", "wrong"])
    finally:
        console.close()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("sleep 30", "nothing comes back"),
        ("while :; do read x; printf '\\nU-Boot 2023.01\\n=> '; done", "in its boot loader"),
        ("while :; do printf 'xxxxx\\n'; sleep 0.3; done", "asks for no login"),
    ],
)
def test_what_is_no_console_is_told(
    far: Far, offer: Offer, script: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.flashing.lines.console_line.LOGIN_S", 2.0)
    console = Console(far, script)
    try:
        with pytest.raises(LineLostError, match=said) as raised:
            over_console(console, offer, [])
    finally:
        console.close()
    assert raised.value.cure
