"""Alerts and counts as messages."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from config.rules import RuleConfig
from edge.reporting.alert_messages import ALARM_TYPES, alert_event
from edge.reporting.places import ground_place
from perception.place.frame import LocalFrame
from perception.place.placed import GroundPoint, Unplaced
from perception.rules.rule import Alert
from telemetry.contract.alerts import AlertEvent

BEGUN = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
FRAME = LocalFrame.at(35.40, 116.60)
EPISODE = "019cc1b0-11f0-7abc-8def-0123456789ab"
WITHOUT_TYPE = {"stopped", "illegal_parking"}  # kinds for which the standard has no AlarmType


def alert(**changes: Any) -> Alert:
    whole: dict[str, Any] = {
        "rule": "intrusion", "name": "fence", "episode": 1, "phase": "new", "reason": None,
        "severity": 1, "confidence": 0.9, "zone": "yard", "label": "person", "tracks": (3,),
        "camera": "front", "place": GroundPoint(10.0, 20.0, np.diag((4.0, 1.0))), "unplaced": None,
        "frame": FRAME, "footprint": None, "begun_mono_s": 1.0, "last_mono_s": 2.0,
        "facts": {"inside_probability": 0.97, "saturated": True, "persons": 3},
    }  # fmt: skip
    return Alert(**(whole | changes))


def written(told: Alert) -> AlertEvent:
    return alert_event(told, EPISODE, (BEGUN, BEGUN + timedelta(seconds=1)), (None, "no_fix"))


def test_every_kind_of_rule_has_its_codes() -> None:
    union = get_args(RuleConfig)[0]
    kinds = {get_args(each.model_fields["kind"].annotation)[0] for each in get_args(union)}

    assert kinds <= set(ALARM_TYPES) | WITHOUT_TYPE, "enter it in ALARM_TYPES or WITHOUT_TYPE"
    event = written(alert())
    assert (event.colour, event.gb28181.alarm_priority) == ("red", 1)
    assert (event.gb28181.alarm_method, event.gb28181.alarm_type) == (5, 6)


def test_an_alert_has_a_place_or_says_why_there_is_none() -> None:
    placed = written(alert())
    unplaced = written(alert(place=None, unplaced=Unplaced.NO_HEADING))
    nowhere = written(alert(place=None))

    assert placed.place is not None
    assert placed.place_missing is None
    assert unplaced.place_missing == "no_heading"
    assert nowhere.place_missing == "not_a_place"
    with pytest.raises(ValidationError, match="either a place"):
        AlertEvent.model_validate(placed.model_dump() | {"place": None})


def test_the_ellipse_is_the_one_of_95_percent() -> None:
    place = ground_place(GroundPoint(10.0, 20.0, np.diag((4.0, 1.0))), FRAME)

    assert place.error.bearing_deg == pytest.approx(90.0)
    assert place.error.major_m == pytest.approx(2 * 2.4477, abs=0.01)
    assert place.error.minor_m == pytest.approx(2.4477, abs=0.01)
    assert FRAME.to_metres(place.lat_deg, place.lon_deg) == pytest.approx((10.0, 20.0), abs=0.02)


def test_facts_keep_their_types() -> None:
    text = written(alert()).model_dump_json(exclude_none=True)

    assert '"facts":{"inside_probability":0.97,"saturated":true,"persons":3}' in text


def test_a_suggestion_waits_for_a_human() -> None:
    assert written(alert()).review == "pending"
