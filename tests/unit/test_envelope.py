"""The envelope: what goes out can be read back, and bytes from outside never crash a reader."""

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import (
    MAX_MESSAGE_BYTES,
    BadMessageError,
    Draft,
    Sender,
    body_of,
    read_down,
    read_up,
    seal,
)
from telemetry.contract.topics import Topics, split_up, up_filters
from telemetry.contract.unit import Position
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_999, tzinfo=UTC)
SENDER = Sender(unit="dog-1", boot_id="boot-1")
MESSAGE_ID = "01a20320-a27b-72a8-9db5-2499a44bee65"  # the same in each process


def sealed(**position: object) -> bytes:
    data = Position(**{"lat_deg": 1, "lon_deg": 2, "source": "gnss", "fix": "3d"} | position)
    draft = Draft.of(data, NOON, "gnss")
    return seal(body_of(SENDER, draft, MESSAGE_ID), 7, historical=False, sent=NOON)


def test_a_sealed_message_has_all_attributes_of_cloudevents_and_ours() -> None:
    message = json.loads(sealed())

    data = message.pop("data")
    assert message == {
        "specversion": "1.0",
        "id": MESSAGE_ID,
        "source": "/units/dog-1",
        "type": "patrol.position.v1",
        "time": "2026-11-22T12:00:00.123Z",
        "dataschema": "urn:patrol-edge:schema:patrol.position.v1",
        "bootid": "boot-1",
        "priority": 3,
        "timequality": "gnss",
        "sequence": "7",
        "historical": False,
        "senttime": "2026-11-22T12:00:00.123Z",
    }
    assert data == {"lat_deg": 1.0, "lon_deg": 2.0, "source": "gnss", "fix": "3d", "age_ms": 0}


def test_a_reader_gets_back_what_was_written() -> None:
    received = read_up(sealed(speed_mps=1.5))

    assert received.envelope.unit == "dog-1"
    assert received.envelope.sequence == "7"
    assert isinstance(received.data, Position)
    assert received.data.speed_mps == 1.5
    assert received.data.heading_deg is None


def test_a_reader_ignores_fields_it_does_not_know() -> None:
    message = json.loads(sealed())
    message["traceparent"] = "00-ab"
    message["data"]["altitude_agl_m"] = 3

    assert isinstance(read_up(json.dumps(message).encode()).data, Position)


def test_a_message_of_an_unknown_type_keeps_its_envelope() -> None:
    received = read_up(sealed().replace(b"patrol.position.v1", b"patrol.weather.v1"))

    assert received.data is None
    assert received.envelope.type == "patrol.weather.v1"


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"", "not_an_envelope"),
        (b"\xff\xfe", "not_an_envelope"),
        (b"{}", "not_an_envelope"),
        (b"[" * 100_000, "not_an_envelope"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "too_large"),
        (sealed()[:-20], "not_an_envelope"),
        (sealed().replace(b'"lat_deg":1.0', b'"lat_deg":91.0'), "invalid"),
        (sealed().replace(b'"lat_deg":1.0', b'"lat_deg":"1.0"'), "invalid"),
        (sealed().replace(b'"lat_deg":1.0', b'"lat_deg":NaN'), "invalid"),
        (sealed().replace(b'"sequence":"7"', b'"sequence":"18446744073709551616"'), "invalid"),
        (sealed().replace(b"/units/dog-1", b"/units/Dog+1"), "invalid"),
    ],
    ids=str,
)
def test_what_is_no_message_is_refused_with_its_cause(payload: bytes, cause: str) -> None:
    with pytest.raises(BadMessageError) as caught:
        read_up(payload)

    assert caught.value.cause == cause


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "data", "ids", "up_to", "id", "x"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_readers_never_crash(payload: bytes) -> None:
    for read in (read_up, lambda b: read_down(Ack, b), lambda b: read_down(HubState, b)):
        with contextlib.suppress(BadMessageError):
            read(payload)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=3), st.none() | st.integers())
def test_an_ack_says_ids_or_a_sequence_that_fits(times: list[int], up_to: int | None) -> None:
    ids = [uuid7(NOON) for _ in times]
    payload = json.dumps({"ids": ids, "up_to": up_to, "more": {"x": 1}}).encode()
    sensible = (up_to is None and ids) or (up_to is not None and 0 <= up_to < 2**64)

    if sensible:
        ack = read_down(Ack, payload)
        assert (list(ack.ids), ack.up_to) == (ids, up_to)
    else:
        with pytest.raises(BadMessageError):
            read_down(Ack, payload)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-14, 14))  # noqa: DTZ001
def test_uuid7_follows_rfc_9562(naive: datetime, hours: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(hours=hours)))

    text = uuid7(moment)

    assert len(text) == 36
    assert (text[14], text[19] in "89ab") == ("7", True)
    unix_ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert int(text.replace("-", "")[:12], 16) == max(0, unix_ms)


def test_the_example_of_rfc_9562_appendix_a6() -> None:
    moment = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)

    assert uuid7(moment).startswith("017f22e2-79b0-7")


def test_ten_thousand_ids_of_one_millisecond_differ() -> None:
    assert len({uuid7(NOON) for _ in range(10_000)}) == 10_000


def test_times_are_cut_to_milliseconds_in_utc() -> None:
    east = timezone(timedelta(hours=8))

    assert rfc3339_ms(datetime(2026, 1, 1, 8, tzinfo=east)) == "2026-01-01T00:00:00.000Z"


def test_topics_are_split_as_they_are_made() -> None:
    topics = Topics("city/patrol/v1", "car-7")

    assert split_up("city/patrol/v1", topics.up("health")) == ("car-7", "health")
    assert split_up("city/patrol/v1", topics.up("snapshot") + "/abc") == ("car-7", "snapshot")
    for other in (topics.ack, topics.command, topics.hub_state, "city/patrol/v1/+/state", "x", ""):
        assert split_up("city/patrol/v1", other) is None


@given(st.text(max_size=30))
def test_no_topic_crashes_the_splitter(topic: str) -> None:
    split_up("patrol/v1", topic)
    split_up("patrol/v1", "patrol/v1/" + topic)


def test_a_hub_subscribes_only_to_what_units_say() -> None:
    assert "patrol/v1/+/ack" not in up_filters("patrol/v1", None)
    assert "patrol/v1/dog-1/event" in up_filters("patrol/v1", "dog-1")
