"""What a technician reads. These texts are part of the product: change them on purpose."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.loading import load

UNIT = "unit:\n  id: dog-01\n  kind: drone\n"


def told(tmp_path: Path, text: str) -> list[str]:
    """The problems of a file, without the file's name."""
    file = tmp_path / "unit.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


def check(tmp_path: Path, section: str, *lines: str) -> None:
    assert told(tmp_path, UNIT + section) == list(lines)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("gnss: {a: {kind: serial, port: /dev/x, silent_after_s: 5s}}",
         "4:56: gnss.a.silent_after_s: '5s' has a unit; this is in seconds: write 5"),
        ("position: {parked_every_s: 5 min}",
         "4:28: position.parked_every_s: '5 min' has a unit; this is in seconds: write 300"),
        ("position: {patrol_every_s: 500ms}",
         "4:28: position.patrol_every_s: '500ms' has a unit; this is in seconds: write 0.5"),
        ("position: {patrol_every_s: 1 hour}",
         "4:28: position.patrol_every_s: '1 hour' is 3600 seconds, which is out of range; "
         "write a number from 0.2 to 600, without the unit"),
        ("gnss: {a: {kind: gpsd, max_speed_mps: 80 km/h}}",
         "4:39: gnss.a.max_speed_mps: '80 km/h' has a unit; this is in metres per second: "
         "write 22.2"),
        ("cameras: {a: {kind: v4l2, device: /dev/x, fps: 25fps}}",
         "4:48: cameras.a.fps: '25fps' has a unit; this is in pictures per second: write 25"),
        ("cameras: {a: {kind: v4l2, device: /dev/x, width_px: 1280 px}}",
         "4:53: cameras.a.width_px: '1280 px' has a unit; this is in pixels: write 1280"),
        ("outbox: {max_mib: 1 GB}",
         "4:19: outbox.max_mib: '1 GB' has a unit; this is in MiB: write 954"),
        ("position: {turn_deg: 15°}",
         "4:22: position.turn_deg: '15°' has a unit; this is in degrees: write 15"),
        ("perception: {score_min: 40%}",
         "4:25: perception.score_min: '40%' has a unit; this is in parts of 1: write 0.4"),
        ("position: {patrol_every_ms: 5000}",
         "4:12: position.patrol_every_ms: is not known here; "
         "this setting is in seconds: write patrol_every_s: 5"),
        ("gnss: {a: {kind: gpsd, max_speed_kmh: 72}}",
         "4:24: gnss.a.max_speed_kmh: is not known here; "
         "this setting is in metres per second: write max_speed_mps: 20"),
        ("delivery: {backlog_kbit_s: 1 Mbit/s}",
         "4:28: delivery.backlog_kbit_s: '1 Mbit/s' has a unit; this is in kbit/s: write 1000"),
        ("delivery: {backlog_kbps: 256}",
         "4:12: delivery.backlog_kbps: is not known here; "
         "this setting is in kbit/s: write backlog_kbit_s: 256"),
        ("modes: {Bad Mode: {max_fps: 3}}",
         "4:9: modes.Bad Mode: 'Bad Mode' cannot be a name; write a-z, 0-9 and _ "
         "with a letter first, at most 32, e.g. bad_mode"),
        ("health: {every: 10}",
         "4:10: health.every: is not known here; this setting is in seconds: write every_s: 10"),
    ],
)  # fmt: skip
def test_a_wrong_unit_is_answered_with_the_right_number(
    tmp_path: Path, line: str, text: str
) -> None:
    check(tmp_path, line, text)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("hub: {keepalive_s: '20'}",
         "4:20: hub.keepalive_s: '20' is not read as a number; write 20 without quotes"),
        ("hub: {keepalive_s: 020}",
         "4:20: hub.keepalive_s: '020' is not read as a number; write 20"),
        ("hub: {keepalive_s: 15.5}",
         "4:20: hub.keepalive_s: '15.5' is no whole number; write a whole number from 5 to 1200"),
        ("hub: {keepalive_s: 15.0}",
         "4:20: hub.keepalive_s: '15.0' has a decimal point; write 15"),
        ("hub: {keepalive_s: 3}",
         "4:20: hub.keepalive_s: '3' is out of range; write a whole number from 5 to 1200"),
        ("hub: {keepalive_s: true}",
         "4:20: hub.keepalive_s: 'true' is no number; "
         "write a whole number from 5 to 1200 (seconds, without the unit)"),
        ("hub: {keepalive_s: [20]}",
         "4:20: hub.keepalive_s: a list where one value belongs; "
         "write a whole number from 5 to 1200"),
        ("hub: {keepalive_s: }",
         "4:19: hub.keepalive_s: has no value; "
         "write a whole number from 5 to 1200, or delete the line"),
        ("position: {turn_deg: '1,5'}",
         "4:22: position.turn_deg: '1,5' is not read as a number; write 1.5 without quotes"),
        ("gnss: {a: {kind: serial, port: /dev/x, baud: atuo}}",
         "4:46: gnss.a.baud: 'atuo' is no number; do you mean auto?"),
        ("gnss: {a: {kind: serial, port: /dev/x, baud: 96}}",
         "4:46: gnss.a.baud: '96' is out of range; "
         "write a whole number from 300 to 4000000, or auto"),
        ("gnss: {a: {kind: tcp, host: x, port: 99999}}",
         "4:38: gnss.a.port: '99999' is out of range; write a whole number from 1 to 65535"),
        ("perception: {providers: [cdua, cpu]}",
         "4:26: perception.providers.0: 'cdua' is not known here; "
         "write cuda, tensorrt, openvino or cpu; do you mean cuda?"),
        ("perception: {enabled: yes}",
         "4:23: perception.enabled: 'yes' is no switch; write true"),
        ("perception: {enabled: Off}",
         "4:23: perception.enabled: 'Off' is no switch; write false"),
        ("perception: {enabled: 'true'}",
         "4:23: perception.enabled: 'true' is no switch; write true without quotes"),
        ("perception: {enabled: 1}",
         "4:23: perception.enabled: '1' is no switch; write true or false"),
        ("perception: {providers: cuda}",
         "4:25: perception.providers: 'cuda' where a list belongs; write providers: [cuda]"),
        ("logging: {level: warn}",
         "4:18: logging.level: 'warn' is not known here; "
         "write debug, info, warning or error; do you mean warning?"),
        ("hub: {protocol: 3}",
         "4:17: hub.protocol: '3' is not known here; write auto, 5 or 3.1.1"),
        ("hub: {root: /patrol/v1/}",
         "4:13: hub.root: '/patrol/v1/' does not fit; "
         "write words of A-Z, a-z, 0-9, _ and -, / between, e.g. patrol/v1"),
        ("state_dir: ~/data",
         "4:12: state_dir: ~ is not known to a service; write the whole path"),
        ("state_dir: ''",
         "4:12: state_dir: is empty; write a path, or delete the line"),
        ("state_dir:",
         "4:11: state_dir: has no value; write a path, or delete the line"),
        ("hub: {url: null}",
         "4:12: hub.url: has no value; "
         "write a text, e.g. mqtts://hub.example:8883, or delete the line"),
        ("cameras: {front: /dev/video0}",
         "4:18: cameras.front: '/dev/video0' where a section belongs; "
         "write front: and below it, indented, kind: v4l2, stream or file and its other keys"),
        ("health: 5",
         "4:9: health: '5' where a section belongs; "
         "write health: and below it, indented, every_s: 30"),
        ("hub: yes",
         "4:6: hub: 'yes' where a section belongs; "
         "write hub: and below it, indented, url: mqtts://hub.example:8883"),
        ("hub: mqtt://box:1883",
         "4:6: hub: 'mqtt://box:1883' where a section belongs; "
         "write hub: and below it, indented, url: mqtt://box:1883"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_answered_with_what_fits(tmp_path: Path, line: str, text: str) -> None:
    check(tmp_path, line, text)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("gps: {}", "4:1: gps: is not known here; do you mean gnss?"),
        ("mqtt: {}", "4:1: mqtt: is not known here; do you mean hub?"),
        ("hub: {user: x}", "4:7: hub.user: is not known here; do you mean username?"),
        ("hub: {password: geheim}",
         "4:7: hub.password: is not known here; do you mean password_file?"),
        ("hub: {port: 8883}", "4:7: hub.port: is not known here; do you mean url?"),
        ("perception: {fps: 8}",
         "4:14: perception.fps: is not known here; "
         "do you mean max_fps, or should it be in cameras.NAME?"),
        ("hub: {Keepalive-S: 20}",
         "4:7: hub.Keepalive-S: is not known here; do you mean keepalive_s?"),
        ("perception: {keepalive_s: 20}",
         "4:14: perception.keepalive_s: is not known here; it belongs in hub"),
        ("tls: {}", "4:1: tls: is not known here; it belongs in hub"),
        ("gnss: {a: {kind: gpsd, baud: 9600}}",
         "4:24: gnss.a.baud: is not known here; it belongs in kind serial"),
        ("cameras: {a: {kind: v4l2, device: /dev/x, url: y}}",
         "4:43: cameras.a.url: is not known here; it belongs in kind stream"),
        ("cameras: {a: {kind: v4l2, device: /dev/x, resolution: 1280x720}}",
         "4:43: cameras.a.resolution: is not known here; do you mean width_px and height_px?"),
        ("outbox: {zzz: 1}",
         "4:10: outbox.zzz: is not known here; known here: max_mib and thin_within_m"),
        ("gnss: {a: {kind: usb}}",
         "4:18: gnss.a.kind: 'usb' is no kind; write serial, replay, tcp, udp or gpsd"),
        ("gnss: {a: {kind: Serial}}",
         "4:18: gnss.a.kind: 'Serial' is no kind; "
         "write serial, replay, tcp, udp or gpsd; do you mean serial?"),
        ("gnss: {a: {port: /dev/x}}",
         "4:8: gnss.a: kind is missing; add kind: serial, replay, tcp, udp or gpsd"),
        ("gnss: {a: }",
         "4:8: gnss.a: kind is missing; add kind: serial, replay, tcp, udp or gpsd"),
        ("gnss: {a: {kind: serial}}",
         "4:8: gnss.a: port is missing; "
         "add port: /dev/serial/by-id/usb-u-blox_GNSS_receiver-if00"),
        ("gnss: {Front Cam: {kind: gpsd}}",
         "4:8: gnss.Front Cam: 'Front Cam' cannot be a name; "
         "write a-z, 0-9 and _ with a letter first, at most 32, e.g. front_cam"),
        ("gnss: {kind: serial, port: /dev/x}",
         "4:8: gnss: what stands in gnss: needs a name of your choice; "
         "write gnss:, below it main:, and below that, one level deeper, kind and port"),
        ("gnss:\n  main:\n  kind: serial\n  port: /dev/x\n",
         "6:3: gnss: kind and port belong below main:; indent them by two more spaces"),
        ("gnss:\n  - kind: serial\n",
         "5:3: gnss: a list where names belong; write gnss: and below it, indented, "
         "a name of your choice with a colon, e.g. main:, and below that, its keys"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_answered_with_the_right_one(tmp_path: Path, line: str, text: str) -> None:
    check(tmp_path, line, text)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("hub: {url: hub.local}",
         "4:12: hub.url: 'hub.local' is no MQTT address; write mqtts://hub.local:8883"),
        ("hub: {url: 'ssl://hub:8883'}",
         "4:12: hub.url: 'ssl://hub:8883' is no MQTT address; write mqtts://hub:8883"),
        ("hub: {url: 'mqtt://hub:99999'}",
         "4:12: hub.url: 'mqtt://hub:99999' has no usable port; "
         "write a whole number from 1 to 65535 after the :"),
        ("hub: {url: 'mqtt://hub:1883/patrol'}",
         "4:12: hub.url: 'mqtt://hub:1883/patrol' goes on after the port; "
         "write mqtt://hub:1883 (the topic's beginning goes in root:)"),
        ("hub: {url: 'mqtt://'}",
         "4:12: hub.url: 'mqtt://' lacks a host; write mqtt://HOST:PORT"),
        ("hub: {password_file: x}",
         "4:1: hub: password_file needs a user; add username:"),
        ("hub: {tls: {cert: x}}",
         "4:7: hub.tls: cert and key go together; add key:, or delete the other"),
        ("perception: {tracker: {high_score: 0.3, low_score: 0.4}}",
         "4:14: perception.tracker: low_score is above high_score; write a smaller low_score"),
        ("gnss: {a: {kind: serial, port: ttyUSB0}}",
         "4:32: gnss.a.port: 'ttyUSB0' is no path; write /dev/ttyUSB0"),
        ("gnss: {a: {kind: serial, port: COM3}}",
         "4:32: gnss.a.port: 'COM3' is a name of Windows; look in /dev/serial/by-id/"),
        ("gnss: {a: {kind: tcp, host: 'tcp://10.0.0.1:99'}}",
         "4:29: gnss.a.host: 'tcp://10.0.0.1:99' is no host; "
         "write 10.0.0.1 here, and the port in port:"),
        ("cameras: {a: {kind: v4l2, device: 0}}",
         "4:35: cameras.a.device: '0' is no path; "
         "write /dev/video0, or its /dev/v4l/by-id/ name"),
        ("cameras: {a: {kind: stream, url: 10.0.0.2}}",
         "4:34: cameras.a.url: '10.0.0.2' is no camera address; write rtsp://... or http://..."),
    ],
)  # fmt: skip
def test_a_wrong_address_is_answered_with_a_right_one(tmp_path: Path, line: str, text: str) -> None:
    check(tmp_path, line, text)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("hub: {}\n",
         ["1:1: unit is missing; add unit: and below it, indented, "
          "id: dog-01 and kind: robot_dog"]),
        ("unit:\n",
         ["1:1: unit: id is missing; add id: dog-01", "1:1: unit: kind is missing; "
          "add kind: robot_dog"]),
        ("unit: {id: Dog_01, kind: drone}\n",
         ["1:12: unit.id: 'Dog_01' does not fit; write 1 to 32 of a-z, 0-9 and -, e.g. dog-01"]),
        ("unit: {id: hub, kind: drone}\n",
         ["1:12: unit.id: 'hub' is a hub's name on the wire; write another, e.g. unit-01"]),
        ("unit: {id: a, kind: robot dog}\n",
         ["1:21: unit.kind: 'robot dog' is not known here; "
          "write robot_dog, drone or patrol_car; do you mean robot_dog?"]),
        ("hello\n",
         ["1:1: the file holds no sections; write unit: and below it, indented, id: dog-01"]),
        ("- unit\n",
         ["1:1: the file holds no sections; write unit: and below it, indented, id: dog-01"]),
        ("unit:\n  id:dog-1\n  kind:drone\n",
         ["2:3: unit: a space is missing after a colon; write id: dog-1"]),
        ("unit:\n  id:dog-1\n  kind: drone\n",
         ["3:7: the line above lacks a space after its colon; write id: dog-1"]),
        ("unit:\n  id: dog-1\n    kind: drone\n",
         ["3:9: this line is indented deeper than the one above; start both in the same column"]),
        ("unit:\n  id: dog-1\n kind: drone\n",
         ["3:2: is indented unlike its neighbours, or a value lacks its quotes; "
          "lines of one section start in the same column"]),
        ("unit:\n  label: Dog: 1\n",
         ["2:13: a second colon with a space after it; "
          "delete that space, or put the value in quotes"]),
        ("unit:\n  label: 'it's'\n",
         ["2:14: the quote before this ends the text; "
          "write the whole text in the other quotes"]),
        ("unit:\n  label: \"Dog\n",
         ["2:15: a quote is opened and not closed; close it"]),
        ("unit:\n  label: @home\n",
         ["2:10: this character cannot start a value; put the value in quotes"]),
        ("unit: {id: a\n",
         ["1:14: what is opened with { needs commas and a closing }"]),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_as_a_whole(tmp_path: Path, text: str, lines: list[str]) -> None:
    assert told(tmp_path, text) == lines


