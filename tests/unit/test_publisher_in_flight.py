"""What is on its way: windows, retries and acknowledgements, with times as plain numbers."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry.link.in_flight import PARK_AFTER, InFlight, Sent
from telemetry.outbox.facts import Outgoing
from telemetry.outbox.lanes import READ_AHEAD, Lanes
from telemetry.outbox.rows import Row


def row(sequence: int, priority: int = 1) -> Row:
    return Row(sequence, priority, "event", f"id-{sequence}", b"")


def outgoing(sequence: int) -> Outgoing:
    return Outgoing(row=row(sequence), live=True, newest=True)


def sent(flight: InFlight, sequence: int, now_s: float = 0.0) -> Sent:
    found = flight.add(outgoing(sequence))
    flight.sent(found, sequence + 1000, now_s)
    return found


def test_with_ack_broker_a_puback_is_the_end() -> None:
    flight = InFlight("broker", 30)
    sent(flight, 1)

    assert flight.broker_answered(1001, 0x10, 1) == [1]  # 0x10: no matching subscribers
    assert (len(flight), flight.on_wire) == (0, 0)


def test_with_ack_hub_only_the_hub_ends_it_and_patience_grows() -> None:
    flight = InFlight("hub", 30)
    found = sent(flight, 1)

    assert flight.broker_answered(1001, 0, 1) == []
    assert flight.due(30.9, 9) == []
    assert flight.due(31.1, 9) == [found]
    flight.sent(found, 2001, 31.1)
    flight.broker_answered(2001, 0, 32)
    assert flight.due(91.9, 9) == []
    assert flight.due(92.1, 9) == [found]
    assert flight.hub_has(["id-1"], None) == [1]
    assert flight.next_due_s() is None or flight.due(1e9, 9) == []


def test_a_refused_row_is_kept_and_tried_later() -> None:
    flight = InFlight("broker", 30)
    found = sent(flight, 1)

    assert flight.broker_answered(1001, 0x87, 0) == []
    assert flight.refusals == {"0x87": 1}
    assert flight.due(1.9, 9) == []
    assert flight.due(2.1, 9) == [found]


def test_a_row_refused_again_and_again_makes_room_for_others() -> None:
    flight = InFlight("hub", 30)
    found = sent(flight, 1)
    for attempt in range(PARK_AFTER):
        assert flight.park_hopeless() == []
        flight.broker_answered(found.token or 0, 0x97, attempt)
        flight.sent(found, 5000 + attempt, attempt)
    assert flight.park_hopeless() == [found]
    assert not found.poison, "the broker took nothing at all: it is not this row's fault"
    assert (len(flight), flight.park_hopeless()) == (0, [])


def test_a_row_refused_while_others_are_taken_is_poison() -> None:
    flight = InFlight("broker", 30)
    found = sent(flight, 1)
    for attempt in range(PARK_AFTER):
        flight.broker_answered(found.token or 0, 0x99, attempt)
        flight.sent(found, 5000 + attempt, attempt)
        sent(flight, 2 + attempt)
        assert flight.broker_answered(1002 + attempt, 0, attempt) == [2 + attempt]
    assert flight.park_hopeless() == [found]
    assert (found.poison, found.refused_with, found.refusals) == (True, "0x99", PARK_AFTER)


def test_after_a_lost_connection_the_unacknowledged_go_first_and_are_historical() -> None:
    flight = InFlight("hub", 30)
    first, second = sent(flight, 1), sent(flight, 2)
    flight.broker_answered(1002, 0, 0)
    assert not first.historical

    flight.connection_ended(5)

    assert flight.on_wire == 0
    assert flight.due(5, 9) == [first]
    assert first.historical
    assert not second.historical


def test_a_hub_cannot_have_what_was_never_sent() -> None:
    flight = InFlight("hub", 30)
    flight.add(outgoing(1))
    sent(flight, 2)

    assert flight.hub_has(["id-1", "id-9", "nonsense"], 2**64 - 1) == [2]
    assert len(flight) == 1


def test_an_ack_that_overtakes_the_puback_is_not_counted_twice() -> None:
    flight = InFlight("hub", 30)
    sent(flight, 1)

    assert flight.hub_has(["id-1"], None) == [1]
    assert flight.broker_answered(1001, 0, 1) == []
    assert flight.on_wire == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "ack", "puback", "refuse", "lose", "due", "hub"]),
            st.integers(1, 6),
        ),
        max_size=60,
    )
)
def test_no_order_of_events_loses_a_row(steps: list[tuple[str, int]]) -> None:
    """Whatever happens: a row is either done, or still here and due some time."""
    flight, done, added, now_s = InFlight("hub", 1.0), set[int](), dict[int, Sent](), 0.0
    for what, number in steps:
        now_s += 0.5
        token = added[number].token if number in added else None
        if what == "add" and number not in added:
            added[number] = sent(flight, number, now_s)
        elif what == "ack":
            done |= set(flight.hub_has([f"id-{number}"], None))
        elif what == "hub":
            flight.send_all_again(now_s)
        elif what == "puback" and token is not None:
            flight.broker_answered(token, 0, now_s)
        elif what == "refuse" and token is not None:
            flight.broker_answered(token, 0x80, now_s)
        elif what == "lose":
            flight.connection_ended(now_s)
        elif what == "due":
            for each in flight.due(now_s, number):
                flight.sent(each, int(now_s * 1000) + each.sequence, now_s)
    flight.connection_ended(now_s)
    left = {each.sequence for each in flight.due(now_s + 1000, 100)}
    assert left == set(added) - done
    assert len(flight) == len(left)


# --- lanes ---


def test_live_rows_pass_the_backlog_and_urgent_rows_pass_others() -> None:
    lanes = Lanes(10)
    most_urgent, backlog = lanes.hungry()[:2]
    backlog.rows.extend([row(1), row(2)])
    lanes.stored([row(11, 3), row(12, 0), row(13, 0)])

    assert lanes.take(1, 1, live_only=True)[0][0].sequence == 12
    assert lanes.take(9, 1, live_only=True)[0][0].sequence == 13
    assert lanes.take(9, 1, live_only=True) == []
    # The most urgent backlog is not read from the disk yet: nothing passes it.
    assert [(r.sequence, live) for r, live in lanes.take(3)] == [(11, True)]
    assert lanes.take(3) == []
    most_urgent.cursor = most_urgent.end
    assert [(r.sequence, live) for r, live in lanes.take(3)] == [(1, False), (2, False)]


def test_a_lane_that_overflows_goes_on_from_the_disk_in_order() -> None:
    lanes = Lanes(0)
    lanes.stored([row(n) for n in range(1, READ_AHEAD + 51)])

    assert len(lanes.take(1000)) == READ_AHEAD
    (lane,) = [lane for lane in lanes.hungry() if lane.live]
    assert (lane.cursor, lane.end) == (READ_AHEAD, READ_AHEAD + 50)


def test_a_birth_that_is_under_way_goes_first_on_the_next_connection() -> None:
    flight = InFlight("hub", 30)
    for number in (1, 2, 3):
        flight.sent(flight.add(outgoing(number)), number, 10.0)
        flight.broker_answered(number, 0, 10.0)
    flight.connection_ended(20.0)

    flight.send_first([3, None, 99])

    assert [sent.sequence for sent in flight.due(20.0, 10)] == [3]
