"""The unit's certificate: whose it is, how long it is good, whether its key fits."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.certificates import CertificateError, IdentityWatch, doubts, read_certificate
from config.loading import load
from config.models import Settings
from edge.cli.main import main
from edge.reporting.delivery_findings import identity_findings
from tests.access import LACKING, Authority

pytestmark = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))
NOW = datetime.now(UTC) + timedelta(hours=1)  # the certificates are made after this line


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ca", "dog-1", "dog-2")


def unit(authority: Authority, cert: str, key: str = "", unit_id: str = "dog-1") -> Path:
    file = authority.folder / "unit.yaml"
    file.write_text(
        f"unit: {{id: {unit_id}, kind: drone}}\n"
        "hub:\n  url: mqtts://localhost\n"
        f"  tls: {{ca: ca.crt, cert: {cert}.crt, key: {key or cert}.key}}\n"
        "gnss: {g: {kind: gpsd}}\ncameras: {c: {kind: stream, url: 'rtsp://cam/1'}}\n"
    )
    return file


def found(file: Path, now: datetime = NOW) -> list[tuple[str, str]]:
    return [(doubt.code, doubt.text) for doubt in doubts(load(file, {}).settings, now)]


def test_the_units_own_certificate_is_right(
    authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    file = unit(authority, "dog-1")
    assert found(file) == []
    assert main(["config", "check", str(file)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("names", "more", "code", "says"),
    [
        (["dog-2"], {}, "certificate_wrong", "is for 'dog-2', and unit.id is 'dog-1'"),
        (["DOG-1"], {}, "certificate_wrong", "is for 'DOG-1'"),
        (["dog-1\n"], {}, "certificate_wrong", "is for 'dog-1\\n'"),
        (["dog-1", "dog-2"], {}, "certificate_wrong", "is for 'dog-1' and 'dog-2'"),
        ([], {}, "certificate_wrong", "names nobody"),
        (["dog-1"], {"days": (-9, -1)}, "certificate_expired", "have a new one made"),
        (["dog-1"], {"days": (1, 90)}, "certificate_wrong", "is the clock right?"),
        (["dog-1"], {"days": (-9, 9.5)}, "certificate_expires", "ends in 9 days"),
        (
            ["dog-1"],
            {"days": (-9, 90), "usage": ExtendedKeyUsageOID.SERVER_AUTH},
            "certificate_wrong",
            "a server's certificate",
        ),
    ],
)
def test_what_will_not_work_is_told_with_its_cure(
    names: list[str],
    more: dict[str, object],
    code: str,
    says: str,
    authority: Authority,
    capsys: pytest.CaptureFixture[str],
) -> None:
    authority.forge("odd", names, **{"days": (-1, 90), **more})  # type: ignore[arg-type]
    file = unit(authority, "odd")
    ((told_code, text),) = found(file)
    assert told_code == code
    assert says in text
    soon = code == "certificate_expires"
    assert main(["config", "check", str(file)]) == (0 if soon else 2)
    assert f"unit.yaml:4:27: hub.tls.cert: {'warning: ' if soon else ''}" in capsys.readouterr().out


def test_a_key_of_another_certificate(authority: Authority) -> None:
    ((code, text),) = found(unit(authority, "dog-1", "dog-2"))
    assert code == "certificate_wrong"
    assert "dog-2.key does not belong to the certificate" in text


def test_a_key_that_is_open_to_others_hides_nothing_else(authority: Authority) -> None:
    shutil.copy(authority.files("dog-2")[1], authority.folder / "open.key")
    (authority.folder / "open.key").chmod(0o644)
    ((_, text),) = found(unit(authority, "dog-2", "open"))
    assert "is for 'dog-2', and unit.id is 'dog-1'" in text


def test_a_clock_that_was_never_set_says_nothing_of_dates(authority: Authority) -> None:
    assert found(unit(authority, "dog-1"), datetime(1970, 1, 1, tzinfo=UTC)) == []


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(noise=st.binary(max_size=200), cut=st.integers(0, 800), at=st.integers(0, 800))
def test_whatever_is_in_the_file_is_a_certificate_or_a_clear_error(
    authority: Authority, tmp_path: Path, noise: bytes, cut: int, at: int
) -> None:
    good = (authority.folder / "dog-1.crt").read_bytes()
    path = tmp_path / "x.crt"
    for content in (noise, good[:cut], good[:at] + noise + good[at:], good[:at] + noise):
        path.write_bytes(content)
        path.chmod(0o644)
        told = ""
        try:
            read_certificate(path)
        except CertificateError as error:
            told = str(error)
        assert not told or "copy it again" in told


def test_the_watch_sees_a_new_certificate_and_the_end_of_the_old(authority: Authority) -> None:
    authority.forge("watched", ["dog-1"], days=(-1, 40))
    watch = IdentityWatch(load(unit(authority, "watched"), {}).settings)

    def codes(later: timedelta) -> list[str]:
        return [each.code for each in identity_findings(watch.doubts(NOW + later))]

    assert codes(timedelta(0)) == []
    assert codes(timedelta(days=15)) == ["certificate_expires"]
    assert codes(timedelta(days=41)) == ["certificate_expired"]
    authority.forge("watched", ["dog-1"], days=(-1, 400))
    assert codes(timedelta(days=41)) == []
    (authority.folder / "watched.crt").unlink()
    assert codes(timedelta(days=41)) == []  # that it is missing, the link says


def test_without_a_certificate_there_is_nothing_to_say(authority: Authority) -> None:
    plain = load(unit(authority, "dog-1"), {}).settings
    assert isinstance(plain, Settings)
    hub = plain.hub.model_copy(update={"tls": type(plain.hub.tls)()})
    assert doubts(plain.model_copy(update={"hub": hub}), NOW) == []
    assert replace(read_certificate(authority.files("dog-1")[0])).names == ("dog-1",)
