"""Files with secrets: whose they are, who else may open them, and systemd's credentials."""

import os
import tempfile
from pathlib import Path

import pytest

from config import secrets
from config.errors import ConfigError
from config.loading import load
from config.secrets import SecretFileError, Standing, check_kept, read_kept, read_line, unfit
from drivers.base import DeviceUnavailableError
from drivers.cameras.url import read_login
from edge.cli.main import main
from telemetry.link.security import password, tls_context
from telemetry.link.transport import LinkOptions, TransportConfigError

UNIT = "unit: {id: dog-01, kind: drone}\n"
SECRET = "tr0ub4dor"
PEM = "-----BEGIN PRIVATE KEY-----"
ME = os.geteuid()


def secret_file(folder: Path, content: bytes = b"word\n", mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", range(0o100, 0o1000))
def test_a_secret_is_fit_only_if_all_others_are_shut_out(mode: int) -> None:
    told = unfit(Path("/etc/x"), Standing(mode, ME))
    assert (told is None) == (mode & 0o077 == 0)
    told = unfit(Path("/etc/x"), Standing(mode, ME), "intact")
    assert (told is None) == (mode & 0o022 == 0)
    assert unfit(Path("/etc/x"), Standing(mode, ME + 1), "open") is None


def test_it_must_belong_to_root_or_to_this_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 990)
    assert unfit(Path("/etc/x"), Standing(0o600, 990)) is None
    assert unfit(Path("/etc/x"), Standing(0o600, 0)) is None
    told = unfit(Path("/etc/x"), Standing(0o600, 1000))
    assert told == "/etc/x belongs to another user (number 1000); run: chown 990 /etc/x"


def test_what_systemd_hands_over_may_show_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    handed = Path("/run/credentials/patrol-edge.service/unit.key")
    monkeypatch.setattr(os, "geteuid", lambda: 990)
    assert unfit(handed, Standing(0o400, 990)) is None
    assert unfit(handed, Standing(0o440, 0)) is None
    for mode in (0o444, 0o460, 0o404):
        assert unfit(handed, Standing(mode, 0)) is not None
    # The folder counts, not what its name begins with.
    beside = Path("/run/credentials-of-mine/patrol-edge.service/unit.key")
    assert unfit(beside, Standing(0o440, 0)) is not None


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("none", "there is no such file in"),
        ("open", r"is open to other users \(mode 0640\); run: chmod 600"),
        ("pipe", "is not a regular file"),
        ("folder", "is not a regular file"),
        ("large", "larger than 64 KiB"),
        ("nul", "there is no such file in"),
        ("loop", "cannot be read"),
    ],
)
def test_what_cannot_be_trusted_is_told_with_its_cure(kind: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    match kind:
        case "open":
            secret_file(tmp_path, mode=0o640)
        case "pipe":
            os.mkfifo(path, 0o600)
        case "folder":
            path.mkdir(mode=0o700)
        case "large":
            secret_file(tmp_path, b"x" * 65_537)
        case "nul":
            path = tmp_path / "a\0b"
        case "loop":
            path.symlink_to(path)
    with pytest.raises(SecretFileError, match=says):
        read_kept(path)
    if kind != "large":
        with pytest.raises(SecretFileError, match=says):
            check_kept(path)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"word\n", "word"),
        (b"word", "word"),
        (b"word\r\n", "word"),
        (b" w\xc3\xb6rd ", " wörd "),
        (b"", None),
        (b"\n", None),
        (b"alpha\nbeta\n", None),
        (b"\xff\xfe", None),
    ],
)
def test_one_line_and_no_other(content: bytes, line: str | None, tmp_path: Path) -> None:
    path = secret_file(tmp_path, content)
    if line is not None:
        assert read_line(path, "the password") == line
        return
    with pytest.raises(SecretFileError) as caught:
        read_line(path, "the password")
    assert "write the password" in str(caught.value)
    assert "alpha" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_all_who_use_secrets_refuse_what_is_open_to_others(tmp_path: Path) -> None:
    path = secret_file(tmp_path, mode=0o644)
    link = LinkOptions(host="h", port=1, client_id="x", tls=True)
    with pytest.raises(TransportConfigError, match=r"hub\.password_file: .* chmod 600"):
        password(LinkOptions(host="h", port=1, client_id="x", password_file=path))
    with pytest.raises(TransportConfigError, match=r"hub\.tls\.key: .* chmod 600"):
        tls_context(LinkOptions(**{name: getattr(link, name) for name in ("host", "port")},
                                client_id="x", tls=True, cert=path, key=path))  # fmt: skip
    with pytest.raises(DeviceUnavailableError, match=r"credentials_file: .* chmod 600"):
        read_login(path)


