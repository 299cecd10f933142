"""The diagnostics that are sent home: whole, bounded, and without any secret that was planted."""

import base64
import gzip
import io
import json
import subprocess
import tarfile
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.slots import Content, Ended, SlotsFile, slots_folder, write_slots
from edge.cli.main import main
from edge.doctor import archive, collecting
from edge.doctor.blanking import Blanking
from edge.doctor.case import Case
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import Line, fault, ok
from tests.examined import Examined

PASSWORD, CAMERA = "Gr3en/Wörld-9!", "nachts#um4"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
JWS = "eyJhbGciOiJFZERTQSJ9.eyJjbWQiOiJzaXJlbiJ9.c2lnbmF0dXJlLW9mLWEtaHVi"
RAW_KEY = "q3Zx7Tn0aB4cD5eF6gH7iJ8kL9mN0oP1qR2sT3uV4wX"  # 32 bytes, as a JWK has them
PERSONS = ("anna.schmidt", "B-XY 4711", "she fell at the gate")
PLACES = ("48.13743", "11.57549", "4808.2458", "01134.5294", "48.2, 11.6")


@dataclass
class Planted:
    """A unit with secrets in its files, and more of them in what its programs say."""

    examined: Examined
    key_lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        folder = self.examined.folder
        state = folder / "state"
        state.mkdir()
        for path in (folder / "unit.key", state / "device.key"):
            command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)]
            subprocess.run(command, check=True, capture_output=True)
            path.chmod(0o600)
            self.key_lines += path.read_text().splitlines()[1:-1]
        self._file("unit.pem", "certificate")
        self._file("password", PASSWORD + "\n")
        self._file("camera", f"viewer:{CAMERA}\n")
        record = {"n": 3, "what": "order", "by": PERSONS[0], "args": {"words": PERSONS[2]}}
        (state / "journal-000001.jsonl").write_text(json.dumps(record) + "\n" + "{torn")
        self._slots(state)
        self.examined.programs |= {"journalctl": self.log, "systemctl": self.systemd, "df": "Use%"}

    def _file(self, name: str, text: str) -> None:
        (self.examined.folder / name).write_text(text)
        (self.examined.folder / name).chmod(0o600)

    def _slots(self, state: Path) -> None:
        content = Content(bundle="b-1", name="north", serial=4, kind="config")
        ended = Ended(lane="config", content=content, outcome="rolled_back", at=NOW,
                      by=f"local:{PERSONS[0]}", text="gnss.main is silent")  # fmt: skip
        slots_folder(state).mkdir()
        write_slots(slots_folder(state), SlotsFile(ended=(ended,)))

    @property
    def log(self) -> str:
        basic = base64.b64encode(f"car-07:{PASSWORD}".encode()).decode()
        return "\n".join(
            (
                "usb 1-1: new high-speed USB device; voltage low",
                f"connect mqtts://car-07:{quote(PASSWORD)}@hub.example:8883 refused",
                f"the password {PASSWORD} is wrong; Authorization: Basic {basic}",
                f'{{"event":"camera_lost","url":"rtsp://viewer:{CAMERA}@10.0.0.9/s"}}',
                f"a token={JWS} and {RAW_KEY}",
                f'{{"event":"order","by":"{PERSONS[0]}","plate":"{PERSONS[1]}","lat":48.2}}',
                f'{{"event":"said","reason":"{PERSONS[2]}"}}',
                "$GPGGA,123519,4808.2458,N,01134.5294,E,1,08,0.9,545.4,M,46.9,M,,*47",
                "position 48.13743, 11.57549 from main; {'latitude': 48.2, 'lon': 11.6}",
                f"-----BEGIN PRIVATE KEY-----\n{self.key_lines[0]}\n-----END PRIVATE KEY-----",
                f"/home/{PERSONS[0]}/x sudo:{PERSONS[0]}",
            )
        )

    @property
    def systemd(self) -> str:
        return f"Environment=HUB={PASSWORD}\nActiveState=active\nNRestarts=4\n"

    def case(self) -> Case:
        folder = self.examined.folder
        tls = {"cert": str(folder / "unit.pem"), "key": str(folder / "unit.key")}
        hub = {"url": "mqtts://hub.example", "tls": tls, "username": "car-07"}
        camera = {"kind": "stream", "url": "rtsp://10.0.0.9/s"}
        return self.examined.case(
            hub=hub | {"password_file": str(folder / "password")},
            cameras={"front": camera | {"credentials_file": str(folder / "camera")}},
        )

    @property
    def secrets(self) -> list[str]:
        plain = [PASSWORD, CAMERA, JWS, JWS.split(".")[1], RAW_KEY, *self.key_lines]
        return [*plain, quote(PASSWORD), quote(CAMERA, safe=""), *PERSONS, *PLACES]


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(Examined(tmp_path))


