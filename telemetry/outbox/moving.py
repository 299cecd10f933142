"""Laying rows aside, and back, in a queue that no unit works with."""

from collections.abc import Sequence
from pathlib import Path

from telemetry.outbox.rows import Change, Parking
from telemetry.outbox.schema import StoreError
from telemetry.outbox.store import Store

BY_HAND = "laid aside by hand"
LARGEST_BYTES = 2**40  # no limit of our own: nothing is added


def move(path: Path, aside: bool, sequences: Sequence[int], now_ms: int) -> list[int]:
    """Returns those that were there to be moved. Raises OSError."""
    try:
        store = Store.open(path, LARGEST_BYTES)
    except StoreError as error:
        raise OSError(str(error)) from error
    try:
        return [number for number in sequences if _moved(store, aside, number, now_ms)]
    except StoreError as error:
        raise OSError(str(error)) from error
    finally:
        store.close()


def _moved(store: Store, aside: bool, number: int, now_ms: int) -> bool:
    if aside:
        parking = Parking(sequence=number, cause=BY_HAND, refusals=0, parked_ms=now_ms)
        return bool(store.commit(Change(parked=[parking])).parked)
    return bool(store.commit(Change(unparked=[number])).unparked)
