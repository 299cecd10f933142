"""Enrolment over the network: our client and openssl's and curl's against our EST server."""

import base64
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from edge.provisioning.attempts import ASKED_PER_MINUTE, MOST_ADDRESSES, Attempts
from edge.provisioning.authority import Authority
from edge.provisioning.enrolment import Enrolment
from edge.provisioning.errors import ProvisioningError, WrongInputError
from edge.provisioning.est_client import EstClient, Server
from edge.provisioning.est_server import EstServer
from edge.provisioning.pkcs7 import certificates_in, envelope
from edge.provisioning.requests import load_key, new_key_pem, new_request, request_der, spki
from edge.provisioning.tokens import Tokens, grouped, plain
from tests import access
from tests.broker import MOSQUITTO
from tests.fakes import ManualClock
from tests.raw_mqtt import RawClient

needs = {name: shutil.which(name) for name in ("openssl", "curl")}
needs_peers = pytest.mark.skipif(not all(needs.values()), reason="needs openssl and curl")
NOW = ManualClock().utc()


class Desk:
    """An authority with its server, on a real port."""

    def __init__(self, folder: Path) -> None:
        from datetime import UTC, datetime

        self.clock = ManualClock(datetime.now(UTC))  # TLS looks at the real date
        self.authority = Authority.make(folder / "ca", self.clock)
        self.tokens = Tokens(self.authority.folder)
        hosts = ("localhost", "127.0.0.1")
        self.server = EstServer(self.authority, hosts, ("127.0.0.1", 0), 90, self.clock)
        self.server.start()
        self.waits: list[float] = []

    def token(self, unit: str = "dog-1", hours: float = 1) -> str:
        return self.tokens.make(unit, hours, self.clock.utc())

    def client(self, *, ca: bool = True, host: str = "localhost") -> EstClient:
        pem, pin = (self.authority.pem, None) if ca else (None, self.authority.fingerprint)
        return EstClient(Server.at(f"https://{host}:{self.server.port}", pem, pin),
                         self.waits.append)  # fmt: skip

    def journal(self, what: str) -> list[dict[str, object]]:
        lines = (self.authority.folder / "journal.jsonl").read_text().splitlines()
        return [each for each in map(json.loads, lines) if each["what"] == what]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.server.stop()


