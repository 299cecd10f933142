"""How fast the backlog goes, so that what is new and urgent does not stand behind it."""

SLOW_S = 0.5  # an acknowledgement that takes longer stands in a queue of our own making
LEAST_BYTES = 4_096
MOST_BYTES = 4 * 1024 * 1024


class Bucket:
    """A token bucket: on average `kbit_s`, at most a quarter of a second of it at once.

    One message may be larger than what is in the bucket; then the next one waits for longer.
    """

    def __init__(self, kbit_s: int | None) -> None:
        """None: there is no limit."""
        self._bytes_s = None if kbit_s is None else kbit_s * 125.0
        self._tokens = 0.0
        self._filled_s: float | None = None

    def open(self, now_s: float) -> bool:
        return self.opens_s(now_s) <= now_s

    def opens_s(self, now_s: float) -> float:
        """When the next message may go."""
        if self._bytes_s is None:
            return now_s
        if self._filled_s is None:
            self._tokens = self._bytes_s / 4
        else:
            gained = (now_s - self._filled_s) * self._bytes_s
            self._tokens = min(self._tokens + gained, self._bytes_s / 4)
        self._filled_s = now_s
        return now_s if self._tokens > 0 else now_s - self._tokens / self._bytes_s + 0.001

    def spend(self, size_bytes: int) -> None:
        self._tokens -= size_bytes


class Reach:
    """How many bytes may be on the wire and unacknowledged, by how long acknowledgements take.

    A slow link queues what it is given: in the modem, in our kernel. With a whole window of large
    messages that is half a minute, and a new alert would stand behind them all. So the reach is
    halved when an acknowledgement took more than SLOW_S (at most once for all that were on the
    wire then), and grows by what was acknowledged in less, as TCP's own window does.
    """

    def __init__(self) -> None:
        self._sent: dict[int, tuple[int, float]] = {}  # size and time, by token
        self.begin()

    def begin(self) -> None:
        """A new connection; it may go another way than the last one."""
        self._sent.clear()
        self._halved_s = float("-inf")
        self.on_wire_bytes = 0
        self.limit_bytes = 65_536

    def sent(self, token: int, size_bytes: int, now_s: float) -> None:
        self._sent[token] = (size_bytes, now_s)
        self.on_wire_bytes += size_bytes

    def acknowledged(self, token: int, now_s: float) -> None:
        size_bytes, sent_s = self._sent.pop(token, (0, now_s))
        self.on_wire_bytes -= size_bytes
        if now_s - sent_s > SLOW_S:
            if sent_s > self._halved_s:
                self._halved_s = now_s
                self.limit_bytes = max(LEAST_BYTES, self.limit_bytes // 2)
        elif self.on_wire_bytes + size_bytes > self.limit_bytes // 2:  # it was made use of
            self.limit_bytes = min(MOST_BYTES, self.limit_bytes + size_bytes)

    @property
    def free(self) -> bool:
        return self.on_wire_bytes < self.limit_bytes
