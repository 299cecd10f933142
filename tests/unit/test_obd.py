"""OBD-II answers, ISO-TP frames and raw signals: pure functions of bytes."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from config.cars import SignalConfig
from drivers.base import BadDataError
from drivers.platforms.cars.can_signals import Signals, raw_of, value_of
from drivers.platforms.cars.isotp import CONSECUTIVE_WITHIN_S, Reassembly, single_frame
from drivers.platforms.cars.obd import (
    ARE_YOU_THERE,
    RefusedError,
    lists_for_queries,
    not_supported,
    read_answer,
)
from drivers.platforms.cars.polling import AWAY_AFTER, AWAY_EVERY_S, Polling
from drivers.simulated.elm327 import frames_of


@pytest.mark.parametrize(
    ("answer", "fact", "value"),
    [
        ("410d0a", "speed_mps", 10 / 3.6),
        ("410c1af8", "engine_rpm", 1726.0),  # the example of J1979, 6.3
        ("412fff", "fuel_percent", 100.0),
        ("4142394b", "voltage_v", 14.667),
        ("41a60012d687", "odometer_m", 123_456_700.0),
        ("4101820765 04", "trouble_codes", 2.0),
        ("4101020765 04", "trouble_codes", 0.0),  # codes are stored, and the lamp is off
        ("411f0075", "run_time_s", 117.0),
    ],
)
def test_values(answer: str, fact: str, value: float) -> None:
    assert read_answer(bytes.fromhex(answer))[fact] == pytest.approx(value)


def test_several_in_one_answer_and_the_filling_behind_them() -> None:
    facts = read_answer(bytes.fromhex("410d320c1af8"))
    assert facts == {"speed_mps": pytest.approx(50 / 3.6), "engine_rpm": 1726.0}
    assert set(read_answer(bytes.fromhex("410d32555555"))) == {"speed_mps"}


def test_the_number_of_the_car() -> None:
    vin = b"WP0ZZZ99ZTS392124"
    assert read_answer(b"\x49\x02\x01" + vin) == {"vin": vin.decode()}
    assert read_answer(b"\x49\x02\x01\0\0\0" + vin) == {"vin": vin.decode()}
    for bad in (b"", vin[:-1], b"WP0ZZZ99ZTS39212\xff", b"WP0ZZZ99ZTS3921 4"):
        with pytest.raises(BadDataError):
            read_answer(b"\x49\x02\x01" + bad)


def test_refusals_say_whether_to_wait() -> None:
    with pytest.raises(RefusedError) as refusal:
        read_answer(bytes.fromhex("7f0112"))
    assert not refusal.value.later
    with pytest.raises(RefusedError) as refusal:
        read_answer(bytes.fromhex("7f0178"))
    assert refusal.value.later


@settings(deadline=None)  # other tests run beside it
@given(st.binary(max_size=64))
def test_any_answer_gives_facts_or_is_refused(data: bytes) -> None:
    with suppress(BadDataError):
        assert read_answer(data)


def test_what_a_car_lists_is_asked_and_the_rest_is_not() -> None:
    polling = Polling()
    facts = read_answer(bytes.fromhex("4100 00180001"))  # 0C, 0D, and the next list
    assert not_supported(facts) == {0x01, 0x1F}
    alone = not_supported(read_answer(bytes.fromhex("4100 00180000")))
    assert alone == {0x01, 0x1F, 0x20, 0x2F, 0x40, 0x42, 0x5B, 0x60, 0x80, 0xA0, 0xA6}
    polling.drop(not_supported(facts))
    asked = set()
    for second in range(200):
        query = polling.next(float(second))
        if query is not None:
            asked.add((query.service, query.pid))
            polling.answered(query, float(second))
    assert {(1, 0x0C), (1, 0x0D), (1, 0x2F), (9, 2)} <= asked
    assert not {(1, 0x01), (1, 0x1F)} & asked


def test_the_speed_is_asked_most_often_and_nothing_starves() -> None:
    polling, count, now_s = Polling(), dict[int, int](), 0.0
    while now_s < 60:
        query = polling.next(now_s)
        if query is not None:
            count[query.pid if query.service == 1 else 0x900 + query.pid] = (
                count.get(query.pid, 0) + 1
            )
            polling.answered(query, now_s)
        now_s += 0.1  # a slow adapter
    assert count[0x0D] > 200
    assert count[0x0C] > 40
    assert count[0x42] >= 10
    assert count[0xA6] >= 2
    assert 0x902 in count


def test_a_car_that_sleeps_is_asked_seldom_and_anew_when_it_wakes() -> None:
    polling, now_s, asked = Polling(), 0.0, 0
    while now_s < 100:
        query = polling.next(now_s)
        if query is not None:
            polling.missed(query, now_s)
            asked += 1
        now_s += 0.25
    assert polling.away
    assert asked <= AWAY_AFTER + 100 / AWAY_EVERY_S
    polling.answered(ARE_YOU_THERE, now_s)
    assert polling.answering
    assert not polling.away
    assert polling.next(now_s) in lists_for_queries(), "from the beginning"


@settings(deadline=None)  # other tests run beside it
@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=4), st.randoms())
def test_payloads_of_several_senders_come_whole_however_they_mix(payloads, random) -> None:
    queues = {0x7E8 + number: frames_of(each) for number, each in enumerate(payloads)}
    reassembly, found = Reassembly(), {}
    while any(queues.values()):
        sender = random.choice([each for each, queue in queues.items() if queue])
        payload, _ = reassembly.feed(sender, queues[sender].pop(0), 0.0)
        if payload is not None:
            found[sender - 0x7E8] = payload
    assert [found[number] for number in range(len(payloads))] == payloads
    assert not reassembly.drops


@settings(deadline=None)  # other tests run beside it
@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=8)), max_size=60))
def test_any_frames_are_taken_or_counted(frames: list[tuple[int, bytes]]) -> None:
    reassembly, bad = Reassembly(), 0
    for number, (sender, frame) in enumerate(frames):
        reassembly.expire(float(number))
        try:
            reassembly.feed(sender, frame, float(number))
        except BadDataError:
            bad += 1
    assert bad <= reassembly.drops.total()


def test_a_lost_frame_costs_its_message_only() -> None:
    reassembly = Reassembly()
    first, second, third = frames_of(bytes(range(20)))
    assert reassembly.feed(1, first, 0.0) == (None, True)
    with pytest.raises(BadDataError):
        reassembly.feed(1, third, 0.0)
    with pytest.raises(BadDataError):
        reassembly.feed(1, second, 0.0)
    assert reassembly.drops == {"isotp_order": 1, "isotp_stray": 1}
    reassembly.feed(1, first, 1.0)
    reassembly.expire(1.0 + CONSECUTIVE_WITHIN_S + 0.1)
    assert reassembly.drops["isotp_unfinished"] == 1
    assert reassembly.feed(1, single_frame(b"\x41"), 3.0) == (b"\x41", False)


# --- raw signals -------------------------------------------------------------------------------


def signal(**changes: object) -> SignalConfig:
    return SignalConfig.model_validate({"id": 0x1A0, "start_bit": 0, "length": 8} | changes)


def test_signals_as_other_readers_of_dbc_files_have_them() -> None:
    data = bytes.fromhex("0123456789abcdef")
    assert value_of(signal(start_bit=8, length=16), data) == 0x4523
    assert value_of(signal(start_bit=4, length=12), data) == 0x230
    assert value_of(signal(start_bit=7, length=16, byte_order="motorola"), data) == 0x0123
    assert value_of(signal(start_bit=3, length=12, byte_order="motorola"), data) == 0x123
    assert value_of(signal(start_bit=39, length=8, byte_order="motorola"), data) == 0x89
    assert value_of(signal(start_bit=56, signed=True), data) == -17
    assert value_of(signal(start_bit=56, scale=0.5, offset=-40), data) == 0xEF / 2 - 40
    assert value_of(signal(start_bit=56, unknown=[0xEF]), data) is None


@settings(deadline=None)  # other tests run beside it
@given(st.data())
def test_motorola_is_intel_in_a_frame_turned_around(draw: st.DataObject) -> None:
    """The same number, written by hand bit by bit."""
    length = draw.draw(st.integers(1, 64))
    from_the_left = draw.draw(st.integers(0, 64 - length))
    raw = draw.draw(st.integers(0, (1 << length) - 1))
    bits = raw << (64 - length - from_the_left)
    byte, place = divmod(from_the_left, 8)
    found = signal(start_bit=8 * byte + 7 - place, length=length, byte_order="motorola")
    assert raw_of(found, bits.to_bytes(8, "big")) == raw
    found = signal(start_bit=64 - length - from_the_left, length=length)
    assert raw_of(found, bits.to_bytes(8, "little")) == raw


def test_switches_lengths_and_ids() -> None:
    signals = Signals({"ignition": signal(on_from=2), "speed_mps": signal(start_bit=56)})
    assert signals.read(0x1A0, b"\x01" + bytes(7), extended=False)["ignition"] == 0.0
    assert signals.read(0x1A0, b"\x03" + bytes(7), extended=False)["ignition"] == 1.0
    assert signals.read(0x1A0, b"\x03", extended=False) == {"ignition": 1.0}
    assert signals.too_short == 1
    assert signals.read(0x1A0, bytes(8), extended=True) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_bit": 60, "length": 8},
        {"start_bit": 59, "length": 8, "byte_order": "motorola"},
        {"id": 0x18FEF100},
    ],
    ids=["intel", "motorola", "id"],
)
def test_a_signal_that_cannot_be_is_refused_in_words(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"do not fit|extended: true"):
        signal(**wrong)
