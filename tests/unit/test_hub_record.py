"""Records and the hub's memory: exact to the byte, and read whatever lies in the file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.hub.ledger import HubLedger
from telemetry.hub.memory import BadMemoryError, load, save
from telemetry.hub.record import (
    MAX_LINE_BYTES,
    Entry,
    Recorder,
    Unreadable,
    from_line,
    read_record,
    record_parts,
    to_line,
)
from telemetry.hub.replay import Judgement, paced
from telemetry.hub.sequences import SequenceSet
from tests.unit.test_hub_ledger import ROOT, message, position, status

AT = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def entry(
    payload: bytes = b"{}", topic: str = f"{ROOT}/dog-1/position", mono_s: float = 7.0
) -> Entry:
    return Entry(at=AT, mono_s=mono_s, direction="in", topic=topic, payload=payload)


entries = st.builds(
    Entry,
    at=st.just(AT),
    mono_s=st.floats(0, 1e9).map(lambda value: round(value, 6)),
    direction=st.sampled_from(["in", "out", "note"]),
    topic=st.text(max_size=40),
    payload=st.binary(max_size=200) | st.text(max_size=50).map(str.encode),
    retained=st.just(False),
    qos=st.just(1),
    content_type=st.none() | st.text(max_size=20),
    user_properties=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=3).map(
        tuple
    ),
    verdict=st.none() | st.sampled_from(["accepted", "invalid"]),
)


@given(entries)
def test_an_entry_comes_back_as_it_was(made: Entry) -> None:
    line = to_line(made)

    assert line.count("\n") == 1
    assert from_line(line.encode()) == made


@given(st.binary(max_size=300))
def test_no_line_crashes_the_reader(line: bytes) -> None:
    assert isinstance(from_line(line), Entry) or from_line(line) in ("not_json", "invalid")


@quick
@given(st.lists(entries, min_size=1, max_size=6), st.data())
def test_a_record_cut_anywhere_gives_all_that_is_whole(
    tmp_path: Path, made: list[Entry], data: st.DataObject
) -> None:
    content = "".join(map(to_line, made)).encode()
    cut = data.draw(st.integers(0, len(content)))
    path = tmp_path / "record"
    path.write_bytes(content[:cut])

    read = list(read_record(path))

    whole = content[:cut].count(b"\n")
    assert read[:whole] == made[:whole]
    assert all(each.cause == "cut" for each in read[whole:] if isinstance(each, Unreadable))


@quick
@given(st.binary(max_size=2000))
def test_no_file_crashes_the_reader(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record"
    path.write_bytes(content)
    judgement = Judgement(HubLedger(ROOT))
    for each in read_record(path):
        judgement.take(each)

    assert judgement.heard == 0


def test_a_line_that_never_ends_is_skipped_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "record"
    with path.open("wb") as file:
        file.write(to_line(entry()).encode())
        file.seek(5 * MAX_LINE_BYTES)  # a hole: zeros
        file.write(b"\n" + to_line(entry(b"last")).encode())

    assert list(read_record(path)) == [entry(), Unreadable(2, "too_long"), entry(b"last")]


def test_half_a_surrogate_pair_is_no_payload() -> None:
    line = to_line(entry()).replace('"text":"{}"', '"text":"\\ud800"').encode()

    assert from_line(line) in ("not_json", "invalid")


def test_after_a_power_cut_only_the_line_that_was_cut_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(to_line(entry()).encode() + b'{"at":"2026')
    recorder = Recorder(path)
    recorder.write(entry(b"new"))
    recorder.settle()
    recorder.close()

    assert list(read_record(path)) == [entry(), Unreadable(2, "not_json"), entry(b"new")]


def test_a_record_over_its_size_goes_on_in_a_new_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "record", max_bytes=1000)
    for number in range(30):
        recorder.write(entry(b"%d" % number))
        recorder.settle()
    recorder.close()
    (tmp_path / "record.old").write_text("not one of them")

    parts = record_parts(tmp_path / "record")

    assert [part.name for part in parts][:2] == ["record.1", "record.2"]
    assert parts[-1].name == "record"
    read = [each for part in parts for each in read_record(part)]
    assert read == [entry(b"%d" % number) for number in range(30)]


def test_the_pace_of_a_record_is_kept_and_a_restart_is_no_pause() -> None:
    made = [entry(mono_s=at) for at in (5.0, 6.0, 9.0, 1.0, 2.0)]

    assert [gap_s for gap_s, _ in paced(made, 2.0)] == [0.0, 0.5, 1.5, 0.0, 0.5]
    assert {gap_s for gap_s, _ in paced(made, None)} == {0.0}


# --- memory ---


def heard(ledger: HubLedger, *sequences: int) -> list[str]:
    return [
        ledger.receive(f"{ROOT}/dog-1/position", message(position(), number)).verdict
        for number in sequences
    ]


def test_what_the_hub_has_is_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state"
    before = HubLedger(ROOT)
    again = message(position(), 3)
    before.receive(f"{ROOT}/dog-1/position", again)
    heard(before, 1, 2, 7)
    before.receive(f"{ROOT}/dog-1/status", message(status("online", 4), None, boot="b9"))
    save(before, path)

    after = HubLedger(ROOT)
    load(after, path)

    assert after.views()[0].gaps == ((4, 6),)
    assert after.receive(f"{ROOT}/dog-1/position", again).verdict == "duplicate"
    assert heard(after, 4) == ["accepted"]
    late = after.receive(f"{ROOT}/dog-1/status", message(status("offline", 3), None, boot="b9"))
    assert late.verdict == "late_will"
    # Another message under a number that is here: the unit numbers anew, and is not a repeater.
    assert heard(after, 1) == ["accepted"]
    assert after.views()[0].renumbered == 1


def test_without_a_file_the_hub_begins_anew(tmp_path: Path) -> None:
    ledger = HubLedger(ROOT)
    load(ledger, tmp_path / "none")

    assert ledger.views() == ()


@quick
@given(st.binary(max_size=300))
def test_no_memory_crashes_the_hub(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    with pytest.raises(BadMemoryError):
        load(HubLedger(ROOT), path)


@pytest.mark.parametrize(
    "ranges", ["[[5,4]]", "[[1,3],[3,5]]", "[[1,3],[4,5]]", "[[7,9],[1,3]]", "[[-1,3]]", "[[1]]"]
)
def test_ranges_that_cannot_be_are_refused(tmp_path: Path, ranges: str) -> None:
    path = tmp_path / "state"
    path.write_text(f'{{"version":1,"root":"{ROOT}","units":{{"dog-1":{{"ranges":{ranges}}}}}}}')
    with pytest.raises(BadMemoryError):
        load(HubLedger(ROOT), path)


@given(st.sets(st.integers(1, 50)))
def test_a_set_of_sequences_comes_back_from_its_ranges(numbers: set[int]) -> None:
    made = SequenceSet()
    for number in numbers:
        made.add(number)

    again = SequenceSet.of(made.ranges())

    assert {number for number in range(60) if number in again} == numbers
    whole = 0
    while whole + 1 in numbers:
        whole += 1
    assert (made.whole_up_to or 0) == whole
