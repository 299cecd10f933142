"""`patrol-edge devices` on a made computer: names that stay, guesses, lines, and two alike."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.loading import load
from drivers.plugged.known import KNOWN, VENDORS
from drivers.plugged.looking import Plugged, look_around
from drivers.plugged.tree import Tree, attribute
from edge.cli.body.device_lines import lines_for
from edge.cli.main import main
from tests.plugged_tree import MadeTree, patrol_car


def by_node(tree: Tree) -> dict[str, Plugged]:
    return {one.node: one for one in look_around(tree)}


def test_each_device_has_its_stable_name_and_says_what_it_is(tmp_path: Path) -> None:
    found = by_node(patrol_car(tmp_path).tree)

    assert found["/dev/video0"].name == (
        "/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920_5C9F-video-index0"
    )
    assert "/dev/video1" not in found, "the node of a camera's metadata is no camera"
    assert found["/dev/ttyUSB0"].what == "FTDI FT232R serial adapter"
    assert found["/dev/ttyUSB0"].usb is not None
    assert found["/dev/ttyUSB0"].usb.serial == "A10KZP"
    card = found["/dev/snd/controlC1"]
    assert (card.listens, card.speaks) == (True, True)
    assert found["can0"].what == "CAN adapter (gs_usb, candleLight)"
    assert found["vcan0"].what == "virtual CAN bus"
    assert found["iio:device0"].what == "bmp280, barometer and thermometer"
    assert found["1-0040"].what == "ina226, current and voltage meter"
    assert found["/dev/gpiochip0"].what == "GPIO lines of fe200000.gpio"
    assert (found["BAT0"].what, found["BAT0"].name) == ("battery LI-24V", "BAT0")
    assert lines_for(found["BAT0"])[-1] == "    supply: BAT0"
    assert "/dev/ttyS3" not in found, "a port that the board does not have"
    assert found["/dev/ttyAMA0"].purpose == "console"


def test_a_board_in_its_boot_loader_is_seen_and_hubs_are_not(tmp_path: Path) -> None:
    found = [one for one in look_around(patrol_car(tmp_path).tree) if one.kind == "usb"]
    assert [(one.node, one.purpose) for one in found] == [("1-7", "bootloader")]


def test_two_alike_without_serial_numbers_are_told_apart_by_their_ports(tmp_path: Path) -> None:
    found = by_node(patrol_car(tmp_path).tree)
    first, second = found["/dev/ttyACM0"], found["/dev/ttyACM1"]

    assert (first.twins, second.twins) == (1, 1)
    assert first.name == "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0"
    assert second.name == "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0"


def test_two_alike_with_serial_numbers_keep_their_names(tmp_path: Path) -> None:
    made = MadeTree(tmp_path)
    for number in (0, 1):
        above = made.usb(f"1-{number + 1}", "0403", "6001", serial=f"A{number}")
        made.tty(f"ttyUSB{number}", above, f"by-id/usb-FTDI_A{number}-if00-port0")
    assert [(one.name, one.twins) for one in look_around(made.tree)] == [
        ("/dev/serial/by-id/usb-FTDI_A0-if00-port0", 0),
        ("/dev/serial/by-id/usb-FTDI_A1-if00-port0", 0),
    ]


def test_without_any_link_the_node_is_told_and_called_unstable(tmp_path: Path) -> None:
    made = MadeTree(tmp_path)
    made.tty("ttyUSB0", made.usb("1-1", "dead", "beef", product="Thing"))
    (one,) = look_around(made.tree)
    assert (one.name, one.stable, one.what) == ("/dev/ttyUSB0", False, "Thing")


def run(
    made: MadeTree, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, list[dict[str, Any]], str]:
    code = main(["devices", "--json", "--sys", str(made.sys), "--dev", str(made.dev), *more])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


UNIT = """\
unit: {id: car-1, kind: patrol_car}
gnss:
  main: {kind: serial, port: /dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0}
  spare: {kind: serial, port: /dev/serial/by-id/usb-not-there}
cameras:
  front: {kind: v4l2, device: /dev/video0}
platforms:
  car: {kind: can, channel: can0}
sensors:
  air: {kind: iio, device: bmp280}
  charge: {kind: battery, supply: BAT0}
"""


def test_what_the_unit_file_uses_is_told_by_whatever_name_it_uses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = patrol_car(tmp_path)
    unit = tmp_path / "unit.yaml"
    unit.write_text(UNIT)
    code, found, err = run(made, capsys, "--config", str(unit))
    used = {one["node"]: one["used_by"] for one in found if one["used_by"]}

    assert code == 0
    assert used == {
        "/dev/ttyACM1": ["gnss.main.port"],
        "/dev/video0": ["cameras.front.device"],
        "can0": ["platforms.car.channel"],
        "iio:device0": ["sensors.air.device"],
        "BAT0": ["sensors.charge.supply"],
    }
    assert "not plugged in: /dev/serial/by-id/usb-not-there, which gnss.spare.port names" in err


def test_the_lines_that_are_given_are_a_unit_file(tmp_path: Path) -> None:
    """Each is loaded as the product loads it."""
    tried = 0
    for number, one in enumerate(look_around(patrol_car(tmp_path).tree)):
        lines = lines_for(one)
        if lines:
            unit = tmp_path / f"unit-{number}.yaml"
            unit.write_text("\n".join(["unit: {id: car-1, kind: patrol_car}", *lines]))
            load(unit, {})
            tried += 1
    assert tried >= 9  # receivers, an adapter, camera, microphone, CAN, a sensor, a battery


def test_the_text_says_what_to_do_with_two_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = patrol_car(tmp_path)
    assert main(["devices", "--sys", str(made.sys), "--dev", str(made.dev)]) == 0
    out = capsys.readouterr().out
    assert out.count("write the name by-path, and leave each in its port") == 2
    assert "      port: /dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0" in out
    assert "it waits for firmware" in out


def test_an_empty_computer_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = MadeTree(tmp_path)
    assert main(["devices", "--sys", str(made.sys), "--dev", str(tmp_path / "none")]) == 0
    out, err = capsys.readouterr()
    assert (out, "nothing is plugged in" in err) == ("", True)


def test_this_computer_can_be_looked_at_without_being_root() -> None:
    for one in look_around():
        assert one.name
        assert one.what


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=300))
def test_whatever_a_device_calls_itself_is_one_printable_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("sys") / "product"
    path.write_bytes(content)
    text = attribute(path)
    assert text is None or (text.isprintable() and text.strip() == text != "")


def test_the_table_is_written_as_the_kernel_writes_its_ids() -> None:
    ids = [part for key in KNOWN for part in key] + list(VENDORS)
    assert all(len(part) == 4 and part == f"{int(part, 16):04x}" for part in ids)
