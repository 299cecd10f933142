"""What a CAN controller says of its bus, kept as a state (linux/can/error.h)."""

from collections import Counter, deque

BUS_OFF = 0x0000_0040
RESTARTED = 0x0000_0100
NO_ACK = 0x0000_0020
CONTROLLER = 0x0000_0004  # details in data[1]
PROTOCOL = 0x0000_0008  # details in data[2]
BUS_ERROR = 0x0000_0080
_PASSIVE, _BETTER = 0x10 | 0x20, 0x04 | 0x08 | 0x40  # of data[1]

# A wrong bit rate makes each frame of the others an error, and none arrives; interference and a
# loose plug damage some.
WINDOW_S = 2.0
ERRORS_OF_WRONG_BITRATE = 10


class BusState:
    """Feed it error frames and say when a good one came. One thread."""

    def __init__(self) -> None:
        self.bus_off = False
        self.passive = False
        self.counts: Counter[str] = Counter()
        self._errors_s: deque[float] = deque(maxlen=1000)
        self._good_s = float("-inf")

    def good(self, now_s: float) -> None:
        """A frame of somebody else arrived whole."""
        self.bus_off = False
        self._good_s = now_s

    def error(self, flags: int, data: bytes, now_s: float) -> None:
        """`flags`: the id of the error frame without its marks."""
        if flags & BUS_OFF:
            self.bus_off = True
            self.counts["bus_off"] += 1
        if flags & RESTARTED:
            self.bus_off = self.passive = False
        if flags & CONTROLLER and len(data) > 1:
            if data[1] & _PASSIVE:
                self.passive = True
            elif data[1] & _BETTER:
                self.passive = False
        if flags & NO_ACK:
            self.counts["nobody_acknowledged"] += 1
        if flags & (PROTOCOL | BUS_ERROR):
            self.counts["bus_errors"] += 1
            self._errors_s.append(now_s)

    def troubles(self, now_s: float) -> set[str]:
        """The codes of what is wrong with the bus itself."""
        found = set()
        if self.bus_off:
            found.add("can_bus_off")
        if self.passive:
            found.add("can_error_passive")
        recent = sum(now_s - at_s <= WINDOW_S for at_s in self._errors_s)
        if recent >= ERRORS_OF_WRONG_BITRATE and now_s - self._good_s > WINDOW_S:
            found.add("can_wrong_bitrate")
        return found
