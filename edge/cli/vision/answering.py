"""An answer from the network, or none in time."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from http.client import HTTPException
from typing import Any

from perception.errors import ModelError


def within(ask: Callable[[], Any], limit_s: float) -> Any:
    """What `ask` returns or raises; TimeoutError if it does neither in time.

    Looking up a name, and trying one address after the other, heed no time-out of ours.
    """
    answer: Future[Any] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except (OSError, HTTPException, ModelError) as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True, name="fetch").start()
    try:
        return answer.result(limit_s)
    except TimeoutError:
        if answer.done():  # it was its own time-out
            raise
        raise TimeoutError(f"no answer within {limit_s:g} s") from None


def reason(error: Exception) -> str:
    return str(getattr(error, "reason", error)) or type(error).__name__
