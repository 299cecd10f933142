"""Getting and keeping a connection: when to try, in which protocol, when to give up an attempt."""

import secrets
from collections.abc import Callable
from typing import Literal

from config.language import said, tell
from drivers.clock import Clock
from telemetry.link.transport import (
    Connected,
    LinkOptions,
    ProtocolVersion,
    Reached,
    Refused,
    Transport,
    TransportConfigError,
    WireMessage,
)

CONNECT_S = 20.0  # for an attempt that neither succeeds nor fails
GREETING_S = 2.5  # between an open connection and the broker's CONNACK, to begin with
STEADY_S = 5.0  # a connection that stood so long was a good one: the back-off starts over
BACKOFF_S = (1.0, 2.0, 4.0, 7.0, 10.0)
_RANDOM = secrets.SystemRandom()

Phase = Literal["down", "connecting", "up"]
ProtocolChoice = Literal["auto", "5", "3.1.1"]


class Dialer:
    """Who uses it asks `up`, calls `step` in its loop, and tells it what the transport reports.

    `will` makes the Last Will of the session with the given number, counted from 1. Where the
    link has fallbacks, each attempt after a failure, or a loss, goes to the next node; the back-off
    grows with every round. A unit stays where it got to: going back would be a second outage.
    """

    def __init__(
        self,
        transport: Transport,
        link: LinkOptions,
        protocol: ProtocolChoice,
        will: Callable[[int], WireMessage | None],
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._nodes = link.nodes()
        self._node = 0
        self._auto = protocol == "auto"
        self._will = will
        self._clock = clock
        self._retry_at_s = clock.mono_s()
        self._reached_s: float | None = None
        self._failures = 0
        self._speaks_5 = protocol == "5"  # it was seen to work here
        self._refuses_5 = False  # a broker said so
        self.protocol: ProtocolVersion = "5" if protocol == "auto" else protocol
        self.phase: Phase = "down"
        self.phase_s = self._retry_at_s
        self.since_s = self._retry_at_s  # monotonic: up, or not, ever since
        self.session = 0
        self.connections = 0
        self.last_error: str | None = None

    @property
    def up(self) -> bool:
        return self.phase == "up"

    @property
    def link(self) -> LinkOptions:
        """The node that is in use, or is tried next."""
        return self._nodes[self._node]

    def ends_s(self) -> float | None:
        """When there is something to do here at the latest; None if nothing."""
        if self.phase == "down":
            return self._retry_at_s
        if self.phase == "connecting" and self._reached_s is not None:
            return self._reached_s + self._greeting_s()
        return None

    def step(self) -> None:
        """Begin an attempt, or give one up, where it is time."""
        now_s = self._clock.mono_s()
        if self.phase == "down" and now_s >= self._retry_at_s:
            self._begin(now_s)
        elif self.phase == "connecting" and now_s - self.phase_s > CONNECT_S:
            self.hang_up(
                tell(
                    "no answer from {address} within {limit_s:.0f} s",
                    address=self.link.address,
                    limit_s=CONNECT_S,
                )
            )
        elif self.phase == "connecting" and self._waited_s(now_s) > self._greeting_s():
            # Some brokers that know only MQTT 3.1.1 leave a greeting in MQTT 5 unanswered.
            text = tell(
                "{address} accepts the connection, but does not answer", address=self.link.address
            )
            self.heard(Refused("closed", text))

    def _greeting_s(self) -> float:
        """Short where the other version of MQTT may be answered; and longer each time, since the
        link may be slower than that."""
        undecided = self._auto and not (self._speaks_5 or self._refuses_5)
        first_s = GREETING_S if undecided else 4 * GREETING_S
        return min(first_s * 2.0 ** min(self._failures, 8), CONNECT_S)

    def _waited_s(self, now_s: float) -> float:
        return 0.0 if self._reached_s is None else now_s - self._reached_s

    def heard(self, event: Reached | Connected | Refused) -> None:
        """What the transport reports about an attempt."""
        match event:
            case Reached():
                self._reached_s = self._clock.mono_s()
            case Connected():
                self._speaks_5 = self._speaks_5 or self.protocol == "5"
                self.connections += 1
                self._enter("up")
            case Refused(cause, text):
                fall_back = self._auto and self._may_fall_back(cause)
                self.hang_up(text, soon=fall_back)
                if fall_back:
                    self.protocol = "3.1.1"

    def _may_fall_back(self, cause: str) -> bool:
        """Whether an attempt in MQTT 5 ended so that one in 3.1.1 may do better."""
        tried_5 = self.protocol == "5"
        if cause == "protocol":
            self._refuses_5 = tried_5
            return tried_5
        # Not every broker that does not know MQTT 5 says so; some just hang up.
        return tried_5 and cause == "closed" and not self._speaks_5

    def hang_up(self, text: str, *, soon: bool = False) -> None:
        """The connection, or the attempt, is over: once more, after a while, not all at once."""
        now_s = self._clock.mono_s()
        self.last_error = text
        if self.up and now_s - self.phase_s > STEADY_S:
            self._failures = 0
        self._transport.abandon()
        longest_s = BACKOFF_S[min(self._failures // len(self._nodes), len(BACKOFF_S) - 1)]
        if not soon:  # in another protocol: the same node once more
            self._node = (self._node + 1) % len(self._nodes)
        self._failures += 1
        if self._auto:
            # 3.1.1 is for the one connection after a 5 that failed, unless the broker refuses 5:
            # that it hung up once may have had any cause.
            self.protocol = "3.1.1" if self._refuses_5 else "5"
        self._retry_at_s = now_s + (0.05 if soon else longest_s * _RANDOM.uniform(0.5, 1.0))
        self._enter("down")

    def _begin(self, now_s: float) -> None:
        if not self._transport.idle and now_s - self.phase_s < CONNECT_S:
            self._retry_at_s = now_s + 0.05
            return  # an abandoned attempt still waits for a name server; one at a time
        self.session += 1
        self._reached_s = None
        try:
            self._transport.start(self.link, self.protocol, self._will(self.session))
        except TransportConfigError as error:
            self._failures = len(BACKOFF_S) * len(self._nodes)
            self.hang_up(said(error))
            return
        self._enter("connecting")

    def _enter(self, phase: Phase) -> None:
        now_s = self._clock.mono_s()
        if self.up or phase == "up":
            self.since_s = now_s
        self.phase, self.phase_s = phase, now_s
