"""Warnings: what is plugged in, who can read the secrets, what goes unencrypted."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from config.audio import OF_A_MODEL
from config.loading import load
from config.secrets import Standing
from perception.hearing import classes

UNIT = "unit:\n  id: dog-01\n  kind: drone\n"
QUIET = "gnss: {g: {kind: gpsd}}\ncameras: {c: {kind: stream, url: 'rtsp://cam/1'}}\n"
RECEIVER = "/dev/serial/by-id/usb-u-blox_receiver-if00"
WEBCAM = "/dev/v4l/by-id/usb-046d_Webcam-video-index0"


class FakeFiles:
    """A file system that has only what it is told."""

    def __init__(self, links: dict[str, str] | None = None, **modes: int) -> None:
        self._links = links or {}
        self._modes = {name.replace("_", "."): mode for name, mode in modes.items()}

    def exists(self, path: str) -> bool:
        devices = {*self._links, *self._links.values()}
        return path in devices or Path(path).name in self._modes

    def standing(self, path: str) -> Standing | None:
        mode = self._modes.get(Path(path).name)
        return None if mode is None else Standing(mode, os.geteuid())

    def links(self, folder: str) -> Sequence[tuple[str, str]]:
        return [item for item in self._links.items() if item[0].startswith(folder)]


PLUGGED = FakeFiles({RECEIVER: "/dev/ttyUSB0", WEBCAM: "/dev/video0"})


def warned(tmp_path: Path, text: str, files: FakeFiles, **environ: str) -> list[str]:
    file = tmp_path / "unit.yaml"
    file.write_text(UNIT + text)
    variables = {f"PATROL_EDGE__{name}": value for name, value in environ.items()}
    warnings = load(file, variables, files).warnings
    for warning in warnings:  # an error: the file will not be used as it is
        unusable = "is open to other users" in warning.text or "MQTT 5 only" in warning.text
        assert (warning.severity == "error") == unusable
    return [
        str(warning).replace(f"{tmp_path}/", "").replace(str(tmp_path), "FOLDER")
        for warning in warnings
    ]


def test_a_file_with_nothing_to_say_about_has_no_warning(tmp_path: Path) -> None:
    text = f"""\