class Asker:
    """A key of a unit, and the request for it."""

    def __init__(self, unit: str = "dog-1") -> None:
        self.pem = new_key_pem()
        self.key = load_key(self.pem)
        self.request = new_request(unit, self.key)

    def fits(self, certificate: x509.Certificate) -> bool:
        return spki(certificate.public_key()) == spki(self.key.public_key())

    def files(self, folder: Path, certificate: x509.Certificate) -> tuple[Path, Path]:
        pair = (folder / "unit.pem", folder / "unit.key")
        pair[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair[1].write_bytes(self.pem)
        return pair


# --- our client ---


@pytest.mark.parametrize("ca", [True, False], ids=["by its file", "by its fingerprint"])
def test_a_unit_gets_its_certificate_with_a_token(desk: Desk, ca: bool) -> None:
    unit = Asker()
    granted = desk.client(ca=ca).enrol("dog-1", desk.token(), unit.request)
    assert unit.fits(granted.certificate)
    assert granted.authority == desk.authority.pem
    assert [each["by"] for each in desk.journal("issued") if each["name"] == "dog-1"] == [
        "est 127.0.0.1"
    ]


def test_a_token_serves_one_key_and_one_unit_and_ends(desk: Desk) -> None:
    unit, client, token = Asker(), desk.client(), desk.token()
    first = client.enrol("dog-1", token, unit.request)
    again = client.enrol("dog-1", token.lower(), unit.request)  # the answer was lost on the way
    assert again.certificate == first.certificate
    with pytest.raises(ProvisioningError, match="not valid for this unit"):
        client.enrol("dog-1", token, Asker().request)
    with pytest.raises(ProvisioningError, match="not valid for this unit"):
        client.enrol("dog-2", desk.token("dog-3"), Asker("dog-2").request)
    late = desk.token("dog-4", hours=1)
    desk.clock.advance(3601)
    with pytest.raises(ProvisioningError, match="has ended"):
        client.enrol("dog-4", late, Asker("dog-4").request)
    assert [str(each["why"]).split(":")[0] for each in desk.journal("refused")] == [
        "spent", "unknown", "ended",
    ]  # fmt: skip


def test_a_request_for_another_name_is_refused(desk: Desk) -> None:
    with pytest.raises(ProvisioningError, match="for 'hub'"):
        desk.client().enrol("dog-1", desk.token(), Asker("hub").request)
    with pytest.raises(ProvisioningError, match="hub's name"):
        desk.client().enrol("hub", "0000-0000-0000-0000", Asker("hub").request)


def test_tokens_are_not_found_by_trying(desk: Desk) -> None:
    token = desk.token()
    for _ in range(5):
        with pytest.raises(ProvisioningError, match="401"):
            desk.client().enrol("dog-1", "0000-0000-0000-0000", Asker().request)
    with pytest.raises(ProvisioningError, match="too many tries"):
        desk.client().enrol("dog-1", token, Asker().request)
    assert max(desk.waits) == 60  # it waits as it is told, within reason
    desk.clock.advance(601)
    desk.client().enrol("dog-1", token, Asker().request)


def test_the_false_server_gets_no_token(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "false").mkdir()
    false = Desk(tmp_path / "false")
    try:
        server = Server.at(f"localhost:{false.server.port}", desk.authority.pem, None)
        with pytest.raises(ProvisioningError, match="not believed"):
            EstClient(server, desk.waits.append).enrol("dog-1", "T", Asker().request)
        pinned = replace(server, ca=None, sha256=desk.authority.fingerprint)
        with pytest.raises(ProvisioningError, match="another fingerprint"):
            EstClient(pinned, desk.waits.append).enrol("dog-1", "T", Asker().request)
        assert false.journal("refused") == []
    finally:
        false.server.stop()
    desk.server.stop()
    desk.server = EstServer(desk.authority, ("hub1.example",), ("127.0.0.1", 0), 90, desk.clock)
    desk.server.start()
    with pytest.raises(ProvisioningError, match="not believed: Hostname mismatch"):
        desk.client().enrol("dog-1", desk.token(), Asker().request)


def test_a_server_that_is_away_is_asked_again_and_then_told(desk: Desk) -> None:
    port = desk.server.port
    desk.server.stop()
    client = EstClient(Server.at(f"localhost:{port}", desk.authority.pem, None), desk.waits.append)
    with pytest.raises(ProvisioningError, match="does not answer") as told:
        client.enrol("dog-1", "T", Asker().request)
    assert "run the same again" in told.value.cure
    assert desk.waits == [1, 2, 4, 8]
    desk.server = EstServer(desk.authority, ("localhost",), ("127.0.0.1", 0), 90, desk.clock)
    desk.server.start()


def test_a_certificate_renews_itself_until_it_is_withdrawn(desk: Desk, tmp_path: Path) -> None:
    unit = Asker()
    first = desk.client().enrol("dog-1", desk.token(), unit.request).certificate
    pair = unit.files(tmp_path, first)
    second = desk.client().renew(pair, unit.request).certificate
    assert second.serial_number != first.serial_number
    assert unit.fits(second)
    with pytest.raises(ProvisioningError, match="for 'dog-2'"):
        desk.client().renew(pair, Asker("dog-2").request)
    desk.authority.revoke("dog-1")
    with pytest.raises(ProvisioningError, match="withdrawn"):
        desk.client().renew(pair, unit.request)


def test_a_broker_or_a_hub_cannot_become_a_unit(desk: Desk) -> None:
    for name in ("hub", "broker"):
        path = desk.authority.issue(
            name, "broker" if name == "broker" else "client", hosts=("localhost",)
        )
        with pytest.raises(ProvisioningError):
            desk.client().renew((path, path.with_suffix(".key")), Asker(name).request)


@pytest.mark.parametrize(
    "url",
    ["http://hub", "https://", "https://hub/other", "https://u:p@hub", "ftp://x", "https://[1"],
)
def test_wrong_addresses_are_told(url: str) -> None:
    with pytest.raises(WrongInputError):
        Server.at(url, b"x", None)
    with pytest.raises(WrongInputError, match="which enrolment server"):
        Server.at("https://hub", None, None)
    with pytest.raises(WrongInputError, match="no fingerprint"):
        Server.at("https://hub", None, "abc")


@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")
def test_who_enrolled_gets_into_the_shipped_broker_as_itself(desk: Desk, tmp_path: Path) -> None:
    unit = Asker()
    made = access.Authority(tmp_path / "broker")  # its own; the broker gets ours below
    for name in ("ca.crt", "ca.key", "index.txt"):
        shutil.copy(desk.authority.folder / name, made.folder / name)
    desk.authority.issue("broker", "broker", hosts=("localhost", "127.0.0.1"))
    for name in ("broker.crt", "broker.key"):
        shutil.copy(desk.authority.folder / name, made.folder / name)
    granted = desk.client().enrol("dog-1", desk.token(), unit.request)
    pair = unit.files(tmp_path, granted.certificate)
    context = ssl.create_default_context(cafile=made.ca)
    context.load_cert_chain(*pair)
    with (
        access.shipped_broker("patrol-edge", made) as broker,
        RawClient(broker.port, context, "dog-1") as client,
    ):
        assert client.accepted
        assert client.publish("patrol/v1/dog-1/state", b"x") in (0, 0x10)  # nobody hears it
        assert client.publish("patrol/v1/dog-2/state", b"x") == 0x87  # not authorized


# --- other peers ---


@needs_peers
def test_curl_and_openssl_enrol_without_any_of_our_code(desk: Desk, tmp_path: Path) -> None:
    """RFC 7030, as its appendix A does it."""

    def run(*words: str | Path, stdin: bytes = b"") -> bytes:
        done = subprocess.run(list(map(str, words)), input=stdin, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    url, ca = f"https://localhost:{desk.server.port}/.well-known/est", tmp_path / "trusted.pem"
    curl = ("curl", "-sS", "--fail-with-body", "--cacert", ca)
    fetched = run("curl", "-sSk", f"{url}/cacerts")
    ca.write_bytes(run("openssl", "pkcs7", "-inform", "DER", "-print_certs",
                       stdin=base64.b64decode(fetched)))  # fmt: skip
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
        "-keyout", tmp_path / "k.pem", "-subj", "/CN=dog-1", "-outform", "DER",
        "-out", tmp_path / "r.der")  # fmt: skip
    (tmp_path / "r.b64").write_bytes(base64.encodebytes((tmp_path / "r.der").read_bytes()))
    post = ("--data-binary", f"@{tmp_path / 'r.b64'}", "-H", "Content-Type: application/pkcs10")
    answer = run(*curl, *post, "-u", f"dog-1:{desk.token()}", f"{url}/simpleenroll")
    pem = run("openssl", "pkcs7", "-inform", "DER", "-print_certs", stdin=base64.b64decode(answer))
    (tmp_path / "c.pem").write_bytes(pem)
    told = run("openssl", "verify", "-CAfile", ca, "-purpose", "sslclient", tmp_path / "c.pem")
    assert b"OK" in told
    pair = ("--cert", tmp_path / "c.pem", "--key", tmp_path / "k.pem")
    answer = run(*curl, *post, *pair, f"{url}/simplereenroll")
    assert len(certificates_in(answer)) == 1


@needs_peers
def test_openssl_s_client_sees_modern_tls_only(desk: Desk) -> None:
    def session(*words: str) -> str:
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"localhost:{desk.server.port}", "-CAfile",
             str(desk.authority.folder / "ca.crt"), "-verify_return_error", *words],
            input="", capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    assert "Verify return code: 0 (ok)" in session("-verify_hostname", "localhost")
    assert "alert protocol version" in session("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")


