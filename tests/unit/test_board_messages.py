"""The payloads of the board link: each comes back as it was, and damage is refused."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.runtime.frames import MAX_PAYLOAD_BYTES
from firmware_bridge.runtime.inventory import BoardIdentity, Channel, Input, Temperature
from firmware_bridge.runtime.link import happened_at_s
from firmware_bridge.runtime.packing import BadPayloadError
from firmware_bridge.runtime.reports import (
    Ack,
    BoardEvent,
    ChannelState,
    Pointing,
    Report,
    Welcome,
)
from firmware_bridge.runtime.requests import (
    Bye,
    Describe,
    EventClear,
    EventRead,
    Heartbeat,
    Hello,
    Output,
    Ping,
    Point,
    Set,
)

u8, u16, u32 = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
i32 = st.integers(-(2**31), 2**31 - 1)
texts = st.text(st.characters(codec="ascii"), max_size=32)
session = st.integers(1, 0xFFFF_FFFF)
outputs = st.builds(Output, channel=u8, on=st.booleans(), level=u16, pattern=u8, for_ms=u32)
milli = st.none() | st.integers(0, 0xFFFE)
tenths = st.none() | st.integers(-0x8000, 0x7FFE)

REQUESTS = [
    st.builds(Hello, session, u16, texts),
    st.builds(Heartbeat, u32),
    st.builds(Bye, u32),
    st.builds(Ping),
    st.builds(Set, st.lists(outputs, min_size=1, max_size=16).map(tuple)),
    st.builds(Point, u8, i32, i32, u32),
    st.builds(Describe, u8, u8),
    st.builds(EventRead, u32),
    st.builds(EventClear, u32),
]
TOLD = [
    st.builds(Ack, u8, u8, st.binary(max_size=100)),
    st.builds(Welcome, session=u32, model=texts, firmware=texts, boot=u32, cause=u8),
    st.builds(
        Report,
        session=u32,
        uptime_ms=u32,
        dead_man=st.booleans(),
        faults=u16,
        supply_mv=milli,
        supply_ma=milli,
        inputs=u16,
        first_event=u32,
        last_event=u32,
        events_lost=u16,
        frames_in=u32,
        bad_in=u16,
        repeats=u16,
        overruns=u16,
        temperatures=st.lists(tenths, max_size=4).map(tuple),
        channels=st.lists(
            st.builds(ChannelState, st.booleans(), u16, u8, u32, st.booleans()), max_size=16
        ).map(tuple),
        pointings=st.lists(st.builds(Pointing, u8, i32, i32, st.booleans()), max_size=2).map(tuple),
    ),
    st.builds(BoardEvent, number=u32, kind=u8, subject=u8, value=i32, at_ms=u32),
    st.builds(
        BoardIdentity,
        model=texts,
        serial=texts,
        firmware=texts,
        hardware=texts,
        calibrated=st.none() | st.dates(),
        channels=u8,
        inputs=u8,
        temperatures=u8,
    ),
    st.builds(Channel, name=texts, kind=u8, flags=u8, max_on_ms=u32, patterns=u16),
    st.builds(Input, name=texts, kind=u8),
    st.builds(Temperature, texts),
]


@given(st.one_of(*REQUESTS, *TOLD))
def test_each_message_comes_back_and_fits_into_a_frame(message: Ping) -> None:
    payload = message.pack()
    assert len(payload) <= MAX_PAYLOAD_BYTES
    assert type(message).unpack(payload) == message


@given(st.one_of(*REQUESTS), st.data())
def test_a_request_that_is_too_short_or_too_long_is_refused(
    message: Ping, data: st.DataObject
) -> None:
    payload = message.pack()
    with pytest.raises(BadPayloadError):
        type(message).unpack(payload + data.draw(st.binary(min_size=1, max_size=20)))
    if payload:
        with pytest.raises(BadPayloadError):
            type(message).unpack(payload[: data.draw(st.integers(0, len(payload) - 1))])


@given(st.one_of(*TOLD[1:]), st.binary(max_size=20))
def test_what_a_later_firmware_tells_more_is_passed_over(message: Report, more: bytes) -> None:
    payload = message.pack()
    assert type(message).unpack(payload + more) == message
    with pytest.raises(BadPayloadError):
        type(message).unpack(payload[:-1])


MESSAGES = [
    *(Hello, Heartbeat, Bye, Ping, Set, Point, Describe, EventRead, EventClear),
    *(Ack, Welcome, Report, BoardEvent, BoardIdentity, Channel, Input, Temperature),
]


@given(st.sampled_from(MESSAGES), st.binary(max_size=240))
def test_any_payload_is_read_or_refused(kind: type[Ping], payload: bytes) -> None:
    with suppress(BadPayloadError):
        assert type(kind.unpack(payload)) is kind


@pytest.mark.parametrize(
    ("at_ms", "uptime_ms", "ago_s"),
    [
        (9_000, 10_000, 1.0),
        (10_200, 10_000, -0.2),
        (2**32 - 1_000, 500, 1.5),
        (300, 2**32 - 200, -0.5),
    ],
    ids=["before", "since", "over the end", "since, over the end"],
)
def test_an_event_is_placed_though_the_board_s_clock_wraps_around(
    at_ms: int, uptime_ms: int, ago_s: float
) -> None:
    assert happened_at_s(at_ms, uptime_ms, 100.0) == pytest.approx(100.0 - ago_s)


def test_a_day_that_cannot_be_is_no_day() -> None:
    known = BoardIdentity(
        model="m",
        serial="s",
        firmware="f",
        hardware="h",
        calibrated=date(2026, 5, 4),
        channels=0,
        inputs=0,
        temperatures=0,
    )
    payload = bytearray(known.pack())
    payload[5] = 13  # the month
    assert BoardIdentity.unpack(bytes(payload)).calibrated is None


def test_the_welcome_of_another_version_names_what_it_came_from() -> None:
    welcome = Welcome(session=7, model="PB-1", firmware="0.9", boot=3)
    early = welcome.pack()[:-5]  # before boot and cause were told
    assert Welcome.unpack(early, whole=False).firmware == "0.9"
    with pytest.raises(BadPayloadError):
        Welcome.unpack(early)
