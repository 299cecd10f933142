"""`patrol-edge ca`: what it issues, held against openssl; brokers: test_broker_access.py."""

import contextlib
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SystemClock
from edge.cli.main import main
from edge.provisioning.authority import Authority, append
from edge.provisioning.errors import ProvisioningError, WrongInputError
from edge.provisioning.index import DamagedIndexError, Issued, index_text, read_index
from edge.provisioning.requests import read_request
from tests.fakes import ManualClock

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs openssl")


def openssl(*words: str | Path, good: bool = True) -> str:
    done = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode == 0) == good, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority") / "ca", SystemClock())


def request_of(folder: Path, subject: str, *key: str) -> Path:
    key = key or ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    files = ("-keyout", folder / "unit.key", "-out", folder / "unit.csr")
    openssl("req", "-new", *key, "-noenc", *files, "-subj", subject)
    return folder / "unit.csr"


# --- what it signs ---


def test_the_authority_signs_only_names_that_can_be_topics(authority: Authority) -> None:
    for name in ("", "DOG-1", "dog/1", "+", "#", "dog 1", "a" * 33, "ca", "broker", "../x", "hünd"):
        with pytest.raises(WrongInputError):
            authority.issue(name, "client")
    for name in ("hub", "hub-desk"):
        with pytest.raises(WrongInputError, match="hub's name"):
            authority.issue(name, "unit")
    authority.issue("hub", "client")
    files = {path.name: path.stat().st_mode & 0o077 for path in authority.folder.glob("*.key")}
    assert set(files.values()) == {0}


