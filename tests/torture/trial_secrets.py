"""S-SECRET-1: a unit with planted secrets is led through its errors; then they are searched for."""

import base64
import io
import json
import os
import resource
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
import yaml

from config.models import LoggingConfig
from config.secrets import read_line
from edge import log
from tests.access import LACKING, Authority, shipped_broker
from tests.broker import Broker, free_port
from tests.raw_mqtt import RawClient
from tests.torture.trials import NotRun, Stage, held, trial

CLI = (sys.executable, "-m", "edge.cli.main")
UNIT = "dog-1"
WAIT_S = 40.0


@dataclass(slots=True)
class Hunt:
    """What is looked for, and everything that was let out so far."""

    folder: Path
    words: dict[str, str] = field(default_factory=dict)  # by what they are
    let_out: dict[str, bytes] = field(default_factory=dict)  # by where it was seen

    def plant(self, what: str, text: str | None = None) -> str:
        self.words[what] = text or secrets.token_hex(12)
        return self.words[what]

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Each secret as it is, and as programs write such things."""
        for what, word in self.words.items():
            raw = word.encode()
            for form in (
                raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode(), quote(word).encode(),
                raw.decode().encode("utf-16-le"),
            ):  # fmt: skip
                yield what, form

    def hits(self, places: dict[str, bytes]) -> list[str]:
        return [
            f"{what} in {place}"
            for what, form in self.forms()
            for place, content in places.items()
            if form in content
        ]


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@trial("S-SECRET-1", "no secret leaves by logs, disk, environment, arguments, messages or a crash")
def no_secret_gets_out(stage: Stage) -> str:
    if LACKING:
        raise NotRun(LACKING)
    hunt = Hunt(stage.folder / "out")
    hunt.folder.mkdir()
    keys = stage.folder / "keys"
    authority = Authority(keys, UNIT, "hub", "observer")
    units = plan(hunt, authority, stage.folder)
    runs = sum(led_through(hunt, unit, authority) for unit in units)
    texts = commands(hunt, units[0].file)
    tracebacks(hunt, keys)
    places = hunt.let_out | files_in(hunt.folder)
    found = hunt.hits(places)
    held(not found, f"{len(found)} secrets got out: {sorted(set(found))[:6]}")
    control = controls(hunt, stage.folder)
    size_kib = sum(map(len, places.values())) // 1024
    return (
        f"{len(hunt.words)} secrets, {runs} runs and {texts} commands, {len(places)} places with "
        f"{size_kib} KiB searched in 5 spellings, 0 hits; control: {control}"
    )


# --- the units ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """One unit with one thing wrong."""

    name: str
    file: Path
    until: str  # in its log: now it has gone through its error
    tls_broker: bool = True
    environ: dict[str, str] = field(default_factory=dict)
    code: int | None = None  # the exit code; None: it runs until it is ended


def secret_file(folder: Path, name: str, content: str, mode: int = 0o600) -> str:
    path = folder / name
    path.write_text(content + "\n")
    path.chmod(mode)
    return str(path)


def plan(hunt: Hunt, authority: Authority, folder: Path) -> list[Plan]:
    keys = authority.folder
    for file in (f"{UNIT}.key", "hub.key"):
        lines = (keys / file).read_text().splitlines()
        hunt.plant(f"{file}, its middle line", lines[2])
    password = secret_file(keys, "password", hunt.plant("password"))
    open_one = secret_file(keys, "open", hunt.plant("password that others can read"), 0o644)
    two_lines = secret_file(keys, "two", f"{hunt.plant('password of two lines')}\nand more")
    login = f"admin:{hunt.plant('camera password')}"
    camera = {
        "kind": "stream", "url": f"http://127.0.0.1:{free_port()}/x", "open_timeout_s": 1,
        "credentials_file": secret_file(keys, "login", login),
    }  # fmt: skip
    tls = {name: str(keys / f"{UNIT}.{end}") for name, end in (("cert", "crt"), ("key", "key"))}
    right = {"ca": str(authority.ca), **tls}
    by_password = {"username": UNIT, "password_file": password}

    def unit(name: str, until: str, hub: dict[str, Any], **more: Any) -> Plan:
        state = hunt.folder / name / "state"
        state.mkdir(parents=True)
        content = {
            "unit": {"id": UNIT, "kind": "drone"}, "hub": {"url": "mqtts://127.0.0.1:1"} | hub,
            "cameras": {"front": camera}, "perception": {"enabled": False},
            "health": {"every_s": 1}, "logging": {"level": "debug"}, "state_dir": str(state),
        }  # fmt: skip
        file = folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(content))
        return Plan(name=name, file=file, until=until, **more)

    leak = hunt.plant("secret in the environment")
    wrong = hunt.plant("password in a URL")
    return [
        unit("well", "link_up", {"tls": right} | by_password),
        unit("wrong-password", "refuses the unit", by_password, tls_broker=False),
        unit("wrong-authority", "not trusted", {"tls": right | {"ca": str(keys / f"{UNIT}.crt")}}),
        unit("open-file", "chmod 600", {"username": UNIT, "password_file": open_one}),
        unit("two-lines", "must be one line", {"username": UNIT, "password_file": two_lines}),
        unit("no-credential", "LoadCredential", {"tls": right | {"key": "credential:unit.key"}}),
        unit("key-for-cert", "no certificate", {"tls": right | {"cert": str(keys / "hub.key")}}),
        unit("in-a-url", "password_file", {"url": f"mqtts://u:{wrong}@127.0.0.1"}, code=2),
        unit("in-the-file", "is not known here", {"password": wrong}, code=2),
        unit("in-the-environment", "read the environment", {}, code=2,
             environ={"PATROL_EDGE__HUB__PASSWORD_FILE": leak}),
    ]  # fmt: skip


def led_through(hunt: Hunt, unit: Plan, authority: Authority) -> int:
    """One run, until its error is in the log; everything that could be seen meanwhile is kept."""
    with ExitStack() as stack:
        broker = stack.enter_context(some_broker(hunt, unit, authority))
        settings = yaml.safe_load(unit.file.read_text())
        if "@" not in settings["hub"]["url"]:
            scheme = "mqtts" if unit.tls_broker else "mqtt"
            settings["hub"]["url"] = f"{scheme}://127.0.0.1:{broker.port}"
            unit.file.write_text(yaml.safe_dump(settings))
        listener = some_listener(broker, unit, authority)
        process = started(hunt, unit)
        stack.callback(process.kill)
        seen_while_running(hunt, unit, process, lambda: says(hunt, unit))
        if unit.code is None:
            for leaf in ("command", "ack"):
                listener.publish(f"patrol/v1/{UNIT}/{leaf}", b'{"ids":[' + b"[" * 500)
            settle(hunt, unit, listener, unit.name == "well")
            process.send_signal(signal.SIGSEGV if unit.name == "well" else signal.SIGTERM)
        code = process.wait(WAIT_S)
        held(
            unit.code in (None, code), f"{unit.name} ended with {code}: {log_of(hunt, unit)[-300:]}"
        )
        listener.drop()
        hunt.let_out[f"{unit.name}: log of the broker"] = broker.log.encode()
    return 1


def settle(hunt: Hunt, unit: Plan, listener: RawClient, reaches_broker: bool) -> None:
    """What the unit says at the broker, its health report included."""
    ends = time.monotonic() + WAIT_S
    topic = f"patrol/v1/{UNIT}/health"
    while reaches_broker and not any(each.topic == topic for each in listener.heard):
        held(time.monotonic() < ends, "no health report came to the broker")
        listener.settle()
        time.sleep(0.05)
    hunt.let_out[f"{unit.name}: at the broker"] = b"\n".join(
        each.topic.encode() + b" " + each.payload for each in listener.heard
    )


@contextmanager
def some_broker(hunt: Hunt, unit: Plan, authority: Authority) -> Iterator[Broker]:
    if unit.tls_broker:
        with shipped_broker("patrol-edge", authority) as broker:
            yield broker
        return
    passwords = authority.folder / "passwords"
    passwords.touch()
    command = ["mosquitto_passwd", "-b", str(passwords), UNIT, "another"]
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run([*command[:3], "observer", "x"], check=True, capture_output=True)
    with Broker(
        ["allow_anonymous false", f"password_file {passwords}"], kind="mosquitto"
    ) as broker:
        yield broker


def some_listener(broker: Broker, unit: Plan, authority: Authority) -> RawClient:
    context = authority.context("observer") if unit.tls_broker else None
    listener = RawClient(broker.port, context, "observer")
    if listener.accepted:
        listener.subscribe("#")
    return listener


def started(hunt: Hunt, unit: Plan) -> "subprocess.Popen[bytes]":
    place = hunt.folder / unit.name
    with (place / "log").open("wb") as out:
        return subprocess.Popen(
            [*CLI, "run", "--config", str(unit.file)],
            stdout=out,
            stderr=out,
            cwd=place,
            env=clean_environment() | unit.environ,
            preexec_fn=allow_core_dumps,
        )


def clean_environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def allow_core_dumps() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def log_of(hunt: Hunt, unit: Plan) -> str:
    return (hunt.folder / unit.name / "log").read_text(errors="replace")


def says(hunt: Hunt, unit: Plan) -> bool:
    return unit.until in log_of(hunt, unit)


def seen_while_running(
    hunt: Hunt, unit: Plan, process: "subprocess.Popen[bytes]", done: Callable[[], bool]
) -> None:
    """Its environment and its arguments, which other programs can read, until `done`."""
    ends = time.monotonic() + WAIT_S
    while not done():
        held(
            time.monotonic() < ends, f"{unit.name} never said {unit.until!r}: {log_of(hunt, unit)}"
        )
        for name in ("environ", "cmdline", "status", "maps"):
            try:
                content = Path(f"/proc/{process.pid}/{name}").read_bytes()
            except OSError:
                continue
            if name != "environ" or not unit.environ:  # there we planted it ourselves
                hunt.let_out[f"{unit.name}: /proc/PID/{name}"] = content
        time.sleep(0.05)


# --- commands and tracebacks -------------------------------------------------------------------


def commands(hunt: Hunt, file: Path) -> int:
    """What people run on a unit file, right and wrong, for eyes and for machines."""
    wrong = file.with_name("wrong.yaml")
    leak = hunt.words["password in a URL"]
    wrong.write_text(
        f"unit: {{id: dog-1, kind: drone}}\nhub: {{url: 'mqtt://u:{leak}@h', password: {leak}}}\n"
        f"cameras: {{c: {{kind: stream, url: 'rtsp://u:{leak}@c/?pwd={leak}'}}}}\n"
    )
    words: list[tuple[str, ...]] = [
        ("config", verb, str(each), *more)
        for verb in ("check", "show")
        for each in (file, wrong)
        for more in ((), ("--json",))
    ]
    password = str(file.with_name("keys") / "password")
    hub = ("hub", "--duration", "2", "--username", "hub", "--password-file", password)
    words.append((*hub, "--broker", f"mqtt://127.0.0.1:{free_port()}"))
    words.append((*hub, "--broker", f"mqtt://hub:{leak}@127.0.0.1"))
    for number, each in enumerate(words):
        result = subprocess.run(
            [*CLI, *each],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
            env=clean_environment(),
        )
        held(result.returncode in (0, 1, 2), f"{each} ended with {result.returncode}")
        hunt.let_out[f"command {number}: {each[0]} {each[1]}"] = result.stdout
    return len(words)


def tracebacks(hunt: Hunt, keys: Path) -> None:
    """A crash while a secret is in a local variable, in both formats of the log."""
    for style in ("json", "console"):
        out = io.StringIO()
        structlog.reset_defaults()
        log.set_up(LoggingConfig(level="debug", format=style), out)  # type: ignore[arg-type]
        try:
            secret = read_line(keys / "password", "the password")
            json.loads(secret[:0])
        except ValueError:
            structlog.get_logger().exception("worker_crashed")
        structlog.reset_defaults()
        held("Traceback" in out.getvalue() or "JSONDecodeError" in out.getvalue(), "no traceback")
        hunt.let_out[f"traceback as {style}"] = out.getvalue().encode()


# --- controls ----------------------------------------------------------------------------------


def controls(hunt: Hunt, folder: Path) -> str:
    """That the search finds what is there, and that a core dump would have been."""
    leaks = list(hunt.forms())
    blind = [what for what, form in leaks if not hunt.hits({"x": b"..." + form + b"..."})]
    held(not blind, f"the search does not see: {blind}")
    planted = folder / "planted"
    planted.mkdir()
    (planted / "outbox.db").write_bytes(os.urandom(4096) + hunt.words["password"].encode())
    held(hunt.hits(files_in(planted)), "the search does not see a file with a password")
    return f"{len(leaks)} of {len(leaks)} seen when planted, {core_dump(hunt, folder)}"


def core_dump(hunt: Hunt, folder: Path) -> str:
    """A program that reads the same file and does not forbid dumps, killed the same way."""
    place = folder / "dump"
    place.mkdir()
    code = (
        "import os, sys; word = open(sys.argv[1]).read(); print('read', flush=True); "
        "os.kill(os.getpid(), 11)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(folder / "keys" / "password")],
        cwd=place,
        check=False,
        capture_output=True,
        preexec_fn=allow_core_dumps,
    )
    if not list(place.iterdir()):
        return "core dumps go elsewhere on this machine"
    held(hunt.hits(files_in(place)), "the core dump of the control holds no password")
    return "a careless program's core dump holds the password"
