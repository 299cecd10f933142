"""Boards over MCUmgr's SMP: what is asked, what is answered, and what damage does."""

import base64
import binascii
import hashlib
import random
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import DeviceLostError, DriverError
from firmware_bridge.management import replies
from firmware_bridge.management.board import active, spare
from firmware_bridge.management.errors import BadReplyError, BoardRefusedError, BoardSilentError
from firmware_bridge.management.smp import Replies, SmpLine, answer_to, echo, read_images
from firmware_bridge.simulated import cbor
from firmware_bridge.simulated.images import body, image
from firmware_bridge.simulated.management import HEADER, BoardModel
from firmware_bridge.simulated.smp_frames import Reassembly, lines
from tests.direct_board import DirectBoard
from tests.fakes import ManualClock

NEW = image("1.1.0", body(20_000, seed=1))


@pytest.fixture
def bench(tmp_path: Path) -> DirectBoard:
    return DirectBoard(tmp_path, BoardModel(slot_bytes=32 * 1024, image_bytes=9000))


def test_a_board_says_who_it_is_and_what_it_runs(bench: DirectBoard) -> None:
    board = bench.open()
    assert board.is_there()
    told = board.identity()
    assert (told.model, told.hardware) == ("patrol-io", "1")
    assert board.parameters() == replies.Parameters(2048, 4)
    images = board.images()
    assert active(images).version == "1.0.0"
    assert active(images).confirmed
    assert spare(images) is None


def test_settings_are_kept_when_they_are_saved(bench: DirectBoard) -> None:
    board = bench.open()
    board.set("light/most", b"\x50")
    board.save_settings()
    board.set("siren/most", b"\x10")
    bench.simulated.power_off()
    bench.power_on()
    assert board.setting("light/most") == b"\x50"
    assert board.setting("siren/most") is None
    with pytest.raises(BoardRefusedError, match="too long"):
        board.set("x" * 65, b"1")


def test_a_board_that_says_nothing_is_told_from_one_that_refuses(bench: DirectBoard) -> None:
    board = bench.open()
    with pytest.raises(BoardRefusedError, match="no image with that hash"):
        board.mark(bytes(32))
    bench.simulated.power_off()
    assert not board.is_there()
    with pytest.raises(BoardSilentError, match="no answer within"):
        board.images()


def test_an_answer_that_is_lost_is_asked_for_again(bench: DirectBoard) -> None:
    board, left = bench.open(), 2

    def lose(data: bytes) -> bytes:
        nonlocal left
        left -= bool(data)
        return b"" if left >= 0 else data

    bench.port.hurt = lose
    assert active(board.images()).version == "1.0.0"


def test_answers_to_others_are_passed_over(bench: DirectBoard) -> None:
    clock = bench.clock
    stale = lines(HEADER.pack(3 | 8, 0, 1, 0, 254, 0) + cbor.dumps({}))
    first = True

    def before(data: bytes) -> bytes:
        nonlocal first
        if data and first:
            first = False
            return b"console noise\r\n" + stale + b"\x04\x14QUJD\n" + data
        return data

    bench.port.hurt = before
    line = SmpLine(bench.port, clock.mono_s)
    assert line.ask(echo("x")) == {"r": "x"}
    assert line.dropped == {"other": 1, "stray": 1}


def test_a_plug_that_is_pulled_is_told(bench: DirectBoard) -> None:
    board = bench.open()
    bench.port.pulled = True
    with pytest.raises(DeviceLostError):
        board.images()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_damage_on_the_line_costs_time_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    bench, dice = DirectBoard(tmp_path_factory.mktemp("board")), random.Random(seed)
    board = bench.open()

    def hurt(data: bytes) -> bytes:
        out = bytearray(data)
        for at in range(len(out)):
            if dice.random() < 0.002:
                out[at] ^= 1 << dice.randrange(8)
        return bytes(out)

    bench.port.hurt = hurt
    sha, at = hashlib.sha256(NEW).digest(), 0
    while at < len(NEW):
        try:
            at = board.send_part(NEW, at, sha).offset
        except BoardSilentError:
            continue
    bench.port.hurt = lambda data: data
    other = spare(board.images())
    assert other is not None
    assert bench.management.slots.content(1)[: len(NEW)] == NEW


# --- the bytes -----------------------------------------------------------------------------------


def test_a_frame_as_zephyr_s_own_documentation_describes_it() -> None:
    message = bytes(range(8)) + b"\xa1\x61\x64\x61x"
    first, end = lines(message)[:2], lines(message)[-1:]
    assert (first, end) == (b"\x06\x09", b"\n")
    raw = base64.b64decode(lines(message)[2:-1])
    assert struct.unpack(">H", raw[:2]) == (len(message) + 2,)
    assert raw[2:-2] == message
    assert struct.unpack(">H", raw[-2:]) == (binascii.crc_hqx(message, 0),)


@given(st.binary(max_size=3000))
def test_both_sides_frame_alike(message: bytes) -> None:
    assert Replies().feed(lines(message)) == [message]
    reassembly = Reassembly(4096)
    taken = [reassembly.take(line) for line in lines(message).split(b"\n")[:-1]]
    assert taken[-1] == message
    assert set(taken[:-1]) <= {None}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(max_size=20)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@given(VALUES)
def test_our_cbor_and_the_library_s_are_one(value: Any) -> None:
    cbor2 = pytest.importorskip("cbor2")
    assert cbor2.loads(cbor.dumps(value)) == value
    assert cbor.loads(cbor2.dumps(value)) == value


@given(st.binary(max_size=60))
def test_any_bytes_for_a_board_are_refused(data: bytes) -> None:
    try:
        cbor.loads(data)
    except cbor.BadCborError:
        return
    assert data


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_from_a_board_are_dropped_or_understood(data: bytes) -> None:
    class Said:
        def __init__(self) -> None:
            self.left = [lines(data), data]

        def read(self, wait_s: float) -> bytes:
            clock.advance(wait_s)
            return self.left.pop() if self.left else b""

        def send(self, data: bytes) -> None:
            pass

        def close(self) -> None:
            pass

    clock = ManualClock()
    with pytest.raises(DriverError):
        SmpLine(Said(), clock.mono_s).ask(read_images(), 1.0)


@given(VALUES)
def test_any_answer_is_understood_or_refused_in_words(value: Any) -> None:
    answers = ({"images": value}, {"images": [value]}, {"off": value, "match": value}, {"r": value})
    for answer in answers:
        for read in (replies.slots, replies.uploaded, replies.parameters, replies.value):
            with suppress(BadReplyError):
                assert read(answer) is not None


def test_an_answer_s_header_must_fit_the_request() -> None:
    request = read_images().BYTES
    told = cbor.dumps({"images": []})
    operation, flags, _, group, sequence, command = HEADER.unpack_from(request)
    good = HEADER.pack(operation | 1, flags, len(told), group, sequence, command) + told
    assert answer_to(request, good) == {"images": []}
    for at in range(HEADER.size):
        if at != 1:  # flags mean nothing
            wrong = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
            assert answer_to(request, wrong) is None
    assert answer_to(request, good + b"\0") is None
    assert answer_to(request, good[:7]) is None
