"""Pictures over the link: one at a time, after everything else, in their share of it.

A picture has no envelope and no sequence, so no hub can acknowledge it; it has left the unit when
the broker has it (PUBACK), and that somebody listens there is asked of what the hub does say. One
picture is on the wire at a time, and none is so large that it takes more than about two seconds of
the link as it was last measured: an alert that comes behind it waits no longer than that.
"""

from collections import Counter
from collections.abc import Callable

from telemetry.contract.snapshot import SNAPSHOT_CONTENT_TYPE
from telemetry.link.outflow import HEADER_BYTES, Outflow
from telemetry.link.pacing import Bucket
from telemetry.link.transport import WireMessage
from telemetry.pictures.picture import Picture
from telemetry.pictures.spool import PictureSpool

ON_WIRE_S = 2.0  # of the link's time for one picture
LEAST_BYTES = 8 * 1024
NOBODY_SUBSCRIBED = 0x10  # PUBACK, MQTT 5 section 3.4.2.1
NOBODY_S = 30.0
REFUSED_S = 10.0
TRIES = 3  # refusals, or connections that were lost meanwhile
NO_ANSWER_S = 60.0

MayLeave = Callable[[Picture], bool]


class PictureFlow:
    """Used by the publisher's thread; `limit_bytes` is for anyone."""

    def __init__(
        self, spool: PictureSpool, may_leave: MayLeave, kbit_s: int | None, max_bytes: int
    ) -> None:
        """`may_leave` is asked of each picture at the moment it would go."""
        self._spool = spool
        self._may_leave = may_leave
        self._bucket = Bucket(kbit_s)
        self._max_bytes = max_bytes
        self._on_wire: tuple[int, Picture, float] | None = None  # token, picture, since
        self._held_until_s = float("-inf")
        self._failures: Counter[str] = Counter()  # by id, of the picture that is tried now
        self.limit_bytes = max_bytes  # what the next one should not exceed

    def silent(self, now_s: float) -> bool:
        """The broker has had a picture for so long without a word."""
        return self._on_wire is not None and now_s - self._on_wire[2] > NO_ANSWER_S

    def next_s(self, now_s: float) -> float | None:
        """When a picture can go that cannot go now; None: it takes an event."""
        if self._on_wire is not None or self._spool.newest() is None:
            return None
        return max(self._held_until_s, self._bucket.opens_s(now_s))

    def send(self, out: Outflow, topic: str, now_s: float, most_bytes: int | None) -> None:
        """Send the next one, if it may go. Raises TransportError: then it is tried again."""
        if self._on_wire is not None or now_s < self._held_until_s or not out.free_for_pictures:
            return
        picture = self._spool.newest()
        while picture is not None and not self._sound(picture, most_bytes):
            picture = self._spool.newest()
        if picture is None or not self._bucket.open(now_s):
            return
        message = WireMessage(
            topic=f"{topic}/{picture.properties.episode}",
            payload=picture.jpeg,
            content_type=SNAPSHOT_CONTENT_TYPE,
            user_properties=picture.user_properties(),
        )
        token = out.publish(message)
        out.picture_tokens.add(token)
        self._on_wire = (token, picture, now_s)
        self._bucket.spend(len(picture.jpeg) + HEADER_BYTES)

    def acknowledged(self, token: int, code: int, now_s: float) -> bool:
        """A PUBACK: whether it was for a picture."""
        if self._on_wire is None or self._on_wire[0] != token:
            return False
        _, picture, sent_s = self._on_wire
        self._on_wire = None
        if code == NOBODY_SUBSCRIBED:
            self._held_until_s = now_s + NOBODY_S
        elif code >= 0x80:
            self._held_until_s = now_s + REFUSED_S
            self._try_again(picture, "refused")
        else:
            self._measure(len(picture.jpeg), now_s - sent_s)
            self._spool.gone(picture)
        return True

    def connection_ended(self) -> None:
        """What was on the wire is tried again; a picture that takes a link down is given up."""
        if self._on_wire is not None:
            _, picture, _ = self._on_wire
            self._on_wire = None
            self.limit_bytes = max(LEAST_BYTES, len(picture.jpeg) // 2)
            self._try_again(picture, "link_too_narrow")

    def _sound(self, picture: Picture, most_bytes: int | None) -> bool:
        """Whether it may go at all; else it is dropped, and counted."""
        if not self._may_leave(picture):
            self._spool.failed(picture, "locked")
        elif most_bytes is not None and len(picture.jpeg) + 2 * HEADER_BYTES > most_bytes:
            self.limit_bytes = max(LEAST_BYTES, most_bytes - 2 * HEADER_BYTES)
            self._spool.failed(picture, "broker_takes_less")
        else:
            return True
        return False

    def _try_again(self, picture: Picture, cause: str) -> None:
        failures = self._failures[picture.id] + 1
        self._failures = Counter({picture.id: failures})
        if failures >= TRIES:
            self._spool.failed(picture, cause)

    def _measure(self, size_bytes: int, took_s: float) -> None:
        carried = round(size_bytes / max(took_s, 1e-3) * ON_WIRE_S)
        smoothed = (self.limit_bytes + carried) // 2
        self.limit_bytes = max(LEAST_BYTES, min(self._max_bytes, smoothed))
