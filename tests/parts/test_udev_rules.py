"""The udev rules: whole lines, names and groups for what the table knows, open to the service."""

import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from drivers.plugged.known import KNOWN

SYSTEMD = Path(__file__).parents[2] / "systemd"
RULES = SYSTEMD / "70-patrol-edge.rules"
STICKS = SYSTEMD / "71-patrol-edge-usb.rules"
SERVICE = SYSTEMD / "patrol-edge.service"

# udev(7): a key, perhaps with an attribute in braces, an operator, a value in quotes.
TOKEN = re.compile(r'([A-Z_]+)(?:\{([^}]+)\})?\s*(==|!=|\+=|-=|:=|=)\s*"([^"]*)"')
MATCHES = {"ACTION", "KERNEL", "SUBSYSTEM", "SUBSYSTEMS", "DRIVER", "ATTR", "ATTRS", "ENV"}
ASSIGNS = {"GROUP", "MODE", "SYMLINK", "ENV", "ATTR", "GOTO", "LABEL", "IMPORT", "TAG"}

Token = tuple[str, str, str, str]
Device = dict[str, str]  # "KERNEL", "ATTRS{idVendor}", ... as the kernel and udev have it


def rules(file: Path = RULES) -> list[list[Token]]:
    return [
        TOKEN.findall(line)
        for line in file.read_text().splitlines()
        if line and not line.startswith("#")
    ]


def apply(device: Device, file: Path = RULES) -> Device:
    """What udev would make of this device: the values assigned to it."""
    device, made, skipping = {"ACTION": "add"} | device, Device(), ""
    for rule in rules(file):
        label = next((value for key, _, _, value in rule if key == "LABEL"), "")
        if skipping and label != skipping:
            continue
        skipping = ""
        if not all(fits(device, token) for token in rule):
            continue
        for key, name, operator, value in rule:
            full = f"{key}{{{name}}}" if name else key
            if key == "GOTO":
                skipping = value
            elif operator in ("=", "+=") and key != "LABEL":
                filled = re.sub(
                    r"\$env\{(\w+)\}", lambda m: device.get(f"ENV{{{m[1]}}}", ""), value
                )
                made[full] = device[full] = filled
    return made


def fits(device: Device, token: Token) -> bool:
    key, name, operator, value = token
    if operator not in ("==", "!="):
        return True
    has = device.get(f"{key}{{{name}}}" if name else key, "")
    equal = any(fnmatchcase(has, pattern) for pattern in value.split("|"))
    return equal == (operator == "==")


@pytest.mark.parametrize("file", [RULES, STICKS], ids=lambda file: file.name)
def test_every_line_is_whole(file: Path) -> None:
    for line in file.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        assert TOKEN.sub("", line).replace(",", "").strip() == "", line
        for key, _, operator, _ in TOKEN.findall(line):
            assert key in (MATCHES if operator in ("==", "!=") else ASSIGNS), line
    targets = {value for rule in rules(file) for key, _, _, value in rule if key == "GOTO"}
    labels = {value for rule in rules(file) for key, _, _, value in rule if key == "LABEL"}
    assert targets == labels


