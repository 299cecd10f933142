"""The checks of the kit, on transcripts that nobody would send: they judge, and never crash."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.conformance.judge import CHECKED, as_json, as_junit, judge
from telemetry.conformance.transcript import Transcript
from telemetry.contract_docs.examples import up_examples
from telemetry.hub.record import Entry
from tests.bench_unit import ROOT, UNIT
from tests.parts.test_conformance_kit import played

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


ALIKE = 20


@lru_cache
def sound() -> tuple[Entry, ...]:
    """Of a unit that keeps the contract, with tasks, commands, episodes and a cut.

    Of what comes again and again (positions, episodes, acks) only the first: more takes only time.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    kept = []
    for entry in played():
        leaf = entry.topic.rpartition("/")[2]
        kind = (entry.direction, leaf, entry.payload.partition(b'"type":')[2][:40].decode())
        seen[kind] += 1
        often = leaf in ("ack", "position", "event") and b'"conformance"' not in entry.payload
        if seen[kind] <= ALIKE or not often:
            kept.append(entry)
    return tuple(kept)


def paths(part: Any, so_far: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if so_far:
        yield so_far
    for key, value in part.items() if isinstance(part, dict) else ():
        yield from paths(value, (*so_far, key))


def spoilt(entry: Entry, path: tuple[str, ...], value: Any) -> Entry:
    """One value of the JSON put in the place of another; unchanged where there is no such."""
    content = json.loads(entry.payload)
    part = content
    for step in path[:-1]:
        part = part.get(step) if isinstance(part, dict) else None
    if not isinstance(part, dict) or path[-1] not in part:
        return entry
    part[path[-1]] = value
    return replace(entry, payload=json.dumps(content).encode())


def objects() -> list[int]:
    """Which entries hold a JSON object."""
    return [
        n for n, entry in enumerate(sound()) if entry.payload[:1] == b"{" and b"}" in entry.payload
    ]


@lru_cache
def places() -> list[tuple[str, ...]]:
    """Every place in any message, command, reply or note of the whole script."""
    found: set[tuple[str, ...]] = set()
    for n in objects():
        with suppress(ValueError, RecursionError):
            found.update(paths(json.loads(sound()[n].payload)))
    return sorted(found)


def test_no_value_in_any_place_crashes_the_kit() -> None:
    """A list that holds an object cannot be hashed, compared, or taken for a text."""
    assert len(places()) > 80
    readable = [n for n in objects() if _reads(sound()[n].payload)]
    for path in places():
        for value in ([{}], -1):
            entries = list(sound())
            for n in readable:
                entries[n] = spoilt(entries[n], path, value)
            judge(Transcript(entries, ROOT, UNIT))


def _reads(payload: bytes) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        return False


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_unit_crashes_the_kit(data: st.DataObject) -> None:
    entries = list(sound())
    readable = [n for n in objects() if _reads(sound()[n].payload)]
    for _ in range(data.draw(st.integers(1, 8))):
        n = data.draw(st.sampled_from(readable))
        if data.draw(st.booleans()):
            path = data.draw(st.sampled_from(places()))
            entries[n] = spoilt(sound()[n], path, data.draw(values))
        else:
            entries[n] = replace(sound()[n], payload=data.draw(st.binary(max_size=30)))
    rulings = judge(Transcript(entries, ROOT, UNIT))

    assert {ruling.rule.id for ruling in rulings} == CHECKED
    assert json.loads(json.dumps(as_json(rulings)))
    assert as_junit(rulings, UNIT)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["in", "out", "note"]), st.text(max_size=20), st.binary()))
)
def test_no_record_crashes_the_kit(lines: list[tuple[Any, str, bytes]]) -> None:
    entries = [
        Entry(at=AT, mono_s=n, direction=way, topic=f"{ROOT}/{UNIT}/{leaf}", payload=payload)
        for n, (way, leaf, payload) in enumerate(lines)
    ]

    assert len(judge(Transcript(entries, ROOT, UNIT))) == len(CHECKED)


def test_without_anything_seen_nothing_passes_and_nothing_fails() -> None:
    assert {r.finding.verdict for r in judge(Transcript((), ROOT, UNIT))} == {"NOT RUN"}


def entry(direction: Any, leaf: str, content: Any, mono_s: float) -> Entry:
    payload = json.dumps(content).encode()
    topic = f"{ROOT}/{UNIT}/{leaf}"
    return Entry(at=AT, mono_s=mono_s, direction=direction, topic=topic, payload=payload)


def test_a_record_of_a_day_is_judged_in_seconds() -> None:
    """40,000 messages, acknowledged by sequence and by id."""
    example = json.loads(up_examples()["position"])
    entries = []
    for number in range(1, 40_001):
        name = f"019cc1b0-2200-7000-8000-{number:012x}"
        message = example | {"sequence": str(number), "id": name}
        ack = {"up_to": number} if number % 2 else {"ids": [name]}
        entries += [entry("in", "position", message, number), entry("out", "ack", ack, number)]
    begun_s = time.monotonic()
    rulings = {r.rule.id: r.finding for r in judge(Transcript(entries, ROOT, UNIT))}

    assert rulings["HC-023"].text.startswith("40000 numbers")
    assert time.monotonic() - begun_s < 60, "on a busy machine; 5 s on an idle one"


def test_a_hub_that_was_away_blames_no_unit_for_what_it_did_not_hear() -> None:
    """It was killed without an acknowledgement, and came back after ten minutes."""
    message = json.loads(up_examples()["health"]) | {"sequence": "7"}
    online = {"state": "online", "session": "a"}
    first = [note("started", 5, AT), entry("out", "../hub/state", online, 6),
             entry("in", "health", message, 7)]  # fmt: skip
    again = [note("started", 3, AT + timedelta(minutes=10)), entry("in", "health", message, 4)]
    judged = {r.rule.id: r.finding for r in judge(Transcript([*first, *again], ROOT, UNIT))}

    assert {judged[name].verdict for name in ("HC-030", "HC-036", "HC-053")} == {"NOT RUN", "PASS"}
    alone = [*first, entry("in", "position", json.loads(up_examples()["position"]), 700)]
    stayed = {r.rule.id: r.finding for r in judge(Transcript(alone, ROOT, UNIT))}
    assert stayed["HC-030"].verdict == "FAIL", "it listened all the time"
    assert stayed["HC-053"].verdict == "FAIL"


def test_a_fault_may_begin_anew_with_another_boot() -> None:
    first = json.loads(up_examples()["health"]) | {"sequence": "7"}
    again = json.loads(json.dumps(first)) | {"sequence": "8", "id": first["id"][:-1] + "f"}
    again["data"]["faults"][0]["since"] = "2026-11-22T13:00:00.000Z"
    restarted = again | {"bootid": "019cc1a2-7c00-7d3b-9a51-0c5f2f6b1a02"}
    verdicts = [
        judge(Transcript([entry("in", "health", each, n) for n, each in enumerate(told)],
                         ROOT, UNIT), ["HC-052"])[0].finding.verdict
        for told in ([first, again], [first, restarted])
    ]  # fmt: skip
    assert verdicts == ["FAIL", "PASS"]


def note(what: str, mono_s: float, at: datetime) -> Entry:
    return Entry(at=at, mono_s=mono_s, direction="note", topic=what)
