"""MAVLink frames: found in damage, checked, signed, and the same as pymavlink's own."""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.platforms.mavlink import numbers
from drivers.platforms.mavlink.codec import Codec, Heard
from drivers.platforms.mavlink.signing import Signing, key_from
from tests.fakes import ManualClock

dialect = pytest.importorskip("pymavlink.dialects.v20.ardupilotmega")
KEY = bytes(range(32))


def attitude(number: int) -> dict[str, float]:
    return {"time_boot_ms": number, "roll": 0.1, "pitch": -0.2, "yaw": 3.0,
            "rollspeed": 0.0, "pitchspeed": 0.0, "yawspeed": 0.0}  # fmt: skip


def stream(count: int, version: int = 2, signing: Signing | None = None) -> list[bytes]:
    codec = Codec(1, 1, signing)
    return [codec.encode("ATTITUDE", version=version, **attitude(n)) for n in range(count)]


def times(heard: list[Heard]) -> list[int]:
    return [each.fields.time_boot_ms for each in heard]


def peer(key: bytes | None = None) -> object:
    """pymavlink's own, at the other end."""
    other = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    if key is not None:
        other.signing.secret_key = key
        other.signing.sign_outgoing = True
        other.signing.timestamp = 10**14
    return other


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("piece", [1, 7, 64, 4096])
def test_frames_are_found_however_they_are_cut(version: int, piece: int) -> None:
    data = b"".join(stream(50, version))
    codec = Codec(1, 191)
    heard = [
        each for at in range(0, len(data), piece) for each in codec.feed(data[at : at + piece])
    ]
    assert times(heard) == list(range(50))
    assert {each.version for each in heard} == {version}
    assert dict(codec.counters) == {"messages": 50}
    assert codec.lost[1] == 0


def test_every_frame_of_ours_is_one_of_pymavlink_and_the_other_way_round() -> None:
    other = peer()
    for frame in stream(5):
        assert other.decode(bytearray(frame)).roll == pytest.approx(0.1)  # type: ignore[attr-defined]
    for version in (1, 2):
        count = Codec(255, 190).encode(
            "MISSION_COUNT", version=version, target_system=1, target_component=1, count=7
        )
        assert other.decode(bytearray(count)).count == 7  # type: ignore[attr-defined]
    theirs = dialect.MAVLink_attitude_message(**attitude(4)).pack(other)
    assert times(Codec(1, 191).feed(theirs)) == [4]


def test_damage_costs_the_damaged_message_and_no_other() -> None:
    frames = stream(200)
    broken = {20, 21, 90, 150}
    dice = random.Random(3)
    for number in broken:
        frame = bytearray(frames[number])
        frame[dice.randrange(1, len(frame))] ^= 0x55
        frames[number] = bytes(frame)
    codec = Codec(1, 191)
    heard = codec.feed(b"\x00\xfd\xfe" + b"".join(frames) + frames[0])
    assert set(range(200)) - set(times(heard)) == broken
    assert codec.counters["bad_checksum"] + codec.counters["garbage_bytes"] > 0


def test_what_is_lost_is_counted() -> None:
    frames = stream(300)
    del frames[100:110]
    codec = Codec(1, 191)
    codec.feed(b"".join(frames))
    assert codec.lost[1] == 10


def test_a_message_of_another_dialect_is_passed_over_whole() -> None:
    unknown = b"\xfd\x04\x00\x00\x07\x01\x01\x39\x30\x99\x01\x02\x03\x04\xaa\xbb"
    first, second = stream(2)
    codec = Codec(1, 191)
    assert times(codec.feed(first + unknown + second)) == [0, 1]
    assert codec.counters["unknown_message"] == 1


def test_a_datagram_ends_what_is_in_it() -> None:
    first, second = stream(2)
    codec = Codec(1, 191)
    assert codec.feed(first[:-4], whole=True) == []
    assert times(codec.feed(second, whole=True)) == [1]
    assert codec.counters["garbage_bytes"] == len(first) - 4


# --- signing ---


