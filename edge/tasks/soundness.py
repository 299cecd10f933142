"""Whether a book from the disk can be believed, so that nobody needs to doubt it later."""

import math

from pydantic import ValidationError

from edge.tasks.duty import OF_TASK, WITH_TASK
from edge.tasks.page import Page
from edge.tasks.record import Book
from edge.tasks.sos import SosBook
from telemetry.contract.events import SosEvent


def is_sound(book: Book) -> bool:
    """A unit that believed a wrong one might take no task any more, or fail at every step."""
    return _fits_together(book) and _is_finite(book) and _can_be_told(book)


def is_sound_call(book: SosBook) -> bool:
    """The same of what is remembered of a call for help."""
    call = book.call
    if call is None:
        return True
    try:
        SosEvent(
            phase="update",
            episode=call.episode,
            cause=call.cause,
            begun=call.begun.utc,
            track=call.track,
        )
    except ValidationError:
        return False
    return True


def _fits_together(book: Book) -> bool:
    every, current = (*book.tasks, *book.ended), book.current
    return (
        len({task.id for task in every}) == len(every)
        and not any(task.over for task in book.tasks)
        and all(task.over for task in book.ended)
        and (book.duty == OF_TASK[current.state] if current else book.duty not in WITH_TASK)
        and book.duty_before not in WITH_TASK
    )


def _is_finite(book: Book) -> bool:
    every = (*book.tasks, *book.ended)
    places = [place for task in every for place in (task.place, *task.route)]
    numbers = [number for place in places for number in place]
    numbers += [task.radius_m for task in every]
    numbers += [number for pace in book.paces.values() for number in (pace.speed_mps, pace.seconds)]
    return all(math.isfinite(number) for number in numbers)


def _can_be_told(book: Book) -> bool:
    try:
        for task in (*book.tasks, *book.ended):
            Page(book, task.received).event(task, "progress")
    except ValidationError:
        return False
    return True