# --- what comes from outside ---


def raw(desk: Desk, text: bytes) -> bytes:
    context = ssl.create_default_context(cafile=str(desk.authority.folder / "ca.crt"))
    with (
        socket.create_connection(("127.0.0.1", desk.server.port), 10) as plain_socket,
        context.wrap_socket(plain_socket, server_hostname="localhost") as shielded,
    ):
        shielded.sendall(text)
        answer = b""
        while piece := shielded.recv(4096):
            answer += piece
    return answer


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"PUT /.well-known/est/simpleenroll HTTP/1.1\r\n\r\n", b"501"),
        (b"POST /.well-known/est/simpleenroll HTTP/1.1\r\n\r\n", b"411"),
        (b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
         b"413"),
        (b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"401"),
        (b"POST /.well-known/est/simplereenroll HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"401"),
        (b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nAuthorization: Basic ZG9nLTE6eA==\r\n"
         b"Content-Length: 3\r\n\r\nabc", b"400"),
        (b"GET /.well-known/est/cacerts " + b"x" * 70_000 + b"\r\n\r\n", b"414"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_and_the_server_goes_on(desk: Desk, text: bytes, status: bytes) -> None:
    assert status in raw(desk, text).split(b"\r\n")[0]
    desk.client().enrol("dog-1", desk.token(), Asker().request)


def test_who_speaks_no_tls_or_nothing_costs_only_itself(desk: Desk) -> None:
    silent = [socket.create_connection(("127.0.0.1", desk.server.port)) for _ in range(4)]
    silent[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
    desk.client().enrol("dog-1", desk.token(), Asker().request)
    for each in silent:
        each.close()


def test_many_at_once_get_each_their_own(desk: Desk) -> None:
    units = [f"dog-{number}" for number in range(8)]
    tokens = {unit: desk.token(unit) for unit in units}
    got: dict[str, bool] = {}

    def ask(unit: str) -> None:
        asker = Asker(unit)
        got[unit] = asker.fits(desk.client().enrol(unit, tokens[unit], asker.request).certificate)

    threads = [threading.Thread(target=ask, args=(unit,)) for unit in units]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert got == dict.fromkeys(units, True)
    assert len({each.serial for each in desk.authority.issued()}) == 9  # and the server's own


@given(st.binary(max_size=300), st.none() | st.text(max_size=60))
def test_no_request_crashes_the_desk(body: bytes, login: str | None) -> None:
    desk = Enrolment.__new__(Enrolment)  # nothing of an authority is reached
    desk._no = lambda status, *_, **__: status  # type: ignore[method-assign,assignment,return-value]
    assert desk.first(login, body, "x") is not None
    known = base64.b64encode(b"dog-1:x").decode()
    assert desk.first(f"Basic {known}", body, "x") == 400


@given(st.binary(max_size=400))
def test_no_answer_crashes_the_client(data: bytes) -> None:
    for each in (data, b"\x30" + data, base64.b64encode(data)):
        with pytest.raises(ProvisioningError):
            certificates_in(each)


def test_a_damaged_answer_is_told_or_holds_what_it_held(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "ca", ManualClock())
    data = base64.b64decode(envelope([authority.certificate]))
    for at in range(0, len(data), 3):
        changed = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
        try:
            found = certificates_in(changed)
        except ProvisioningError:
            continue
        assert all(isinstance(each, x509.Certificate) for each in found)


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=16, max_size=16))
def test_a_token_is_the_same_however_it_is_typed(token: str) -> None:
    shown = grouped(token)
    assert plain(shown) == plain(shown.lower().replace("-", " ")) == token
    assert plain(token.replace("0", "o").replace("1", "l")) == token


def test_addresses_are_remembered_up_to_a_limit() -> None:
    attempts = Attempts()
    for number in range(MOST_ADDRESSES + 10):
        assert attempts.wait_s(str(number), 0.0) == 0
    assert len(attempts._seen) == MOST_ADDRESSES
    for _ in range(ASKED_PER_MINUTE):
        attempts.wait_s("busy", 10.0)
    assert attempts.wait_s("busy", 10.0) == 60
    assert attempts.wait_s("busy", 71.0) == 0


def test_the_request_is_what_the_unit_meant() -> None:
    unit = Asker()
    found = x509.load_der_x509_csr(request_der(unit.request))
    assert found.is_signature_valid


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    from drivers.clock import SystemClock

    authority = Authority.make(tmp_path / "ca", SystemClock())
    words = ["ca", "serve", str(tmp_path / "ca"), "--host", "localhost", "--listen", "127.0.0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli.main", *words, "--port", "0"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        port = int(process.stderr.readline().split("localhost:")[1].split(";")[0])
        assert authority.fingerprint in process.stderr.readline()
        server = Server.at(f"localhost:{port}", None, authority.fingerprint)
        assert EstClient(server, lambda _: None).authority() == authority.pem
        taken = subprocess.run(
            [sys.executable, "-m", "edge.cli.main", *words, "--port", str(port)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert taken.returncode == 1
        assert "cannot listen" in taken.stderr
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def test_one_who_says_nothing_keeps_no_others_out(desk: Desk) -> None:
    from contextlib import ExitStack

    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection(("127.0.0.1", desk.server.port), 5))
        other = socket.create_connection(
            ("127.0.0.1", desk.server.port), 5, source_address=("127.0.0.2", 0)
        )
        stack.enter_context(other)
        context = ssl.create_default_context(cadata=desk.authority.pem.decode())
        with context.wrap_socket(other, server_hostname="localhost") as shielded:
            shielded.sendall(b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: x\r\n\r\n")
            assert shielded.recv(100).startswith(b"HTTP/1.1 200")