@pytest.mark.parametrize(
    "section",
    [
        "hub: {url: 'mqtt://admin:geheim@hub:1883'}",
        "hub: {url: 'admin:geheim@hub:1883'}",
        "hub: {url: 'mqtt://admin:ge/geheim@hub'}",
        "hub: mqtt://admin:geheim@hub",
        "hub: [mqtt://admin:geheim@hub]",
        "hub: {keepalive_s: 'mqtt://admin:geheim@hub'}",
        "hub: {password: geheim}",
        "hub:\n  url: mqtt://a:geheim@x: y\n",
        "cameras: {a: {kind: stream, url: 'rtsp://admin:geheim@cam/1'}}",
        "cameras: {a: {kind: stream, url: 'rtsp://admin:9/geheim@cam/1'}}",
        "cameras: {a: {kind: stream, url: 'http//admin:geheim@cam'}}",
        "cameras: {a: {kind: stream, url: 'http:/x?password=geheim'}}",
        "perception: {providers: 'a:geheim@b'}",
        "gnss: {a: {kind: tcp, host: 'user:geheim@host'}}",
    ],
)
def test_no_message_repeats_a_password(tmp_path: Path, section: str) -> None:
    lines = told(tmp_path, UNIT + section)
    assert lines
    assert not [line for line in lines if "geheim" in line]


