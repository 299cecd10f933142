"""The command journal: whole after every power cut, and no change goes unseen."""

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.commands import journal as journal_module
from telemetry.commands.journal import Journal, JournalError, journal_files
from telemetry.commands.journal_check import START, Head, Verdict, chained, check, fits, line_of
from telemetry.commands.jws import PrivateKey
from tests.fakes import ManualClock

KEY = PrivateKey.new()


def opened(folder: Path, clock: ManualClock | None = None) -> Journal:
    clock = clock or ManualClock()
    return Journal(folder, "dog-1", lambda: KEY, lambda: (clock.utc(), "ntp"), clock)


def filled(folder: Path, count: int) -> Journal:
    journal = opened(folder)
    for number in range(count):
        journal.write("accepted", sync=False, id=f"id-{number}", name="ping", issuer="officer 7")
    return journal


def verdict_of(folder: Path, *heads: Head) -> Verdict:
    return check(journal_files(folder), KEY.public, heads)


def test_what_was_written_is_whole_and_sealed(tmp_path: Path) -> None:
    journal = filled(tmp_path, 250)
    journal.close()
    verdict = verdict_of(tmp_path, journal.head)
    assert verdict.bad is None
    assert (verdict.first, verdict.records, verdict.seals, verdict.unsealed) == (1, 254, 3, 0)
    assert verdict.head == journal.head


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    filled(tmp_path, 5).close()
    journal = filled(tmp_path, 5)
    journal.close()
    assert verdict_of(tmp_path, journal.head).bad is None
    assert len(journal_files(tmp_path)) == 1


def test_a_seal_comes_by_the_clock(tmp_path: Path) -> None:
    clock = ManualClock()
    journal = opened(tmp_path, clock)
    journal.write("accepted")
    clock.advance(59)
    journal.tend()
    assert verdict_of(tmp_path).seals == 0
    clock.advance(2)
    journal.tend()
    journal.tend()
    assert (verdict_of(tmp_path).seals, verdict_of(tmp_path).unsealed) == (1, 0)
    clock.advance(600)
    journal.tend()
    assert verdict_of(tmp_path).seals == 1, "nothing new to seal"


def test_a_key_that_is_damaged_is_a_fault_until_a_seal_is_made(tmp_path: Path) -> None:
    clock, damaged = ManualClock(), [True]

    def key() -> PrivateKey:
        if damaged[0]:
            raise OSError("device.key is damaged")
        return KEY

    filled(tmp_path, 1).close()
    journal = Journal(tmp_path, "dog-01", key, lambda: (clock.utc(), "gnss"), clock)
    journal.write("accepted")
    for _ in range(5):  # a record that can be written does not end it
        clock.advance(61)
        journal.tend()
        assert journal.fault == "device.key is damaged"
        journal.write("accepted")
        assert journal.fault == "device.key is damaged"
    damaged[0] = False
    clock.advance(61)
    journal.tend()
    assert journal.fault is None
    assert (verdict_of(tmp_path).bad, verdict_of(tmp_path).unsealed) == (None, 0)


def test_every_cut_of_the_power_leaves_a_journal_that_goes_on(tmp_path: Path) -> None:
    filled(tmp_path / "whole", 3).close()
    (path,) = journal_files(tmp_path / "whole")
    data = path.read_bytes()
    for length in range(len(data) + 1):
        folder = tmp_path / "cut"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / path.name).write_bytes(data[:length])
        if length:
            torn = verdict_of(folder)
            assert torn.bad is None, length
        journal = opened(folder)
        journal.write("accepted", id="after")
        journal.close()
        assert journal.broken is None, length
        after = verdict_of(folder, journal.head)
        assert after.bad is None, (length, after.bad)
        assert after.torn_bytes == 0


def test_it_is_continued_in_further_files_and_old_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FILE_BYTES", 10_000)
    monkeypatch.setattr(journal_module, "KEPT_FILES", 3)
    journal = filled(tmp_path, 2000)
    journal.close()
    files = journal_files(tmp_path)
    assert len(files) == 3
    verdict = verdict_of(tmp_path, journal.head)
    assert verdict.bad is None
    assert verdict.first is not None
    assert verdict.first > 1
    assert "what stood before" in str(check([files[0], files[2]], KEY.public).bad)
    again = filled(tmp_path, 10)
    again.close()
    assert verdict_of(tmp_path, journal.head, again.head).bad is None