def test_only_what_is_signed_with_our_key_is_heard() -> None:
    clock = ManualClock()
    signed = stream(3, signing=Signing(KEY, clock))
    other_key = stream(3, signing=Signing(bytes(32), clock))
    codec = Codec(1, 191, Signing(KEY, clock))
    assert times(codec.feed(b"".join(signed))) == [0, 1, 2]
    assert codec.feed(b"".join(other_key + stream(3))) == []
    assert codec.counters["unsigned"] == 6


def test_what_is_repeated_or_a_minute_old_is_refused() -> None:
    clock = ManualClock()
    (frame,) = stream(1, signing=Signing(KEY, clock))
    codec = Codec(1, 191, Signing(KEY, clock))
    assert len(codec.feed(frame)) == 1
    assert codec.feed(frame) == []

    late = Codec(1, 191, ours := Signing(KEY, clock))
    clock.advance(120)
    ours.signed(frame)  # our own clock is what it is compared with
    assert late.feed(frame) == []


def test_a_forged_frame_of_the_future_does_not_age_the_true_ones() -> None:
    clock = ManualClock()
    true = Signing(KEY, clock)
    codec = Codec(1, 191, Signing(KEY, clock))
    ahead = ManualClock(clock.utc() + timedelta(days=400))
    forged = Codec(1, 1, Signing(b"x" * 32, ahead)).encode("ATTITUDE", **attitude(9))
    assert codec.feed(forged) == []
    assert len(codec.feed(Codec(1, 1, true).encode("ATTITUDE", **attitude(1)))) == 1


def test_signatures_are_those_of_pymavlink() -> None:
    clock = ManualClock(datetime(2026, 6, 1, tzinfo=UTC))
    other = peer(KEY)
    (frame,) = stream(1, signing=Signing(KEY, clock))
    other.signing.timestamp = 0  # type: ignore[attr-defined]
    assert other.decode(bytearray(frame)).get_signed()  # type: ignore[attr-defined]

    now_ticks = int((clock.utc() - datetime(2015, 1, 1, tzinfo=UTC)).total_seconds() * 1e5)
    other.signing.timestamp = now_ticks  # type: ignore[attr-defined]
    theirs = dialect.MAVLink_attitude_message(**attitude(4)).pack(other)
    assert times(Codec(1, 191, Signing(KEY, clock)).feed(theirs)) == [4]


def test_a_key_is_hexadecimal_digits_or_a_passphrase() -> None:
    assert key_from(KEY.hex() + "\n") == KEY
    assert key_from("correct horse") == key_from(" correct horse\n")
    assert len(key_from("x" * 64)) == 32
    with pytest.raises(ValueError, match="empty"):
        key_from(" \n")


# --- anything ---


@given(st.lists(st.binary(max_size=80), max_size=6), st.booleans())
def test_any_bytes_are_counted_and_never_an_error(pieces: list[bytes], whole: bool) -> None:
    codec = Codec(1, 191, Signing(KEY, ManualClock()))
    for piece in pieces:
        codec.feed(piece, whole=whole)


@given(st.binary(max_size=60), st.integers(0, 40))
def test_a_message_after_any_bytes_is_heard_in_the_end(noise: bytes, count: int) -> None:
    codec = Codec(1, 191)
    heard = codec.feed(noise + b"".join(stream(count + 20)))
    assert times(heard)[-1] == count + 19  # a header in the noise may have swallowed the first


# --- numbers ---


def test_every_number_is_the_one_of_the_dialect() -> None:
    told = {
        name: value
        for name, value in vars(numbers).items()
        if re.match(r"(MAV|MISSION_STATE|GIMBAL|ZOOM)_", name)
    }
    assert len(told) > 50
    spelling = {"MAV_SENSOR_ROTATION_PITCH_270": "MAV_SENSOR_ROTATION_PITCH_270"}
    wrong = {
        name: (value, getattr(dialect, spelling.get(name, name), None))
        for name, value in told.items()
        if getattr(dialect, spelling.get(name, name), None) != value
    }
    assert wrong == {}
    for name, number in numbers.MESSAGES.items():
        assert dialect.mavlink_map[number].msgname == name