CAMERA = "cameras: {a: {kind: file, path: x.avi, region: "
LEVELS = "rules: {c: {kind: crowd, zones: [a], levels: "


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (CAMERA + "[0, 1]}}",
         "4:48: cameras.a.region: holds 2 where 4 belong; write region: [0, 0, 0, 0]"),
        (CAMERA + "[0, 0, 1, 1, 1]}}",
         "4:48: cameras.a.region: holds 5 where 4 belong; write region: [0, 0, 0, 0]"),
        (CAMERA + "3}}",
         "4:48: cameras.a.region: '3' where a list belongs; write region: [0, 0, 0, 0]"),
        (CAMERA + "[0, 0, 2, 1]}}",
         "4:55: cameras.a.region.2: '2' is out of range; write a number from 0 to 1"),
        (LEVELS + "[{per_m2: 1, sustained_s: 9}]}}",
         "4:46: rules.c.levels: holds 1 where 4 belong; "
         "write levels: [{per_m2: 1, sustained_s: 0}, ...]"),
        ("zones: {ground: {z: {crs: wgs84, points: [[116, 35]]}}}",
         "4:42: zones.ground.z.points: holds 1; write at least 2"),
        ("zones: {ground: {z: {crs: wgs84, points: [[116, 35], [116, 36], [116, 36, 0]]}}}",
         "4:65: zones.ground.z.points.2: holds 3 where 2 belong; write 2: [1, 1]"),
    ],
)  # fmt: skip
def test_a_list_of_the_wrong_length(tmp_path: Path, line: str, text: str) -> None:
    check(tmp_path, line + "\n", text)