@pytest.mark.skipif(ME != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("owner", "mode", "says"),
    [
        (65534, 0o600, None),
        (65534, 0o640, "chmod 600"),
        (0, 0o600, "may not be read by this user; run: chown 65534"),
        (1000, 0o600, "may not be read by this user; run: chown 65534"),
    ],
)
def test_a_service_without_rights_reads_what_is_its_own(
    owner: int, mode: int, says: str | None
) -> None:
    """In a folder that others can enter, which those of the tests are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        path = secret_file(Path(name), mode=mode)
        os.chown(path, owner, owner)
        told = as_nobody(path)
    assert says is None or says in told
    assert says is not None or told == "read"


def as_nobody(path: Path) -> str:
    """What a process of user 65534 gets of this file: `read`, or why not."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            read_kept(path)
            told = "read"
        except SecretFileError as error:
            told = str(error)
        os.write(theirs, told.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        return answer.read()


# --- in the unit file ------------------------------------------------------------------------


def unit_file(folder: Path, text: str) -> Path:
    path = folder / "unit.yaml"
    path.write_text(UNIT + text)
    return path


TLS = "hub: {url: 'mqtts://h', tls: {ca: ca.pem, cert: c.pem, key: 'credential:unit.key'}}\n"


def test_a_credential_is_a_file_in_the_folder_that_systemd_names(tmp_path: Path) -> None:
    file = unit_file(tmp_path, TLS)
    settings = load(file, {"CREDENTIALS_DIRECTORY": "/run/credentials/other.service"}).settings
    assert settings.hub.tls.key == Path("/run/credentials/other.service/unit.key")
    # Outside of the service it is where the service would find it, so the digest is the same.
    inside = {"CREDENTIALS_DIRECTORY": str(secrets.SERVICE_CREDENTIALS)}
    assert load(file, {}).digest == load(file, inside).digest


def test_a_credential_that_is_not_there_is_told_with_the_line_to_add(tmp_path: Path) -> None:
    (told,) = [each for each in load(unit_file(tmp_path, TLS), {}).warnings
               if each.path == "hub.tls.key"]  # fmt: skip
    assert told.line == 2
    assert "LoadCredential=unit.key:/etc/patrol-edge/unit.key" in told.text
    with pytest.raises(SecretFileError, match=r"LoadCredential=unit\.key:"):
        read_kept(secrets.SERVICE_CREDENTIALS / "unit.key")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hub: {username: u, password_file: 'credential:'}", "is no credential's name"),
        ("hub: {username: u, password_file: 'credential:../x'}", "is no credential's name"),
        ("hub: {username: u, password_file: 'credential:a/b'}", "is no credential's name"),
        ("hub: {username: u, password_file: 'credential:.'}", "is no credential's name"),
        ("state_dir: 'credential:state'", "takes no credential"),
    ],
)
def test_what_is_no_credential(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        load(unit_file(tmp_path, text + "\n"), {})


def test_the_check_of_a_unit_file_refuses_what_the_unit_would_not_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret_file(tmp_path, mode=0o640)
    file = unit_file(tmp_path, "hub: {url: 'mqtts://h', username: u, password_file: secret}\n")
    assert main(["config", "check", str(file)]) == 2
    told = capsys.readouterr()
    assert (
        f"hub.password_file: {tmp_path}/secret is open to other users (mode 0640); run: chmod"
        in told.out
    )
    assert "ok:" not in told.err
    (tmp_path / "secret").chmod(0o600)
    assert main(["config", "check", str(file)]) == 0


# --- in the environment ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUB__PASSWORD_FILE", SECRET),
        ("HUB__PASSWORD_FILE", f"./{SECRET}"),
        ("HUB__TLS__KEY", f"{PEM}\n{SECRET}"),
        ("HUB__USERNAME", f"{PEM}{SECRET}"),
        ("HUB__PASSWORD", SECRET),
        ("HUB__URL", f"mqtts://dog:{SECRET}@hub"),
        ("SECURITY__DEVICE_KEY", SECRET),
        ("CAMERAS__FRONT__CREDENTIALS_FILE", f"admin:{SECRET}"),
        ("CAMERAS__FRONT__URL", f"rtsp://c/?password={SECRET}"),
        ("CAMERAS__FRONT__URL", f"rtsp://admin:{SECRET}@c/"),
    ],
)
def test_a_secret_in_the_environment_is_refused_and_not_shown(
    name: str, value: str, tmp_path: Path
) -> None:
    file = unit_file(tmp_path, "cameras: {front: {kind: stream, url: 'rtsp://c/'}}\n")
    with pytest.raises(ConfigError) as caught:
        load(file, {f"PATROL_EDGE__{name}": value})
    assert SECRET not in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("value", ["/etc/patrol-edge/pw", "credential:pw", "null"])
def test_where_a_secret_lies_may_be_said_in_the_environment(value: str, tmp_path: Path) -> None:
    file = unit_file(tmp_path, "hub: {username: u}\n")
    settings = load(file, {"PATROL_EDGE__HUB__PASSWORD_FILE": value}).settings
    wanted = {"null": None, "credential:pw": secrets.SERVICE_CREDENTIALS / "pw"}
    assert settings.hub.password_file == wanted.get(value, Path(value))
