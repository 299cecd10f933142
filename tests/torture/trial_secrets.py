"""S-SECRET-1: a unit with planted secrets is led through its errors; then they are searched for."""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from config.models import LoggingConfig
from config.secrets import read_line
from edge.running import log
from telemetry.commands.keyring import KeyringFile, write_keyring
from telemetry.commands.keys import KeyEntry, new_private_key, read_private_key
from tests.access import LACKING, Authority, shipped_broker
from tests.broker import Broker, free_port
from tests.broker_attacks import DESK
from tests.raw_mqtt import RawClient
from tests.torture.secret_hunt import Hunt, allow_core_dumps, controls, files_in
from tests.torture.trials import NotRun, Stage, held, trial

CLI = (sys.executable, "-m", "edge.cli.main")
UNIT = "dog-1"
WAIT_S = 40.0
LOOKS = "broker,cameras,config,keys,permissions,service,slots"


@trial("S-SECRET-1", "no secret leaves by logs, disk, environment, arguments, messages or a crash")
def no_secret_gets_out(stage: Stage) -> str:
    if LACKING:
        raise NotRun(LACKING)
    hunt = Hunt(stage.folder / "out")
    hunt.folder.mkdir()
    keys = stage.folder / "keys"
    authority = Authority(keys, UNIT, "hub", DESK, "observer")
    units = plan(hunt, authority, stage.folder)
    runs = sum(led_through(hunt, unit, authority) for unit in units)
    texts = commands(hunt, units[0].file)
    texts += enrolled(hunt, stage.folder / "enrolled")
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
    security = command_keys(hunt, keys)
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
            "security": security,
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
        unit("in-a-url", "password_file", {"url": f"mqtts://u:{wrong}@127.0.0.1"}),
        unit("in-the-file", "is not known here", {"password": wrong}),
        unit("in-the-environment", "read the environment", {},
             environ={"PATROL_EDGE__HUB__PASSWORD_FILE": leak}),
    ]  # fmt: skip


def command_keys(hunt: Hunt, keys: Path) -> dict[str, str]:
    """The unit's key for its journal, and the hub's for commands, which the unit knows."""
    for name in ("device", "signing"):
        pem = new_private_key(keys / f"{name}.key").pem
        seed = load_pem_private_key(pem, password=None).private_bytes_raw()  # type: ignore[union-attr]
        hunt.plant(f"{name} key", base64.urlsafe_b64encode(seed).rstrip(b"=").decode())
        hunt.plant(f"{name} key in PEM", (keys / f"{name}.key").read_text().splitlines()[1])
    public = read_private_key(keys / "signing.key").public
    entry = KeyEntry(kid=public.kid, public=public.text, issuer="hub", roles=("commander",))
    write_keyring(keys / "keyring.json", KeyringFile().put(entry))
    names = {"device_key": "device.key", "keyring": "keyring.json"}
    return {name: str(keys / file) for name, file in names.items()}


def commanded(hunt: Hunt, broker: Broker, authority: Authority) -> None:
    """A true command, by the command line, and what it says."""
    cert, key = authority.files(DESK)
    words = ["hub", "send", UNIT, "ping", "--broker", f"mqtts://127.0.0.1:{broker.port}"]
    words += ["--ca", str(authority.ca), "--cert", str(cert), "--cert-key", str(key)]
    words += ["--key", str(authority.folder / "signing.key"), "--wait", "--json"]
    result = subprocess.run(
        [*CLI, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
        env=clean_environment(),
    )
    said = result.stdout.decode(errors="replace")
    held(result.returncode == 0, f"a true command was not obeyed: {said[-300:]}")
    hunt.let_out["hub send"] = result.stdout


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
        held(process.poll() is None, f"{unit.name} ended by itself: {log_of(hunt, unit)[-300:]}")
        for leaf in ("command", "ack"):
            listener.publish(f"patrol/v1/{UNIT}/{leaf}", b'{"ids":[' + b"[" * 500)
        if unit.name == "well":
            commanded(hunt, broker, authority)
        settle(hunt, unit, listener, unit.name == "well")
        process.send_signal(signal.SIGSEGV if unit.name == "well" else signal.SIGTERM)
        process.wait(WAIT_S)
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
    archive = hunt.folder / "diagnostics.tar.gz"
    doctor = ("doctor", "--config", str(file), "--json", "--only", LOOKS)
    page = str(hunt.folder / "doctor.html")
    words.append((*doctor, "--html", page, "--collect", str(archive)))
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
    with tarfile.open(archive) as packed:  # as it is read at home
        packed.extractall(hunt.folder / "diagnostics", filter="data")
    return len(words)


def enrolled(hunt: Hunt, folder: Path) -> int:
    """Certificates and flashing: what those commands say, right and wrong, and show to `ps`."""
    folder.mkdir()
    units, port = folder / "ca", free_port()
    ca = ("ca", "init", str(units))
    _said(hunt, *ca)
    hunt.plant("key of the authority", _inner(units / "ca.key"))
    answer = _said(hunt, "ca", "token", str(units), UNIT, "--json", keep=False)
    token = hunt.plant("token", json.loads(answer)["token"])
    hunt.plant("token without its dashes", token.replace("-", ""))
    spent = secret_file(folder, "token", token)
    home = ("--config", str(folder / "etc/unit.yaml"), "--state-dir", str(folder / "state"))
    serve = (
        "ca",
        "serve",
        str(units),
        "--host",
        "localhost",
        "--listen",
        "127.0.0.1",
        "--port",
        str(port),
    )
    server = subprocess.Popen(
        [*CLI, *serve], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment()
    )
    try:
        ends = time.monotonic() + WAIT_S
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            held(time.monotonic() < ends and server.poll() is None, "no enrolment server")
            time.sleep(0.1)
        url = ("--enrol", f"https://localhost:{port}", "--token-file", spent)
        words = (
            "provision",
            "--unit-id",
            UNIT,
            "--profile",
            "drone",
            "--hub",
            "h.example",
            "--json",
        )
        _said(hunt, *words, *url, "--ca", str(units / "ca.crt"), *home)
        _said(hunt, *words, *url, "--ca", str(units / "ca.crt"), *home)  # it is one
        hunt.let_out["ca serve: arguments"] = Path(f"/proc/{server.pid}/cmdline").read_bytes()
    finally:
        server.terminate()
        hunt.let_out["ca serve"] = server.communicate(timeout=WAIT_S)[0]
    key = folder / "etc" / "unit.key"
    held(key.exists(), "the unit was not enrolled")
    hunt.plant("key made on the unit", _inner(key))
    bundle = folder / "none.peb"
    bundle.write_bytes(b"no bundle")
    more = (
        ("flash", str(bundle), "--json", *home), ("slots", "list", "--json", *home),
        ("slots", "rollback", *home), ("trust", "show", *home),
        ("provision", "card", "--out", str(hunt.folder / "card.html"), *home),
        ("doctor", "--only", "config,keys,permissions,slots", *home),
        ("factory-reset", "--yes", "--unit-id", UNIT, *home),
    )  # fmt: skip
    for each in more:
        _said(hunt, *each)
    return len(more) + 5


def _inner(pem: Path) -> str:
    return pem.read_text().splitlines()[1]


def _said(hunt: Hunt, *words: str, keep: bool = True) -> bytes:
    result = subprocess.run(
        [*CLI, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
        env=clean_environment(),
    )
    held(result.returncode in (0, 1, 2), f"{words} ended with {result.returncode}")
    if keep:
        hunt.let_out[f"command {len(hunt.let_out)}: {words[0]} {words[1]}"] = result.stdout
    return result.stdout


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