def test_udevadm_finds_nothing_wrong() -> None:
    program = shutil.which("udevadm")
    if program is None:
        pytest.skip("needs udevadm (package udev)")
    told = subprocess.run([program, "verify", "--help"], capture_output=True, check=False)
    if told.returncode != 0:
        pytest.skip("this udevadm is older than 254 and has no verify")
    result = subprocess.run(
        [program, "verify", "--resolve-names=never", str(RULES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr + result.stdout


def port(vendor: str, product: str) -> Device:
    return {
        "SUBSYSTEM": "tty",
        "SUBSYSTEMS": "usb",
        "KERNEL": "ttyACM0",
        "ATTRS{idVendor}": vendor,
        "ATTRS{idProduct}": product,
        "ENV{ID_PATH_TAG}": "pci-0000_00_14_0-usb-0_2_1_0",
        "ENV{ID_USB_INTERFACE_NUM}": "00",
    }


@pytest.mark.parametrize(
    ("vendor", "product"),
    sorted(key for key, known in KNOWN.items() if known.purpose in ("gnss", "board", "autopilot")),
)
def test_what_the_table_knows_has_a_name_by_its_port_and_no_modem_manager(
    vendor: str, product: str
) -> None:
    made = apply(port(vendor, product))
    purpose = KNOWN[vendor, product].purpose
    assert made["SYMLINK"] == f"patrol/{purpose}-pci-0000_00_14_0-usb-0_2_1_0-if00"
    assert (made["GROUP"], made["MODE"]) == ("dialout", "0660")
    assert made["ENV{ID_MM_DEVICE_IGNORE}"] == "1"


def test_a_port_that_nobody_knows_gets_its_group_and_no_name() -> None:
    made = apply(port("dead", "beef"))
    assert made == {"GROUP": "dialout", "MODE": "0660"}
    assert apply(port("1546", "01a9") | {"ACTION": "remove"}) == {}


@pytest.mark.parametrize(
    ("device", "group"),
    [
        ({"SUBSYSTEM": "video4linux", "KERNEL": "video0"}, "video"),
        ({"SUBSYSTEM": "sound", "KERNEL": "pcmC1D0c"}, "audio"),
        ({"SUBSYSTEM": "gpio", "KERNEL": "gpiochip0"}, "patrol-edge"),
        ({"SUBSYSTEM": "i2c-dev", "KERNEL": "i2c-1"}, "patrol-edge"),
        ({"SUBSYSTEM": "input", "KERNEL": "event0"}, None),
    ],
    ids=["camera", "microphone", "gpio", "i2c", "keyboard"],
)
def test_each_kind_of_node_has_the_group_that_opens_it(device: Device, group: str | None) -> None:
    assert apply(device).get("GROUP") == group


@pytest.mark.parametrize(
    ("vendor", "product"),
    sorted(key for key, known in KNOWN.items() if known.purpose == "bootloader"),
)
def test_a_board_in_its_boot_loader_is_open_to_the_service(vendor: str, product: str) -> None:
    device = {"SUBSYSTEM": "usb", "ENV{DEVTYPE}": "usb_device"}
    made = apply(device | {"ATTR{idVendor}": vendor, "ATTR{idProduct}": product})
    assert (made["GROUP"], made["MODE"]) == ("patrol-edge", "0660")
    assert apply(device | {"ATTR{idVendor}": "046d", "ATTR{idProduct}": "c31c"}) == {}


def test_an_ftdi_adapter_does_not_hold_bytes_back() -> None:
    made = apply({"SUBSYSTEM": "usb-serial", "DRIVER": "ftdi_sio"})
    assert made == {"ATTR{latency_timer}": "1"}


# The groups that nodes of each kind get, and the name of that kind in /proc/devices.
CLASSES = {
    "tty": ("ttyUSB", "ttyACM", "ttyS", "ttyAMA", "ttyTHS", "ttymxc"),
    "video4linux": ("video4linux",),
    "sound": ("alsa",),
    "gpio": ("gpiochip",),
    "i2c-dev": ("i2c",),
    "usb": ("usb_device",),
}


def test_the_service_may_open_every_kind_of_node_and_is_in_every_group_of_the_rules() -> None:
    service = SERVICE.read_text()
    allowed = set(re.findall(r"^DeviceAllow=char-(\S+) rw$", service, re.MULTILINE))
    wanted, groups = set(), set()
    for rule in rules():
        groups |= {value for key, _, operator, value in rule if (key, operator) == ("GROUP", "=")}
        if any(key == "GROUP" for key, *_ in rule):
            kinds = [value for key, _, op, value in rule if (key, op) == ("SUBSYSTEM", "==")]
            wanted |= set(CLASSES[kinds[0] if kinds else "tty"])
    assert allowed == wanted
    (supplementary,) = re.findall(r"^SupplementaryGroups=(.*)$", service, re.MULTILINE)
    (own,) = re.findall(r"^Group=(.*)$", service, re.MULTILINE)
    assert groups <= {*supplementary.split(), own}


def stick(**facts: str) -> Device:
    return {
        "ACTION": "add", "SUBSYSTEM": "block", "SUBSYSTEMS": "usb",
        "ENV{ID_FS_USAGE}": "filesystem", "ENV{ID_FS_TYPE}": "vfat",
    } | facts  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "looked_at"),
    [
        ({}, True),
        ({"ENV{ID_FS_TYPE}": "exfat"}, True),
        ({"ENV{ID_FS_TYPE}": "btrfs"}, False),
        ({"ENV{ID_FS_USAGE}": "crypto"}, False),
        ({"SUBSYSTEMS": "nvme"}, False),
        ({"ACTION": "change"}, False),
        ({"ACTION": "remove"}, False),
    ],
    ids=["fat", "exfat", "btrfs", "locked", "own-disk", "change", "pulled"],
)
def test_a_stick_that_is_put_in_is_looked_at_and_nothing_else(
    facts: Device, looked_at: bool
) -> None:
    made = apply(stick(**facts), STICKS)
    assert (made.get("ENV{SYSTEMD_WANTS}") == "patrol-edge-usb@%k.service") == looked_at
    assert (made.get("TAG") == "systemd") == looked_at


def test_the_service_for_sticks_may_read_what_the_rule_names() -> None:
    service = (SYSTEMD / "patrol-edge-usb@.service").read_text()
    assert {"block-sd r", "block-mmc r"} <= set(re.findall(r"^DeviceAllow=(.*)$", service, re.M))
    assert "BindsTo=" not in service  # a stick that is pulled must not end the flash