def lines_of(planted: Planted) -> list[Line]:
    shown = Exhibit(picture_jpeg=b"\xff\xd8 a picture", series=(1.0, 2.0), series_unit="ms")
    return [
        fault("broker_refuses", "login", f"mqtt://x:{PASSWORD}@h refuses", f"use {CAMERA}"),
        ok("front", "it is at 48.13743, 11.57549", shown),
    ]


def packed(planted: Planted, path: Path) -> tuple[dict[str, str], archive.Packed]:
    case = planted.case()
    blanking = collecting.blanking_of(case)
    parts = collecting.members(case, lines_of(planted), blanking, whole=True)
    result = archive.write(path, "car-07", NOW, parts, blanking, lambda _name: None)
    return inside(path), result


def inside(path: Path) -> dict[str, str]:
    with tarfile.open(path) as found:
        return {
            Path(entry.name).name: (found.extractfile(entry) or io.BytesIO()).read().decode()
            for entry in found
        }


def test_no_secret_that_was_planted_is_in_it(planted: Planted, tmp_path: Path) -> None:
    path = tmp_path / "car-07.tar.gz"
    found, result = packed(planted, path)
    raw = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
    assert [secret for secret in planted.secrets if secret in raw] == []
    assert (result.withheld, result.cut) == ([], [])
    assert set(found) == {"README.txt", "doctor.json", "doctor.html", *collecting.PARTS}
    assert "a picture" not in raw
    assert path.stat().st_mode & 0o077 == 0


def test_what_helps_at_home_is_in_it(planted: Planted, tmp_path: Path) -> None:
    found, _ = packed(planted, tmp_path / "x.tar.gz")
    assert "broker_refuses" in found["doctor.json"]
    assert "hub.example" in found["configuration.json"]
    settings = json.loads(found["configuration.json"])["settings"]
    assert settings["hub"]["username"] == "car-07"
    assert settings["hub"]["password_file"].endswith("/password"), "where it lies is no secret"
    assert json.loads(found["journal.json"])["records"] == {"order": 1}
    assert "gnss.main is silent" in found["slots.json"]
    assert "camera_lost" in found["service.log"]
    assert "voltage low" in found["kernel.log"]
    assert "NRestarts=4" in found["systemd.txt"]
    assert "Environment" not in found["systemd.txt"]
    assert "pydantic" in found["versions.json"]
    assert "device.key" in found["disk.txt"]
    assert "Left out on purpose" in found["README.txt"]


