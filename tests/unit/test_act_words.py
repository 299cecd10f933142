"""What `patrol-edge act status` says of an actuator."""

import pytest

from edge.cli.unit.act import _state

LIT = {"name": "lamp", "kind": "light", "on": True, "level": 1.0}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"on": False, "level": 0.0}, "off"),
        ({"by": "operator", "until": "12:00"}, "on, by operator until 12:00"),
        ({"by": "emergency"}, "on, by emergency"),
        ({"by": "programme", "fault": "it is hot"}, "on, by programme (it is hot)"),
    ],
)
def test_one_that_is_asked_for_again_and_again_has_no_end(
    told: dict[str, object], words: str
) -> None:
    assert _state(LIT | told) == words
