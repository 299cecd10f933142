"""Requests to a device of another thread: answered, refused while it is away, never late."""

import threading
import time
from collections import deque

import pytest

from drivers.base import DeviceLostError
from drivers.samples import Done
from edge.running.asking import GONE, MOST_WAITING, Asked, Requests


class Echo:
    """Does what it is asked, unless it has lost its device."""

    def __init__(self) -> None:
        self.lost = False
        self.asked: list[str] = []
        self._answers: deque[Done | str] = deque()

    def ask(self, token: int, request: str) -> None:
        if self.lost:
            raise DeviceLostError("pulled")
        self.asked.append(request)
        self._answers.append(Done(token=token, ok=request != "impossible", text=request))

    def read(self) -> Done | str | None:
        time.sleep(0.002)
        return self._answers.popleft() if self._answers else None

    def close(self) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {}


def serve(driver: Asked[str, str], stop: threading.Event) -> None:
    while not stop.is_set():
        driver.read()


def test_an_answer_comes_back_to_the_thread_that_asked() -> None:
    requests: Requests[str] = Requests()
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(Asked(Echo(), requests), stop))
    thread.start()
    try:
        done, refused = requests.ask("light", 5.0), requests.ask("impossible", 5.0)
    finally:
        stop.set()
        thread.join()

    assert (done.ok, done.text) == (True, "light")
    assert (refused.ok, refused.text) == (False, "impossible")


def test_a_device_that_is_away_refuses_at_once() -> None:
    requests: Requests[str] = Requests()

    began = time.monotonic()
    done = requests.ask("light", 5.0)

    assert (done.ok, done.text) == (False, GONE)
    assert time.monotonic() - began < 1.0
    assert not requests.post("light")


def test_what_was_asked_in_vain_is_not_done_later() -> None:
    requests, echo = Requests[str](), Echo()
    driver = Asked[str, str](echo, requests)

    done = requests.ask("siren", 0.01)
    driver.read()

    assert not done.ok
    assert echo.asked == []


def test_a_loss_answers_all_who_wait() -> None:
    requests, echo = Requests[str](), Echo()
    driver = Asked[str, str](echo, requests)
    answers: list[Done] = []
    asker = threading.Thread(target=lambda: answers.append(requests.ask("siren", 10.0)))
    asker.start()
    while not requests._waiting:
        time.sleep(0.001)
    echo.lost = True

    with pytest.raises(DeviceLostError):
        driver.read()
    driver.close()
    asker.join(5.0)

    assert [answer.ok for answer in answers] == [False]
    assert requests.ask("siren", 1.0).text == GONE


def test_where_too_much_waits_the_oldest_gives_way_to_the_newest() -> None:
    requests: Requests[str] = Requests()
    requests.opened()
    first = requests.begin("first")
    assert first is not None
    for number in range(MOST_WAITING):
        assert requests.post(f"order {number}")
    assert requests.post("stop")
    taken = [request for _, request in requests.take()]
    assert len(taken) == MOST_WAITING
    assert "first" not in taken
    assert taken[-1] == "stop"
    refused = requests.answer(first)
    assert refused is not None
    assert not refused.ok
