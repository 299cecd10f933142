"""Each rule against its scripted set; `make bench` does the same over more seeds."""

import pytest

from tests.rules.scripts import SETS, score

LATEST_S = {
    "intrusion": 5.0, "tripwire": 7.0, "carriageway": 10.0, "wrong_way": 5.0, "fast": 5.0,
    "loitering": 70.0,
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(SETS))
def test_a_rule_tells_what_happens_and_nothing_else(kind: str) -> None:
    found, wrong = score(kind, seeds=(1, 2))

    assert found.precision is not None, wrong
    assert found.recall is not None, wrong
    assert found.precision >= 0.95, wrong
    assert found.recall >= 0.95, wrong
    assert max(found.delays_s) <= LATEST_S.get(kind, 60.0)
