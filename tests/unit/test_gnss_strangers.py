"""What is told of bytes that are no NMEA."""

import base64
import struct
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gnss.route import demo_route
from drivers.gnss.simulator import GnssSimulator, SimulatorPlan, at_wrong_speed
from drivers.gnss.strangers import seen_in
from tests.shared_data import shared

# Made with pyubx2, pyrtcm's test data and pymavlink: whole frames of each.
UBX = bytes.fromhex("b5620107000008190a61") + b"\xb5\x62\x05\x01\x02\x00\x06\x01\x0f\x38"
RTCM_1005 = bytes.fromhex("d300133ed7d30202980edeef34b4bd62ac0941986f33360b98")


def crc_ccitt(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def sbf() -> bytes:
    body = struct.pack("<HH", 4007, 24) + bytes(range(16))
    return b"$@" + struct.pack("<H", crc_ccitt(body)) + body


def mavlink_2(count: int) -> bytes:
    """Heartbeats; what a reader without the dialect can see of them."""
    return b"".join(
        b"\xfd\x09\x00\x00" + bytes([n]) + b"\x01\x01\x00\x00\x00" + bytes(9) + b"\x12\x34"
        for n in range(count)
    )


def mavlink_1(count: int) -> bytes:
    return b"".join(
        b"\xfe\x09" + bytes([n]) + b"\x01\x01\x00" + bytes(9) + b"\x12\x34" for n in range(count)
    )


def cobs(data: bytes) -> bytes:
    pieces = data.split(b"\0")
    return b"".join(bytes([len(piece) + 1]) + piece for piece in pieces)


def board() -> bytes:
    plain = struct.pack("<BBHB", 2, 7, 300, 3) + b"abc"
    return b"\0" + cobs(plain + struct.pack("<I", zlib.crc32(plain))) + b"\0"


SMP = b"\x06\x09" + base64.b64encode(b"\x00\x0e" + bytes(14)) + b"\n"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (UBX * 4, "UBX"),
        (RTCM_1005 * 3, "RTCM"),
        (b"\x00" * 9 + sbf() * 3, "SBF"),
        (mavlink_2(6), "MAVLink"),
        (b"\x33" * 20 + mavlink_1(6), "MAVLink"),
        (board() * 5, "boards"),
        (SMP * 4, "boot loader"),
        ((b"\xaa\x44\x12\x1c" + bytes(60) + b"\xaa\x44\xb5" + bytes(60)) * 2, "NovAtel"),
        (b"Ubuntu 24.04 LTS unit ttyS0\r\nunit login: \r\nPassword:\r\n", "Password:"),
        (b"+CREG: 0,1\r\nOK\r\n" * 5, "OK"),
    ],
)
def test_each_is_known_by_its_frames(data: bytes, told: str) -> None:
    stranger = seen_in(data)
    assert stranger is not None
    assert told in str(stranger)
    cut = seen_in(data[3:])
    assert cut is not None
    assert cut.name.split("(")[0] == stranger.name.split("(")[0]


@pytest.mark.parametrize("baud", [4800, 9600, 38_400, 57_600, 230_400])
def test_a_wrong_speed_is_taken_for_nobody(baud: int) -> None:
    plan = SimulatorPlan(route=demo_route().route(), constellations=("GP", "GL", "GA", "GB"))
    simulator = GnssSimulator(plan, datetime(2026, 11, 22, tzinfo=UTC))
    data = b"".join(simulator.burst() for _ in range(8))
    garbage = at_wrong_speed(data, 115_200, baud)
    assert len(garbage) > 100
    assert seen_in(garbage) is None
    assert at_wrong_speed(data, 9600, 9600)[:-1] == data[: len(data) - 1]


def test_recorded_binary_is_known() -> None:
    log = shared("data/nmea/gpsd/ublox-zed-f9t-ubx_nmea_l5.log").read_bytes()
    ubx = b"".join(piece for piece in log.split(b"$") if b"\xb5\x62" in piece)
    stranger = seen_in(ubx)
    assert stranger is not None
    assert "UBX" in stranger.name


@given(st.binary(max_size=600))
def test_noise_is_nobody_and_never_an_error(data: bytes) -> None:
    seen_in(data)


@given(st.binary(max_size=200), st.sampled_from([UBX, RTCM_1005, mavlink_2(3), board(), SMP]))
def test_frames_amid_noise_are_found_or_not_but_never_an_error(noise: bytes, data: bytes) -> None:
    seen_in(noise + data + noise)