gnss: {{main: {{kind: serial, port: {RECEIVER}}}}}
cameras: {{front: {{kind: v4l2, device: {WEBCAM}}}}}
"""
    assert warned(tmp_path, text, PLUGGED) == []
    assert warned(tmp_path, QUIET, PLUGGED) == []


@pytest.mark.parametrize(
    ("text", "files", "line"),
    [
        (
            "gnss: {a: {kind: serial, port: /dev/ttyUSB0}}",
            PLUGGED,
            "unit.yaml:4:32: gnss.a.port: warning: /dev/ttyUSB0 may be another device after a "
            f"restart; write {RECEIVER}",
        ),
        (
            "gnss: {a: {kind: serial, port: /dev/ttyUSB0}}",
            FakeFiles({"/dev/other": "/dev/ttyUSB0"}),
            "unit.yaml:4:32: gnss.a.port: warning: /dev/ttyUSB0 may be another device after a "
            "restart; look for its name in /dev/serial/by-id/",
        ),
        (
            "gnss: {a: {kind: serial, port: /dev/ttyACM7}}",
            PLUGGED,
            "unit.yaml:4:32: gnss.a.port: warning: /dev/ttyACM7 is not there on this computer; "
            f"there is: {RECEIVER}",
        ),
        (
            "gnss: {a: {kind: serial, port: /dev/ttyACM7}}",
            FakeFiles(),
            "unit.yaml:4:32: gnss.a.port: warning: /dev/ttyACM7 is not there on this computer, "
            "nor any other like it; plug it in, or check the cable",
        ),
        (
            "gnss: {a: {kind: replay, path: x.nmea}}",
            FakeFiles(),
            "unit.yaml:4:32: gnss.a.path: warning: x.nmea is not there; "
            "copy it there, or correct the path",
        ),
        (
            "cameras: {a: {kind: v4l2, device: /dev/video0}}",
            PLUGGED,
            "unit.yaml:4:35: cameras.a.device: warning: /dev/video0 may be another device after "
            f"a restart; write {WEBCAM}",
        ),
        (
            "hub: {protocol: 3.1.1}\ndelivery: {transport: awscrt}",
            FakeFiles(),
            "unit.yaml:5:23: delivery.transport: awscrt speaks MQTT 5 only, and hub.protocol is "
            "3.1.1; write paho, or protocol: '5'",
        ),
        (
            "cameras: {a: {kind: file, path: x.mp4}}",
            FakeFiles(),
            "unit.yaml:4:33: cameras.a.path: warning: x.mp4 is not there; "
            "copy it there, or correct the path",
        ),
        (
            "cameras: {a: {kind: stream, url: 'rtsp://c/user=a&password=b'}}",
            FakeFiles(),
            "unit.yaml:4:34: cameras.a.url: warning: the URL seems to hold a password; "
            "use credentials_file: if the camera allows it",
        ),
        (
            "cameras: {a: {kind: stream, url: 'rtsp://c/', credentials_file: c.txt}}",
            FakeFiles(c_txt=0o644),
            "unit.yaml:4:65: cameras.a.credentials_file: c.txt is open to other users (mode 0644); "
            "run: chmod 600 c.txt",
        ),
        (
            "hub: {url: mqtt://hub.local}",
            FakeFiles(),
            "unit.yaml:4:12: hub.url: warning: everything to hub.local goes unencrypted; "
            "write mqtts://, with hub.tls.ca if the broker's certificate is from an authority "
            "of your own",
        ),
        (
            "hub: {url: 'mqtts://h', username: u, password_file: pw}",
            FakeFiles(),
            "unit.yaml:4:53: hub.password_file: warning: there is no such file in "
            "FOLDER; copy it there, or correct the path",
        ),
        (
            "hub: {url: 'mqtts://h', tls: {cert: c.pem, key: k.pem}}",
            FakeFiles(c_pem=0o644, k_pem=0o640),
            "unit.yaml:4:49: hub.tls.key: k.pem is open to other users (mode 0640); "
            "run: chmod 600 k.pem",
        ),
        (
            "hub: {url: 'mqtts://h', tls: {ca: ca.pem}}",
            FakeFiles(ca_pem=0o664),
            "unit.yaml:4:35: hub.tls.ca: warning: ca.pem may be changed by other users "
            "(mode 0664); run: chmod 644 ca.pem",
        ),
        (
            "hub: {url: 'mqtt://localhost', tls: {ca: ca.pem}}",
            FakeFiles(ca_pem=0o644),
            "unit.yaml:4:32: hub.tls: warning: ca is not used with mqtt://; "
            "write mqtts:// in hub.url",
        ),
        (
            f"gnss:\n  a: {{kind: serial, port: {RECEIVER}}}\n"
            f"  b: {{kind: serial, port: {RECEIVER}}}\n",
            PLUGGED,
            f"unit.yaml:6:27: gnss.b.port: warning: {RECEIVER} is used by gnss.a.port already; "
            "correct one of them",
        ),
        (
            f"gnss:\n  a: {{kind: serial, port: {RECEIVER}}}\nboards:\n  b: {{port: {RECEIVER}}}\n",
            PLUGGED,
            f"unit.yaml:7:13: boards.b.port: warning: {RECEIVER} is used by gnss.a.port already; "
            "correct one of them",
        ),
        (
            f"boards:\n  b: {{port: {RECEIVER}}}\nactuators:\n  c: {{kind: relay, via: "
            f"{{kind: serial_relay, port: {RECEIVER}, channel: 1}}}}\n",
            PLUGGED,
            f"unit.yaml:7:52: actuators.c.via.port: warning: {RECEIVER} is used by boards.b.port "
            "already; correct one of them",
        ),
        (
            "platforms: {drone: {kind: mavlink, port: /dev/ttyACM7}}",
            FakeFiles(),
            "unit.yaml:4:42: platforms.drone.port: warning: /dev/ttyACM7 is not there on this "
            "computer, nor any other like it; plug it in, or check the cable",
        ),
        (
            "perception: {model: own.onnx}",
            FakeFiles(),
            "unit.yaml:4:21: perception.model: warning: own.onnx is not there; "
            "copy it there, or name one of: patrol-edge models list",
        ),
    ],
)
def test_each_warning_has_its_place_and_its_cure(
    tmp_path: Path, text: str, files: FakeFiles, line: str
) -> None:
    assert line in warned(tmp_path, text + "\n", files)


@pytest.mark.parametrize(
    ("half", "words"),
    [
        ("mount: {height_m: 1, pitch_deg: -5}", "no lens"),
        ("lens: {horizontal_fov_deg: 80}", "no mount"),
    ],
)
def test_half_of_what_a_place_takes_is_asked_about(tmp_path: Path, half: str, words: str) -> None:
    camera = f"cameras: {{c: {{kind: stream, url: 'rtsp://cam/1', {half}}}}}\n"
    (found,) = warned(tmp_path, "gnss: {g: {kind: gpsd}}\n" + camera, FakeFiles())
    assert words in found


def test_a_credential_need_only_be_where_the_service_finds_it(tmp_path: Path) -> None:
    text = (
        QUIET + "hub: {url: 'mqtts://h', username: u, password_file: 'credential:hub.password'}\n"
    )
    (line,) = warned(tmp_path, text, PLUGGED)
    assert "put it into /etc/credstore/patrol-edge.hub.password, or add it to the service" in line

    class WithStore(FakeFiles):
        def exists(self, path: str) -> bool:
            return path == "/etc/credstore/patrol-edge.hub.password" or PLUGGED.exists(path)

    assert warned(tmp_path, text, WithStore()) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.3.2.1"])
def test_this_computer_needs_no_encryption(tmp_path: Path, host: str) -> None:
    text = QUIET + f"hub: {{url: 'mqtt://{host}:1883'}}\n"
    assert warned(tmp_path, text, PLUGGED) == []


def test_a_unit_without_devices_is_asked_about(tmp_path: Path) -> None:
    assert warned(tmp_path, "", PLUGGED) == [
        "unit.yaml: gnss: warning: no GNSS receiver: "
        "the hub will not see where the unit is; add one in gnss:",
        "unit.yaml: cameras: warning: no camera: nothing will be detected; add one in cameras:",
    ]


def test_a_variable_is_named_where_there_is_no_line(tmp_path: Path) -> None:
    found = warned(tmp_path, QUIET, PLUGGED, HUB__URL="mqtt://hub")
    assert len(found) == 1
    assert found[0].startswith("environment: hub.url: warning: everything to hub goes")
    assert found[0].endswith("(set by PATROL_EDGE__HUB__URL)")


def test_the_real_file_system_is_only_looked_at(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("x")
    (tmp_path / "pw").chmod(0o644)
    file = tmp_path / "unit.yaml"
    text = "hub: {url: 'mqtts://h', username: u, password_file: pw}\n"
    file.write_text(UNIT + QUIET + text)
    warnings = [warning.text for warning in load(file, {}).warnings]
    assert warnings == [
        f"{tmp_path}/pw is open to other users (mode 0644); run: chmod 600 {tmp_path}/pw"
    ]
    (tmp_path / "pw").chmod(0o600)
    assert load(file, {}).warnings == ()


def test_taking_unsigned_commands_is_warned_of(tmp_path: Path) -> None:
    (said,) = warned(tmp_path, QUIET + "security: {commands: unsigned}\n", PLUGGED)
    assert "whoever reaches the broker commands this unit" in said
    assert "patrol-edge keys install" in said


def test_what_is_listened_for_on_purpose_needs_its_model(tmp_path: Path) -> None:
    text = QUIET + "microphones: {a: {kind: sound}}\naudio: {mode: events, listen_for: [%s]}\n"
    assert warned(tmp_path, text % "voice, loud", PLUGGED) == []
    line = text.count("\n") + UNIT.count("\n")
    assert warned(tmp_path, text % "siren, loud, shot", PLUGGED) == [
        f"unit.yaml:{line}:35: audio.listen_for: warning: without a model there is no hearing "
        "siren or shot; write audio.model: yamnet"
    ]
    assert set(classes.KINDS) == OF_A_MODEL


def test_pictures_more_seldom_than_the_tracker_waits_are_told(tmp_path: Path) -> None:
    """The file is valid, the model works, and nothing would ever be detected."""
    seldom = QUIET.replace("'rtsp://cam/1'", "'rtsp://cam/1', detect_fps: 0.2")
    found = warned(tmp_path, seldom, PLUGGED)
    slow = warned(tmp_path, f"{QUIET}perception: {{max_fps: 0.2}}\n", PLUGGED)
    patient = warned(tmp_path, f"{seldom}perception: {{tracker: {{lost_after_s: 15}}}}\n", PLUGGED)

    assert ["nobody is ever followed" in each for each in found] == [True]
    assert ["cameras.c.detect_fps" in each for each in found] == [True]
    assert ["perception.max_fps" in each for each in slow] == [True]
    assert patient == []
