"""The shipped broker configuration with real certificates, and what a technician is told."""

import gc
import shutil
import socket
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers.clock import SystemClock
from edge.hub import ReferenceHub, hub_options
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.security import password, tls_context
from telemetry.link.transport import LinkOptions, TransportConfigError
from tests.broker import MOSQUITTO, Broker, free_port
from tests.certificates import make_authority, make_certificate
from tests.unit_under_test import UnitUnderTest, position, running, wait_for

SHIPPED = Path(__file__).parents[2] / "systemd" / "mosquitto"
# paho drops the socket of a failed handshake unclosed; the interpreter closes it, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
needs_broker = pytest.mark.skipif(
    MOSQUITTO is None or shutil.which("openssl") is None, reason="needs mosquitto and openssl"
)


@pytest.fixture(autouse=True)
def _collected_here() -> Iterator[None]:
    """So that it is said in this module, where it is expected."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder, "ca")
    make_authority(folder, "stranger")
    for name in ("broker", "hub", "dog-1"):
        make_certificate(folder, name)
    make_certificate(folder, "dog-9", authority="stranger")
    shutil.copy(SHIPPED / "patrol-edge.acl", folder)
    return folder


@pytest.fixture(scope="module")
def broker(certificates: Path) -> Iterator[Broker]:
    text = (SHIPPED / "patrol-edge.conf").read_text()
    text = text.replace("/etc/mosquitto/patrol-edge", str(certificates))
    text = text.replace("/var/lib/mosquitto", str(certificates))
    text = text.replace("listener 8883", "listener {port} 127.0.0.1").replace("syslog", "stderr")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    with Broker(lines) as running_broker:
        yield running_broker


def tls(certificates: Path, name: str, ca: str = "ca") -> dict[str, Any]:
    cert, key = certificates / f"{name}.crt", certificates / f"{name}.key"
    return {"ca": certificates / f"{ca}.crt", "cert": cert, "key": key}


class TlsUnit(UnitUnderTest):
    def __init__(self, folder: Path, broker: Broker, files: dict[str, Any], unit: str) -> None:
        url = f"mqtts://127.0.0.1:{broker.port}"
        super().__init__(folder, broker.port, unit=unit, hub={"url": url, "tls": files})


@needs_broker
def test_unit_and_hub_over_the_shipped_configuration(
    broker: Broker, certificates: Path, tmp_path: Path
) -> None:
    url = f"mqtts://127.0.0.1:{broker.port}"
    options = replace(hub_options(url, SystemClock()), **tls(certificates, "hub"))
    hub = ReferenceHub(url, options=options)
    hub.start()
    unit = TlsUnit(tmp_path, broker, tls(certificates, "dog-1"), "dog-1")
    for n in range(20):
        unit.put(position(n, 1))

    assert wait_for(lambda: unit.outbox.pending() == 0), unit.publisher.stats()

    unit.stop()
    hub.stop()
    (view,) = hub.snapshot().units
    assert (view.unit, view.missing, view.invalid) == ("dog-1", 0, 0)


@needs_broker
@pytest.mark.parametrize(
    ("name", "ca", "says"),
    [
        ("dog-1", "stranger", "hub.tls.ca"),
        ("dog-9", "ca", "127.0.0.1"),  # in TLS 1.3 the refusal may come after the handshake
        ("", "ca", "127.0.0.1"),
    ],
    ids=["wrong authority", "unknown unit", "no certificate"],
)
def test_who_is_not_trusted_does_not_get_in(
    broker: Broker, certificates: Path, tmp_path: Path, name: str, ca: str, says: str
) -> None:
    files = tls(certificates, name or "dog-1", ca)
    unit = TlsUnit(tmp_path, broker, files if name else {"ca": files["ca"]}, name or "dog-1")

    assert wait_for(lambda: says in (unit.publisher.stats().last_error or ""), 8)
    assert not unit.publisher.stats().connected
    unit.stop()


def refused(folder: Path, **hub: Any) -> str:
    """What a technician is told about this address."""
    with running(folder, 1, hub=hub) as unit:
        assert wait_for(lambda: unit.publisher.stats().last_error, 15)
        return str(unit.publisher.stats().last_error)


def test_nobody_listens(tmp_path: Path) -> None:
    port = free_port()
    text = refused(tmp_path, url=f"mqtt://127.0.0.1:{port}")

    assert text == f"connection refused: is the broker running at 127.0.0.1:{port}?"


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    assert "DNS" in refused(tmp_path, url="mqtt://no-such-host.invalid")


def test_a_name_that_is_none() -> None:
    """The configuration refuses it; whoever makes options of their own must not crash either."""
    link = LinkOptions(host="a" * 64 + ".example", port=1883, client_id="dog-1")
    with pytest.raises(TransportConfigError, match="is no host name"):
        PahoTransport().start(link, "5", None)


@needs_broker
def test_tls_towards_a_port_without(tmp_path: Path) -> None:
    with Broker() as plain:
        text = refused(tmp_path, url=f"mqtts://127.0.0.1:{plain.port}")
    assert "TLS" in text


def test_another_program_behind_the_port_never_crashes_the_unit(tmp_path: Path) -> None:
    """It answers each connection with bytes that are no MQTT."""
    answers = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x7f\xff\xff", b"\xff" * 50, b"\x20\x00"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(15)

        def answer() -> None:
            for reply in answers:
                link, _ = server.accept()
                with link:
                    link.recv(100)
                    link.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"mqtt://127.0.0.1:{server.getsockname()[1]}"
        with running(tmp_path, 1, hub={"url": url}) as unit:
            thread.join(20)
            assert not thread.is_alive()
            assert wait_for(lambda: unit.publisher.stats().last_error)
            assert not unit.publisher.stats().connected


# --- the files ---


def options(**changes: Any) -> LinkOptions:
    return LinkOptions(host="localhost", port=8883, client_id="x", tls=True, **changes)


def test_a_password_file_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("secret\n")
    path.chmod(0o640)
    with pytest.raises(TransportConfigError, match="chmod 600"):
        password(options(password_file=path))
    path.chmod(0o600)
    assert password(options(password_file=path)) == "secret"


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"], ids=["missing", "empty", "binary"])
def test_a_password_file_without_a_password(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(TransportConfigError, match=r"hub\.password_file"):
        password(options(password_file=path))


def test_certificates_that_are_none(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(TransportConfigError, match=r"hub\.tls\.ca"):
        tls_context(options(ca=rubbish))
    with pytest.raises(TransportConfigError, match=r"hub\.tls\.ca"):
        tls_context(options(ca=tmp_path / "missing.pem"))
    with pytest.raises(TransportConfigError, match=r"hub\.tls"):
        tls_context(options(cert=rubbish, key=rubbish))