def test_a_journal_that_was_changed_is_kept_and_a_new_chain_begun(tmp_path: Path) -> None:
    filled(tmp_path, 20).close()
    (path,) = journal_files(tmp_path)
    changed = path.read_bytes().replace(b"id-7", b"id-8")
    path.write_bytes(changed)
    journal = opened(tmp_path)
    journal.write("accepted")
    journal.close()
    assert journal.broken is not None
    assert path.name in journal.broken
    assert path.read_bytes() == changed
    verdict = verdict_of(tmp_path)
    assert verdict.bad is not None
    assert verdict.bad.startswith(f"{path.name}:9:")
    assert check(journal_files(tmp_path)[1:], KEY.public).bad is None


def test_a_full_disk_is_told_and_leaves_no_half_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = filled(tmp_path, 3)

    def half(handle: int, data: bytes) -> int:
        return real(handle, data[: len(data) // 2])

    real = os.write
    monkeypatch.setattr(journal_module.os, "write", half)
    with pytest.raises(JournalError):
        journal.write("accepted", id="lost")
    monkeypatch.undo()
    assert journal.fault is not None
    head = journal.write("accepted", id="kept")
    journal.close()
    assert journal.fault is None
    assert verdict_of(tmp_path, head).bad is None
    assert b'"lost"' not in journal_files(tmp_path)[0].read_bytes()


def test_a_sync_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = filled(tmp_path, 3)

    def broken(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(journal_module.os, "fsync", broken)
    with pytest.raises(JournalError, match="Input/output"):
        journal.write("accepted")
    monkeypatch.undo()
    journal.write("accepted")
    journal.close()
    assert verdict_of(tmp_path).bad is None


def test_a_forger_without_the_key_is_seen_even_if_all_hashes_are_made_anew(tmp_path: Path) -> None:
    filled(tmp_path, 30).close()
    (path,) = journal_files(tmp_path)
    before, forged = START, b""
    for line in path.read_bytes().splitlines():
        record: dict[str, Any] = json.loads(line)
        record.pop("hash")
        if record.get("id") == "id-3":
            record["issuer"] = "somebody else"
        new, before = line_of(before, record)
        forged += new
    path.write_bytes(forged)
    assert check([path]).bad is None, "the control: without the key nothing is seen"
    assert "seal" in str(verdict_of(tmp_path).bad)
    assert "seal" in str(check([path], PrivateKey.new().public).bad)


def test_an_end_that_was_cut_off_is_seen_by_whoever_kept_a_head(tmp_path: Path) -> None:
    journal = filled(tmp_path, 30)
    journal.close()
    (path,) = journal_files(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-5]))
    assert verdict_of(tmp_path).bad is None, "the control: the rest is whole in itself"
    assert "end is missing" in str(verdict_of(tmp_path, journal.head).bad)
    assert "another record" in str(verdict_of(tmp_path, Head(3, "0" * 64)).bad)


def edits(dice: random.Random) -> Callable[[bytes], bytes]:
    def byte(data: bytes) -> bytes:
        place = dice.randrange(len(data))
        return data[:place] + bytes([data[place] ^ dice.randrange(1, 256)]) + data[place + 1 :]

    def on_lines(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        first, second = sorted(dice.sample(range(len(lines)), 2))
        match dice.randrange(3):
            case 0:
                del lines[first]
            case 1:
                lines[first], lines[second] = lines[second], lines[first]
            case _:
                lines.insert(second, lines[first])
        return b"".join(lines)

    return byte if dice.random() < 0.5 else on_lines


@given(st.integers(min_value=0))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_change_goes_unseen(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    if not _SAMPLE:
        folder = tmp_path_factory.mktemp("sample")
        journal = filled(folder, 40)
        journal.close()
        _SAMPLE.append((journal_files(folder)[0].read_bytes(), journal.head))
    data, head = _SAMPLE[0]
    path = tmp_path_factory.getbasetemp() / "journal-000001.jsonl"
    path.write_bytes(edits(random.Random(seed))(data))
    assert check([path], KEY.public, [head]).bad is not None


_SAMPLE: list[tuple[bytes, Head]] = []


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_judged_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "journal-000009.jsonl"
    path.write_bytes(data + b"\n")
    assert check([path], KEY.public).bad is not None


def test_hashing_is_quick() -> None:
    line, _ = line_of(START, {"n": 1, "what": "accepted", "text": "x" * 250})
    fastest_s = float("inf")
    for _ in range(20):
        begun_s = time.perf_counter()
        for _ in range(100):
            fits(START, line)
        fastest_s = min(fastest_s, (time.perf_counter() - begun_s) / 100)
    assert fastest_s < 10e-6
    assert chained(START, b"") != START