@needs_openssl
def test_a_key_made_on_the_unit_is_signed_under_the_name_that_the_authority_says(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = request_of(tmp_path, "/CN=hub/O=mine")
    assert main(["ca", "sign", str(authority.folder), "dog-7", str(request)]) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(authority.folder / "dog-7.crt")
    assert "the request says 'hub'" in told.err
    subject = openssl("x509", "-noout", "-subject", "-in", authority.folder / "dog-7.crt")
    assert subject.replace(" ", "").strip() == "subject=CN=dog-7"
    assert not (authority.folder / "dog-7.key").exists()


@needs_openssl
def test_openssl_believes_what_was_issued_and_for_its_purpose_only(authority: Authority) -> None:
    authority.issue("broker", "broker", hosts=("hub1.example", "10.1.2.3", "::1"))
    authority.issue("dog-1", "unit")
    folder = authority.folder
    verify = ("verify", "-x509_strict", "-CAfile", folder / "ca.crt")
    openssl(*verify, "-purpose", "sslserver", "-verify_hostname", "hub1.example",
            folder / "broker.crt")  # fmt: skip
    openssl(*verify, "-verify_ip", "10.1.2.3", folder / "broker.crt")
    openssl(*verify, "-verify_hostname", "hub2.example", folder / "broker.crt", good=False)
    openssl(*verify, "-purpose", "sslclient", folder / "dog-1.crt")
    openssl(*verify, "-purpose", "sslserver", folder / "dog-1.crt", good=False)
    openssl(*verify, "-purpose", "sslclient", folder / "broker.crt", good=False)
    openssl("pkey", "-in", folder / "dog-1.key", "-check", "-noout")


@needs_openssl
def test_what_is_withdrawn_is_on_the_list_for_openssl_too(tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    authority = Authority.make(folder, SystemClock())
    for name in ("dog-1", "dog-1", "dog-2"):  # dog-1 twice: both go
        authority.issue(name, "unit")
    assert len(authority.revoke("dog-1", "stolen")) == 2
    verify = ("verify", "-crl_check", "-CAfile", folder / "ca.crt", "-CRLfile", folder / "crl.pem")
    openssl(*verify, folder / "dog-1.crt", good=False)
    openssl(*verify, folder / "dog-2.crt")
    told = openssl("crl", "-in", folder / "crl.pem", "-noout", "-crlnumber", "-text")
    assert "crlNumber=0x1001" in told
    assert told.count("Serial Number:") == 2
    with pytest.raises(WrongInputError, match="no valid certificate"):
        authority.revoke("dog-1")


@needs_openssl
def test_openssl_ca_works_on_with_the_same_folder(tmp_path: Path) -> None:
    """The index is its own: pilots that used the shell script lose nothing, either way."""
    folder = tmp_path / "ca"
    authority = Authority.make(folder, SystemClock())
    authority.issue("dog-1", "unit")
    (folder / "authority.cnf").write_text(
        f"[ca]\ndefault_ca = a\n[a]\ndatabase = {folder}/index.txt\n"
        f"new_certs_dir = {folder}/issued\n"
        f"certificate = {folder}/ca.crt\nprivate_key = {folder}/ca.key\nrand_serial = yes\n"
        f"crlnumber = {folder}/crlnumber\ndefault_md = sha256\ndefault_crl_days = 30\n"
        "policy = p\nunique_subject = no\n[p]\ncommonName = supplied\n"
    )
    request = request_of(tmp_path, "/CN=x")
    ca = ("ca", "-batch", "-config", folder / "authority.cnf")
    openssl(*ca, "-in", request, "-out", folder / "dog-2.crt", "-days", "9", "-subj", "/CN=dog-2")
    openssl(*ca, "-revoke", folder / "dog-1.crt")
    state = {each.name: each.state(authority.now()) for each in authority.issued()}
    assert state == {"dog-1": "revoked", "dog-2": "valid"}
    authority.revoke("dog-2")
    assert len(list((folder / "issued").iterdir())) == 2


def test_a_certificate_never_outlives_its_authority_and_serials_are_random(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "ca", SystemClock(), days=10)
    paths = [authority.issue(f"dog-{number}", "unit") for number in range(4)]
    made = [x509.load_pem_x509_certificate(path.read_bytes()) for path in paths]
    assert {each.not_valid_after_utc for each in made} == {
        authority.certificate.not_valid_after_utc
    }
    assert min(each.serial_number.bit_length() for each in made) > 100
    assert len({each.serial_number for each in made}) == 4


def test_an_authority_that_has_ended_signs_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    authority = Authority.make(tmp_path / "ca", clock, days=1)
    clock.advance(2 * 86_400)
    with pytest.raises(ProvisioningError, match="ended"):
        authority.issue("dog-1", "unit")


# --- requests from outside ---


@needs_openssl
@pytest.mark.parametrize(
    "key", [("-newkey", "rsa:1024"), ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp521r1")]
)
def test_a_weak_or_odd_key_is_not_signed(tmp_path: Path, key: tuple[str, ...]) -> None:
    request = request_of(tmp_path, "/CN=dog-1", *key)
    with pytest.raises(WrongInputError, match="not taken"):
        read_request(request.read_bytes())


@needs_openssl
@pytest.mark.parametrize("key", [("-newkey", "rsa:2048"), ("-newkey", "ed25519"), ()])
def test_requests_of_openssl_are_read(tmp_path: Path, key: tuple[str, ...]) -> None:
    request = request_of(tmp_path, "/CN=dog-1", *key)
    read_request(request.read_bytes())


@needs_openssl
def test_whatever_byte_of_a_request_is_changed_it_says_the_same_or_is_refused(
    tmp_path: Path,
) -> None:
    """The same: the count of unused bits in a signature is nobody's meaning."""
    request = request_of(tmp_path, "/CN=dog-1")
    openssl("req", "-in", request, "-outform", "DER", "-out", tmp_path / "csr.der")
    der = (tmp_path / "csr.der").read_bytes()
    meant = read_request(der).tbs_certrequest_bytes
    for at in range(len(der)):
        for bit in (0x01, 0x80):
            changed = der[:at] + bytes([der[at] ^ bit]) + der[at + 1 :]
            with contextlib.suppress(WrongInputError):
                assert read_request(changed).tbs_certrequest_bytes == meant


@given(st.binary(max_size=2000))
def test_no_bytes_crash_the_reader_of_requests(data: bytes) -> None:
    for each in (data, b"\x30" + data, b"-----BEGIN CERTIFICATE REQUEST-----\n" + data):
        with pytest.raises(WrongInputError):
            read_request(each)


# --- its folder ---


SERIALS = st.integers(min_value=1, max_value=2**159)
TIMES = st.integers(1_800_000_000, 3_400_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))
ISSUED = st.builds(
    Issued,
    serial=SERIALS,
    name=st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
    until=TIMES,
    revoked_at=st.none() | TIMES,
)


@given(st.lists(ISSUED, max_size=5))
def test_the_index_is_read_as_it_was_written(issued: list[Issued]) -> None:
    assert read_index(index_text(issued)) == issued


@given(st.text(max_size=200))
def test_no_text_crashes_the_reader_of_the_index(text: str) -> None:
    with contextlib.suppress(DamagedIndexError):
        read_index(text)


def test_what_cannot_be_used_is_told_with_the_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ca"
    assert main(["ca", "issue", str(folder), "dog-1"]) == 2
    assert f"patrol-edge ca init {folder}" in capsys.readouterr().err
    assert main(["ca", "init", str(folder)]) == 0
    assert main(["ca", "init", str(folder)]) == 2
    assert "holds an authority already" in capsys.readouterr().err
    assert main(["ca", "issue", str(folder), "broker", "--profile", "broker"]) == 2
    assert "--host" in capsys.readouterr().err
    (folder / "ca.key").chmod(0o644)
    assert main(["ca", "issue", str(folder), "dog-1"]) == 1
    assert "chmod 600" in capsys.readouterr().err
    (folder / "ca.key").chmod(0o600)
    (folder / "index.txt").write_text("V\tgarbage\n")
    assert main(["ca", "list", str(folder)]) == 1
    assert "line 1" in capsys.readouterr().err


def test_machines_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "ca")
    told = []
    for words in (
        ["init", folder], ["issue", folder, "hub"], ["token", folder, "dog-1"],
        ["revoke", folder, "hub"], ["crl", folder], ["list", folder],
    ):  # fmt: skip
        assert main(["ca", *words, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert len(told[0]["sha256"]) == 64
    assert told[5][0]["state"] == "revoked"
    lines = [
        json.loads(line) for line in (tmp_path / "ca" / "journal.jsonl").read_text().splitlines()
    ]
    assert [each["what"] for each in lines] == ["authority", "issued", "token", "revoked"]
    assert told[2]["token"] not in (tmp_path / "ca" / "tokens.json").read_text()


def test_a_half_written_line_of_the_journal_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"at": "20')
    append(path, b"{}\n")
    append(path, b"{}\n")
    assert path.read_bytes() == b'{"at": "20\n{}\n{}\n'


def test_an_authority_whose_making_was_cut_off_is_finished(tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    made = Authority.make(folder, SystemClock())
    key = (folder / "ca.key").read_bytes()
    for lost in ("crl.pem", "index.txt", "ca.crt"):
        (folder / lost).unlink()
        again = Authority.make(folder, SystemClock())
        assert (folder / "ca.key").read_bytes() == key
    assert again.fingerprint != made.fingerprint  # ca.crt was made anew, of the same key


def test_hours_before_now_are_covered(authority: Authority) -> None:
    found = x509.load_pem_x509_certificate(authority.issue("dog-9", "unit").read_bytes())
    assert datetime.now(UTC) - found.not_valid_before_utc > timedelta(minutes=50)
