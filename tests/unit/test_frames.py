"""COBS, frames, and the splitter that sorts what comes on one line."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.runtime import cobs
from firmware_bridge.runtime.frames import (
    MAX_PAYLOAD_BYTES,
    MAX_STUFFED_BYTES,
    BadFrameError,
    Frame,
    decode,
    encode,
)
from firmware_bridge.runtime.splitter import ConsoleText, Item, ManagementLine, Splitter

# From the paper's figures, and where a block is full.
STUFFED = [
    (b"", "01"),
    (b"\0", "0101"),
    (b"\0\0", "010101"),
    (b"\x11\x22\0\x33", "0311220233"),
    (b"\x11\0\0\0", "0211010101"),
    (bytes(range(1, 255)), "ff" + bytes(range(1, 255)).hex()),
    (bytes(range(255)), "01ff" + bytes(range(1, 255)).hex()),
    (bytes(range(1, 256)), "ff" + bytes(range(1, 255)).hex() + "02ff"),
    (bytes([*range(1, 255), 0]), "ff" + bytes(range(1, 255)).hex() + "0101"),
]

frames = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 65_535),
    st.binary(max_size=MAX_PAYLOAD_BYTES),
    st.integers(1, 7),
)
management = st.builds(
    lambda start, rest: ManagementLine(start + rest),
    st.sampled_from([b"\x06\x09", b"\x04\x14"]),
    st.from_regex(rb"[A-Za-z0-9+/=]{1,124}", fullmatch=True),
)
console = st.builds(ConsoleText, st.from_regex(r"[!-~][ -~]{1,100}", fullmatch=True))


def on_the_line(item: Item) -> bytes:
    if isinstance(item, Frame):
        return encode(item)
    return (item.data if isinstance(item, ManagementLine) else item.text.encode()) + b"\r\n"


@pytest.mark.parametrize(("data", "stuffed"), STUFFED, ids=range(len(STUFFED)))
def test_stuffing_is_that_of_the_paper(data: bytes, stuffed: str) -> None:
    assert cobs.encode(data).hex() == stuffed
    assert cobs.decode(bytes.fromhex(stuffed)) == data


@given(st.binary(max_size=1200))
def test_any_bytes_come_back_and_hold_no_zero(data: bytes) -> None:
    stuffed = cobs.encode(data)
    assert 0 not in stuffed
    assert cobs.decode(stuffed) == data
    assert len(stuffed) <= len(data) + 1 + len(data) // 254


@given(st.binary(max_size=300))
def test_what_no_encoder_makes_is_refused_or_read(data: bytes) -> None:
    try:
        cobs.decode(data)
    except cobs.CobsError:
        return
    assert 0 not in data


@given(frames)
def test_a_frame_comes_back(frame: Frame) -> None:
    line = encode(frame)
    assert line[0] == line[-1] == 0
    assert len(line) - 2 <= MAX_STUFFED_BYTES
    assert decode(line[1:-1]) == frame


@given(frames, st.data())
def test_one_wrong_byte_is_always_seen(frame: Frame, data: st.DataObject) -> None:
    stuffed = bytearray(encode(frame)[1:-1])
    stuffed[data.draw(st.integers(0, len(stuffed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadFrameError):
        decode(bytes(stuffed))


def test_each_kind_of_damage_has_its_name() -> None:
    def cause(body: bytes) -> str:
        crc = zlib.crc32(body).to_bytes(4, "little")
        with pytest.raises(BadFrameError) as caught:
            decode(cobs.encode(body + crc))
        return caught.value.cause

    assert cause(b"\x02\x01\0\0") == "short"
    assert cause(b"\x02\x01\0\0\x02x") == "length"
    assert cause(b"\x02\x01\0\0\xfa" + b"x" * 250) == "length"
    with pytest.raises(BadFrameError, match="cobs"):
        decode(b"\x09ab")
    with pytest.raises(BadFrameError, match="crc"):
        decode(cobs.encode(b"\x02\x01\0\0\0abcd"))


def test_a_payload_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(ValueError, match="240"):
        encode(Frame(1, 1, bytes(241)))


@given(st.lists(st.one_of(frames, management, console)), st.lists(st.integers(1, 60)))
def test_all_that_shares_the_line_is_told_apart(items: list[Item], cuts: list[int]) -> None:
    line, splitter, found = b"".join(map(on_the_line, items)), Splitter(), []
    for cut in [*cuts, len(line)]:
        found += splitter.feed(line[:cut])
        line = line[cut:]
    found += splitter.feed(b"\n\n")  # one byte alone might yet begin a frame
    assert found == items
    assert splitter.counts["frames"] == sum(isinstance(item, Frame) for item in items)


def test_a_frame_in_the_middle_of_a_line_does_not_cut_it() -> None:
    frame = Frame(2, 7, b"abc")
    found = Splitter().feed(b"\x06\x09AAAA" + encode(frame) + b"BBBB\r\n")
    assert found == [frame, ManagementLine(b"\x06\x09AAAABBBB")]


def test_what_is_printed_before_a_management_line_does_not_hide_it() -> None:
    assert Splitter().feed(b"uart:~$ \x04\x14QUJD\n") == [
        ConsoleText("uart:~$ "),
        ManagementLine(b"\x04\x14QUJD"),
    ]


def test_a_lost_delimiter_costs_its_frame_and_no_other() -> None:
    frame = Frame(1, 1, b"abcdef")
    line = encode(frame)
    splitter = Splitter()
    assert splitter.feed(line[:-1] + line + line) == [frame] * 3  # one delimiter is enough
    assert splitter.feed(line[1:] + line) == [frame] * 2


def test_text_that_never_ends_is_cut_and_held_nowhere() -> None:
    splitter = Splitter()
    found = splitter.feed(b"x" * 5000 + b"\0" + b"ab" * 5000 + b"\n")
    assert all(isinstance(item, ConsoleText) for item in found)
    assert sum(len(item.text) for item in found if isinstance(item, ConsoleText)) == 15_000


def test_a_frame_that_never_ends_is_dropped_and_counted() -> None:
    splitter = Splitter()
    assert splitter.feed(b"\0\x05\x02" + b"\x01" * 300 + b"\nhello\n")[-1] == ConsoleText("hello")
    assert splitter.counts["too_long"] == 1


@given(st.lists(st.binary(max_size=400)))
def test_any_bytes_are_taken(pieces: list[bytes]) -> None:
    splitter = Splitter()
    for piece in pieces:
        splitter.feed(piece)
    assert all(count >= 0 for count in splitter.counts.values())