def test_the_net_that_is_cut_is_noticed(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a part that is not blanked is withheld, and said to be."""
    monkeypatch.setattr(
        collecting, "PARTS", {"bad.txt": lambda _case, _blanking: f"it is {PASSWORD}"}
    )
    found, result = packed(planted, tmp_path / "x.tar.gz")
    assert result.withheld == ["bad.txt"]
    assert "bad.txt" not in found
    assert "Withheld" in found["README.txt"]
    assert "withheld" in archive.told(tmp_path / "x.tar.gz", result)


def test_it_is_bounded_and_keeps_the_newest_of_a_log(planted: Planted, tmp_path: Path) -> None:
    planted.examined.programs["journalctl"] = "".join(f"usb line {n}\n" for n in range(90_000))
    found, result = packed(planted, tmp_path / "x.tar.gz")
    assert {"service.log", "kernel.log"} <= set(result.cut)
    assert found["service.log"].startswith("usb line ")
    assert "usb line 89999" in found["service.log"]
    assert "(only its end)" in found["README.txt"]
    assert sum(len(text.encode()) for text in found.values()) < archive.MOST_BYTES + 10_000


def test_nothing_is_left_of_one_that_fails(planted: Planted, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    def failing(_name: str) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        archive.write(folder / "x.tar.gz", "car-07", NOW, [("a", "b")], Blanking(()), failing)
    assert list(folder.iterdir()) == []


def test_a_file_that_may_not_be_read_is_said(planted: Planted, tmp_path: Path) -> None:
    (tmp_path / "password").unlink()
    (tmp_path / "password").mkdir()
    blanking = collecting.blanking_of(planted.case())
    assert blanking.unread == ("hub.password_file",)


def test_the_command(planted: Planted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "home.tar.gz"
    words = ["doctor", "--config", str(planted.case().file), "--only", "permissions"]
    assert main([*words, "--collect", str(out)]) == 0
    told = capsys.readouterr().err
    assert "collected: journal.json" in told
    assert "README.txt in it" in told
    raw = gzip.decompress(out.read_bytes()).decode("utf-8", "replace")
    assert [secret for secret in (PASSWORD, CAMERA, *planted.key_lines) if secret in raw] == []
    assert main([*words, "--collect", str(tmp_path / "no" / "x.tar.gz")]) == 2


# --- the nets by themselves ---


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")),
            min_size=6, max_size=40),
    st.sampled_from(["{}", "x{}y", "a://u:{}@h/", '{{"password": "{}"}}', "say {}, now", "\n{}\n"]),
)  # fmt: skip
def test_a_known_secret_is_found_wherever_it_stands(secret: str, place: str) -> None:
    blanking = Blanking.of([secret])
    assert secret not in blanking.text(place.format(secret)).replace("[secret]", "")


@given(st.text(max_size=300))
def test_any_text_can_be_blanked(told: str) -> None:
    blanking = Blanking.of(["secret-word"])
    once = blanking.text(told, personal=True)
    assert isinstance(once, str)


@pytest.mark.parametrize(
    "harmless",
    [
        "usb 1-1.3: New USB device found, idVendor=1546, idProduct=01a8",
        "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_AB0JQ1XY-if00-port0 is not there",
        "2026-11-27T12:00:00.123456+00:00 started again 3 times",
        "wheel 0.45.1, numpy 2.1.3, latency 12.5 ms",
        "01936a1e-7a5c-7b3a-9f00-0123456789ab",
        "mapping: 17, camping: yes",
        "voltage 11.98 V, 48.1 dBHz",
    ],
)
def test_what_is_harmless_stays(harmless: str) -> None:
    assert Blanking(()).text(harmless) == harmless


@pytest.mark.parametrize(
    "told",
    [
        r'{"password": "half\"other half sesame"}',
        r"{'password': 'half\'other half sesame'}",
        r'{"text": "{\"password\": \"half sesame\", \"x\": 1}"}',
        'password="half sesame',
        "1http://anna:sesame@host/",
    ],
)
def test_a_secret_is_blanked_to_its_end(told: str) -> None:
    assert "sesame" not in Blanking(()).text(told)


def test_a_place_in_a_json_text_within_another_is_blanked() -> None:
    assert "48.12" not in Blanking(()).text(r'{"text": "{\"lat\": 48.12}"}')


def test_a_line_without_an_end_takes_no_longer_than_others() -> None:
    began_s = time.monotonic()
    Blanking(()).text("key" * 60_000)
    assert time.monotonic() - began_s < 5.0  # a scheme looked for at each letter: a minute


def test_settings_are_blanked_by_their_names() -> None:
    told = Blanking(()).data(
        {"password": "x", "api_token": 5, "lat": 48, "home": {"lon": 1}, "every_s": 2.5, "ok": True,
         "corner": 48.137431}
    )  # fmt: skip
    assert told == {
        "password": "[secret]", "api_token": "[secret]", "lat": "[place]", "home": "[place]",
        "every_s": 2.5, "ok": True, "corner": "[place]",
    }  # fmt: skip


def test_a_short_secret_does_not_tear_words_apart() -> None:
    blanking = Blanking.of(["on"])
    assert blanking.text("the connection is on") == "the connection is [secret]"
    assert replace(blanking, unread=("x",)).known
