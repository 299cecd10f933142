"""Images for MCUboot: those that its own tool made, and what is not to be believed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.management.mcuboot import BadImageError, read_image
from firmware_bridge.simulated.images import body, image
from tests.smp_servers import server_file

MADE_BY_IMGTOOL = Path(__file__).parents[1] / "data" / "firmware"  # imgtool 2.5.0, Ed25519
SIGNED = (MADE_BY_IMGTOOL / "imgtool_1.2.3.4.bin").read_bytes()
PROTECTED = (MADE_BY_IMGTOOL / "imgtool_protected.bin").read_bytes()  # with a security counter


def test_what_imgtool_made_is_read() -> None:
    told = read_image(SIGNED)
    assert (told.version, told.size_bytes, told.is_signed) == ("1.2.3.4", len(SIGNED), True)
    assert told.hash in SIGNED
    assert read_image(PROTECTED).version == "1.2.3"
    assert read_image(PROTECTED).hash != told.hash


def test_the_images_of_zephyr_s_test_servers_are_read() -> None:
    file = server_file("mps2_an385_serial_recovery_buf1024.signed.bin")
    assert read_image(file.read_bytes()).version == "0.0.0"


def test_an_image_for_a_simulated_board_is_one() -> None:
    made = image("2.7.1", body(1000, seed=1))
    told = read_image(made)
    assert (told.version, told.size_bytes, told.is_signed) == ("2.7.1", len(made), False)
    assert read_image(image("2.7.1.9", b"x")).version == "2.7.1.9"
    assert body(1000, seed=1) != body(1000, seed=2)


def test_what_lies_behind_the_image_is_passed_over() -> None:
    assert read_image(SIGNED + b"\xff" * 4096) == read_image(SIGNED)


def _flip(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: b"", "shorter than an image's header"),
        (lambda data: b"\x7fELF" + data[4:], "no MCUboot image"),
        (lambda data: data[:100], "cut off"),
        (lambda data: data[:132], "no trailer"),
        (lambda data: data[:140], "trailer is cut off"),
        (_flip(60), "damaged"),
        (_flip(20), "damaged"),  # the version is part of what is hashed
        (_flip(133), "no trailer where its header says"),
        (lambda data: data[:16] + b"\x04" + data[17:], "encrypted"),
        (lambda data: data[:8] + b"\x04" + data[9:], "cut off|damaged|no trailer"),
    ],
    ids=["empty", "elf", "half", "no trailer", "cut", "body", "version", "magic", "secret", "head"],
)
def test_what_is_wrong_with_an_image_is_said(damage: Callable[[bytes], bytes], words: str) -> None:
    with pytest.raises(BadImageError, match=words):
        read_image(damage(SIGNED))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(BadImageError):
        read_image(data)


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_no_changed_byte_of_what_is_hashed_is_missed(at: int, change: int) -> None:
    hurt = SIGNED[:at] + bytes([SIGNED[at] ^ change]) + SIGNED[at + 1 :]
    try:
        told = read_image(hurt)
    except BadImageError:
        return
    assert at >= 132  # only in the trailer: the boot loader's signature, and entries for it
    assert told.hash == read_image(SIGNED).hash
