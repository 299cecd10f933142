"""The bucket keeps its rate, the reach follows the link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.link.pacing import LEAST_BYTES, Bucket, Reach


def test_no_limit_is_always_open() -> None:
    bucket = Bucket(None)
    bucket.spend(10**9)
    assert bucket.open(0.0)
    assert bucket.opens_s(5.0) == 5.0


@given(st.lists(st.integers(1, 5000), min_size=20, max_size=200), st.integers(8, 10_000))
def test_a_bucket_keeps_its_rate_whatever_the_sizes(sizes: list[int], kbit_s: int) -> None:
    bucket, now_s, sent = Bucket(kbit_s), 100.0, 0
    for size in sizes:
        now_s = max(now_s, bucket.opens_s(now_s))
        assert bucket.open(now_s + 0.002)
        bucket.spend(size)
        sent += size
    allowed = (now_s - 100.0 + 0.002 * len(sizes)) * kbit_s * 125 + kbit_s * 125 / 4 + max(sizes)
    assert sent <= allowed * 1.001


def test_time_that_was_not_used_is_not_saved_up() -> None:
    bucket = Bucket(80)  # 10,000 bytes a second
    assert bucket.open(0.0)
    bucket.spend(2501)
    assert not bucket.open(0.0)
    assert bucket.open(3600.0)
    bucket.spend(2501)
    assert not bucket.open(3600.0)


def test_a_slow_link_is_given_little_and_a_quick_one_much() -> None:
    reach, now_s = Reach(), 0.0
    first = reach.limit_bytes
    for token in range(20):  # each a second after it was sent
        reach.sent(token, 10_000, now_s)
        now_s += 1.0
        reach.acknowledged(token, now_s)
    assert reach.limit_bytes == LEAST_BYTES
    for token in range(20, 400):
        reach.sent(token, 10_000, now_s)  # five of them at a time
        now_s += 0.01
        if token >= 25:
            reach.acknowledged(token - 5, now_s)
    assert reach.limit_bytes > first // 2
    assert reach.on_wire_bytes == 50_000


def test_what_was_on_the_wire_together_halves_it_once() -> None:
    reach = Reach()
    for token in range(10):
        reach.sent(token, 1000, 0.0)
    for token in range(10):
        reach.acknowledged(token, 2.0 + token / 100)
    assert reach.limit_bytes == 32_768


def test_an_unknown_acknowledgement_changes_nothing() -> None:
    reach = Reach()
    reach.acknowledged(7, 1.0)
    assert (reach.on_wire_bytes, reach.free) == (0, True)
    reach.sent(1, 70_000, 1.0)
    assert not reach.free
    reach.begin()
    assert reach.free
    assert reach.limit_bytes == pytest.approx(65_536)
