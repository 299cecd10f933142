"""`patrol-edge keys` as a technician uses it, and as one should not."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.cli.main import main
from telemetry.commands.keyring import KeyringFile, read_keyring, write_keyring


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state").mkdir()
    return tmp_path


def keys(*words: str) -> int:
    try:
        return main(["keys", *words, *([] if words[0] == "new" else ["--state-dir", "state"])])
    except SystemExit as error:
        return int(str(error.code))


def ring() -> KeyringFile:
    return read_keyring(Path("state/keyring.json"))


def made(issuer: str) -> str:
    assert keys("new", issuer) == 0
    return str(json.loads(Path(f"{issuer}.pub").read_text())["kid"])


def test_from_the_hub_to_the_unit_and_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    kid = made("hub-1")
    assert Path("hub-1.key").stat().st_mode & 0o777 == 0o600
    assert "install hub-1.pub --role commander" in capsys.readouterr().err
    assert keys("install", "hub-1.pub", "--role", "commander", "--role", "operator") == 0
    (entry,) = ring().keys
    assert (entry.kid, entry.issuer, entry.roles) == (kid, "hub-1", ("commander", "operator"))
    assert entry.not_after is not None
    assert abs(entry.not_after - datetime.now(UTC) - timedelta(days=365)) < timedelta(minutes=5)
    successor = made("hub-2")
    assert keys("install", "hub-2.pub", "--role", "commander") == 0
    assert keys("revoke", kid[:6], "--reason", "changed") == 0
    capsys.readouterr()
    assert keys("list", "--json") == 0
    told = {each["kid"]: each["state"] for each in json.loads(capsys.readouterr().out)}
    assert told == {kid: "revoked", successor: "valid"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["install", "hub-1.key", "--role", "commander"], 2, "PRIVATE key"),
        (["install", "hub-1.pub"], 2, "missing: --role"),
        (["install", "hub-1.pub", "--role", "boss"], 2, "there is no 'boss'"),
        (["install", "hub-1.pub", "--role", "operator", "--days", "0"], 2, "not within"),
        (["install", "nothing.pub", "--role", "operator"], 2, "there is no nothing.pub"),
        (["install", "state", "--role", "operator"], 2, "cannot be read"),
        (["install", "garbage", "--role", "operator"], 2, "no public key"),
        (["show", "f00"], 2, "there is no such key"),
        (["revoke", "f00"], 2, "there is no such key"),
        (["new", "hub-1"], 2, "is there already"),
        (["new", "a\nb"], 2, "no name for a hub"),
        (["new", "a/b"], 2, "there is no folder a"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_with_the_cure(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    made("hub-1")
    Path("garbage").write_bytes(b"\xff{}")
    capsys.readouterr()
    assert keys(*words) == code
    told = capsys.readouterr().err
    assert said in told
    assert "→" in told
    assert not Path("state/keyring.json").exists()


def test_the_last_key_is_not_revoked_by_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    kid = made("hub-1")
    keys("install", "hub-1.pub", "--role", "commander")
    assert keys("revoke", kid) == 1
    assert "last key" in capsys.readouterr().err
    assert keys("revoke", kid, "--last") == 0
    assert keys("list") == 0
    assert "no hub can command" in capsys.readouterr().err


def test_what_was_revoked_stays_so(capsys: pytest.CaptureFixture[str]) -> None:
    kid = made("hub-1")
    keys("install", "hub-1.pub", "--role", "operator")
    assert keys("remove", kid) == 1
    assert "still valid" in capsys.readouterr().err
    keys("revoke", kid)
    assert keys("install", "hub-1.pub", "--role", "operator") == 1
    assert "for good" in capsys.readouterr().err
    assert keys("remove", kid) == 1
    assert "stays listed" in capsys.readouterr().err
    past = datetime.now(UTC) - timedelta(days=1)
    over = ring().keys[0].model_copy(update={"not_after": past})
    write_keyring(Path("state/keyring.json"), KeyringFile(keys=(over,)))
    assert keys("remove", kid) == 0
    assert ring().keys == ()


def test_a_name_that_is_taken_by_another_key_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kid = made("hub-1")
    keys("install", "hub-1.pub", "--role", "operator")
    other = json.loads(Path("hub-1.pub").read_text())
    made("hub-2")
    other["public"] = json.loads(Path("hub-2.pub").read_text())["public"]
    Path("evil.pub").write_text(json.dumps(other))
    assert keys("install", "evil.pub", "--role", "commander") == 1
    assert "another key of this name" in capsys.readouterr().err
    assert ring().keys[0].kid == kid


def test_the_end_of_a_key_is_told_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    made("hub-1")
    keys("install", "hub-1.pub", "--role", "commander", "--days", "20")
    keys("list")
    assert "ends in 19 days" in capsys.readouterr().err


@pytest.mark.parametrize(("days", "told"), [("1", "ends today;"), ("2", "ends in 1 day;")])
def test_the_last_days_of_a_key_are_told_in_words(
    days: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made("hub-1")
    keys("install", "hub-1.pub", "--role", "commander", "--days", days)
    keys("list")
    assert told in capsys.readouterr().err


def test_a_damaged_keyring_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    made("hub-1")
    Path("state/keyring.json").write_text("{")
    assert keys("install", "hub-1.pub", "--role", "commander") == 1
    assert "no keyring" in capsys.readouterr().err
    assert Path("state/keyring.json").read_text() == "{"


def test_what_is_in_a_file_can_be_seen(capsys: pytest.CaptureFixture[str]) -> None:
    kid = made("hub-1")
    capsys.readouterr()
    for name, kind in (("hub-1.key", "a private key"), ("hub-1.pub", "a public key")):
        assert keys("show", name, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["kid"], told["kind"]) == (kid, kind)


def test_a_key_that_openssl_made_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """The key that everybody knows, of RFC 8032, section 7.1, test 1: as `openssl pkey -pubout`."""
    Path("hub-9.pub").write_text(
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        "-----END PUBLIC KEY-----\n"
    )
    assert keys("install", "hub-9.pub", "--role", "commander") == 0
    (entry,) = ring().keys
    assert (entry.public, entry.issuer) == (
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "hub-9",
    )
    assert entry.kid in capsys.readouterr().out


@pytest.mark.parametrize(
    ("der", "said"),
    [
        ("MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=", "Ed25519"),  # X25519
        ("MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "anybody could sign"),
        ("AAAA", "not a public key of Ed25519 in PEM"),
        ("", "not a public key of Ed25519 in PEM"),
    ],
)
def test_another_kind_of_key_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], der: str, said: str
) -> None:
    Path("k.pub").write_text(f"-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
    assert keys("install", "k.pub", "--role", "commander") == 2
    assert said in capsys.readouterr().err
    assert not Path("state/keyring.json").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_user_without_rights_is_sent_to_sudo_and_takes_nothing_from_the_service(
    place: Path,
) -> None:
    made("hub-1")
    assert keys("install", "hub-1.pub", "--role", "operator") == 0
    (place / "state" / "journal").mkdir(mode=0o700)
    Path("state/keyring.json").chmod(0o600)
    code = (
        "import os, sys\n"
        "from edge.cli.main import build_parser, main\n"
        "build_parser()\n"
        "import importlib.readers, edge.cli.unit.keys_ring, telemetry.commands.journal\n"
        "os.setgid(65534); os.setuid(65534)  # who may not read the interpreter's own folder\n"
        "sys.exit(main([*sys.argv[2:], '--state-dir', sys.argv[1]]))\n"
    )
    for parent in (place, *place.parents):
        if "pytest-" not in str(parent):  # not the folder for all
            break
        parent.chmod(0o755)
    for words in (["keys", "list"], ["journal", "verify"]):
        told = subprocess.run(
            [sys.executable, "-c", code, str(place / "state"), *words],
            capture_output=True,
            text=True,
        )
        assert told.returncode == 1, told.stderr
        assert "may not be read by this user" in told.stderr
        assert "sudo" in told.stderr
        assert "chown" not in told.stderr
