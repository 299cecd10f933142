"""A bundle over a line: whole in the end, whatever the line does to it."""

import hashlib
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SystemClock
from edge.flashing.lines.handover import (
    Lines,
    Piece,
    line_of,
    line_of_object,
    line_of_piece,
    object_in,
    offset_in,
    piece_in,
    read_line,
)
from edge.flashing.lines.receiving import NotTakenError, Offered, Receiver
from edge.flashing.lines.sending import LineLostError, Offer, Sender

DATA = random.Random(6).randbytes(60_000)
Harm = Callable[[bytes], bytes]


class PipeLine:
    """Two pipes; `harm` is done to what is written."""

    def __init__(self, reads: int, writes: int, harm: Harm = lambda data: data) -> None:
        self._reads, self._writes = reads, writes
        self._harm = harm
        os.set_blocking(reads, False)

    def read(self, wait_s: float) -> bytes:
        import select

        select.select([self._reads], [], [], wait_s)
        try:
            data = os.read(self._reads, 65536)
        except BlockingIOError:
            return b""
        if not data:
            raise LineLostError("the line has gone", "")
        return data

    def write(self, data: bytes) -> None:
        try:
            os.write(self._writes, self._harm(data))
        except BrokenPipeError as error:
            raise LineLostError("the line has gone", "") from error

    def close(self) -> None:
        os.close(self._reads)
        os.close(self._writes)


def lines(down: Harm, up: Harm) -> tuple[PipeLine, PipeLine]:
    down_r, down_w = os.pipe()
    up_r, up_w = os.pipe()
    return PipeLine(up_r, down_w, down), PipeLine(down_r, up_w, up)


def handed_over(
    tmp_path: Path, down: Harm = lambda data: data, up: Harm = lambda data: data
) -> tuple[bytes, list[dict[str, Any]], dict[str, Any], Sender]:
    """What the receiver has, what the sender heard, how it ended."""
    path = tmp_path / "x.peb"
    path.write_bytes(DATA)
    laptop, unit = lines(down, up)
    came: list[bytes] = []

    def receive() -> None:
        receiver = Receiver(unit, tmp_path / "spool", SystemClock(), "1.0")
        file, offered = receiver.receive()
        assert offered.force
        came.append(file.read_bytes())
        receiver.step({"percent": 50})
        receiver.end({"ok": True})

    thread = threading.Thread(target=receive)
    thread.start()
    sender = Sender(laptop, SystemClock())
    steps: list[dict[str, Any]] = []
    end = sender.hand_over(Offer.of(path, {"force": True}), lambda _a, _b: None, steps.append)
    thread.join(20)
    laptop.close()
    unit.close()
    return came[0], steps, end, sender


def test_over_a_good_line_each_line_goes_once(tmp_path: Path) -> None:
    came, steps, end, sender = handed_over(tmp_path)
    assert came == DATA
    assert steps == [{"percent": 50}]
    assert end == {"ok": True}
    assert sender.resent == 0


def test_over_a_bad_line_it_is_whole_in_the_end(tmp_path: Path) -> None:
    chance = random.Random(1)

    def harm(data: bytes) -> bytes:
        if chance.random() < 0.02:
            return b""
        if chance.random() < 0.02:
            at = chance.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        if chance.random() < 0.05:
            return b"[ 12.345] usb 1-1: new device\n" + data
        return data

    came, _steps, end, sender = handed_over(tmp_path, harm, harm)
    assert came == DATA
    assert end == {"ok": True}
    assert sender.resent > 0


def test_what_broke_off_is_gone_on_from(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    digest = hashlib.sha256(DATA).hexdigest()
    (spool / f"{digest}.part").write_bytes(DATA[:50_000])
    offsets: list[int] = []

    def look(data: bytes) -> bytes:
        for part in Lines().feed(data):
            piece = piece_in(part) if part.kind == "data" else None
            if piece is not None:
                offsets.append(piece.offset)
        return data

    came, _steps, _end, _sender = handed_over(tmp_path, look)
    assert came == DATA
    assert min(offsets) == 50_000


def test_what_lay_there_and_was_another_file_is_taken_from_the_start(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    digest = hashlib.sha256(DATA).hexdigest()
    (spool / f"{digest}.part").write_bytes(b"x" * 50_000)
    came, _steps, end, _sender = handed_over(tmp_path)
    assert came == DATA
    assert end == {"ok": True}


def test_too_much_is_refused_and_the_sender_hears_why(tmp_path: Path) -> None:
    laptop, unit = lines(lambda data: data, lambda data: data)
    refused: list[str] = []

    def receive() -> None:
        try:
            Receiver(unit, tmp_path / "spool", SystemClock(), "1.0").receive()
        except NotTakenError as error:
            refused.append(str(error))

    thread = threading.Thread(target=receive)
    thread.start()
    offer = Offer(tmp_path / "x", 3 * 2**30, "0" * 64, {})
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(LineLostError, match="too large"):
        Sender(laptop, SystemClock()).hand_over(offer, lambda _a, _b: None, lambda _c: None)
    laptop.write(line_of("seen"))
    thread.join(20)
    assert refused
    laptop.close()
    unit.close()


def test_a_line_on_which_nobody_answers_says_what_it_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.flashing.lines.sending.HELLO_S", 0.5)
    laptop, unit = lines(lambda data: data, lambda data: data)
    unit.write(b"-bash: patrol-edge: command not found\n")
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(LineLostError, match="is not installed there") as raised:
        Sender(laptop, SystemClock()).hand_over(
            Offer.of(tmp_path / "x", {}), lambda _a, _b: None, lambda _c: None
        )
    assert "install" in raised.value.cure
    laptop.close()
    unit.close()


@given(st.binary(max_size=300))
def test_any_bytes_are_no_line_or_one_of_ours(data: bytes) -> None:
    for part in Lines().feed(data + b"\n"):
        object_in(part), piece_in(part), offset_in(part)


@given(st.binary(max_size=300), st.integers(0, 2**31))
def test_what_was_written_is_read(data: bytes, offset: int) -> None:
    part = read_line(b"login: " + line_of_piece(Piece(offset, data)).rstrip())
    assert part is not None
    assert piece_in(part) == Piece(offset, data)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=4))
def test_an_object_is_read_as_it_was_written(content: dict[str, Any]) -> None:
    part = read_line(line_of_object("step", content).rstrip())
    assert part is not None
    assert object_in(part) == content


@given(st.integers(0, 30), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, flip: int) -> None:
    line = bytearray(line_of("have", "123456789012").rstrip())
    line[min(at, len(line) - 1)] ^= flip
    part = read_line(bytes(line))
    assert part is None or part == read_line(line_of("have", "123456789012").rstrip())


def test_what_is_offered_is_checked() -> None:
    with pytest.raises(ValueError, match="size_bytes"):
        Offered.model_validate({"size_bytes": 0, "sha256": "0" * 64})
