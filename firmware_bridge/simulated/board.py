"""A board that is a program: both planes behind one line, and what can befall a board."""

from firmware_bridge.runtime.frames import Frame
from firmware_bridge.runtime.splitter import DAMAGES, ManagementLine, Splitter
from firmware_bridge.simulated.planes import ManagementPlane, RunTimePlane

BOOT_S = 0.05  # from power or reset until it listens
BANNER = b"*** Booting patrol board, firmware %s ***\r\n"


class SimulatedBoard:
    """Bytes in, bytes out, by a clock that the caller keeps. Used by one thread."""

    def __init__(self, run_time: RunTimePlane, management: ManagementPlane) -> None:
        self.run_time = run_time
        self.management = management
        self._splitter = Splitter()
        self._listens_from_s: float | None = None  # None: without power
        self._is_up = False
        self._hangs_until_s = 0.0

    def bad_frames(self) -> int:
        """Frames that came damaged, since it started."""
        return sum(self._splitter.counts[cause] for cause in DAMAGES)

    # --- what befalls it ---

    def power_on(self, now_s: float) -> None:
        """It starts; it listens BOOT_S later."""
        self._splitter = Splitter()
        self._listens_from_s, self._is_up = now_s + BOOT_S, False
        self._hangs_until_s = 0.0

    def reset(self, now_s: float) -> None:
        """By its watchdog, its reset line or its own wish: as if the power came back."""
        self.power_off()
        self.power_on(now_s)

    def power_off(self) -> None:
        """In the middle of whatever it was at."""
        self.management.power_lost()
        self._listens_from_s, self._is_up = None, False

    def hang(self, until_s: float) -> None:
        """It neither listens nor speaks; its outputs stay as they are (no watchdog)."""
        self._hangs_until_s = until_s

    # --- the line ---

    def feed(self, data: bytes, now_s: float) -> bytes:
        """What has arrived. Returns what it sends."""
        if not self._is_alive(now_s):
            return b""
        answers = []
        for item in self._splitter.feed(data):
            if isinstance(item, Frame):
                answers.append(self.run_time.frame(item, now_s))
            elif isinstance(item, ManagementLine):
                answers.append(self.management.line(item.data))
                if self.management.reset_due():
                    self.reset(now_s)
                    break
        return b"".join(answers)

    def tick(self, now_s: float) -> bytes:
        """Call it every few milliseconds. Returns what it sends."""
        banner = self._start(now_s)
        return banner + (self.run_time.tick(now_s) if self._is_alive(now_s) else b"")

    def _start(self, now_s: float) -> bytes:
        if self._listens_from_s is None or self._is_up or now_s < self._listens_from_s:
            return b""
        self._is_up = True
        firmware = self.management.boot()
        self.run_time.boot(firmware, now_s)
        return BANNER % firmware.encode("ascii", "replace")

    def _is_alive(self, now_s: float) -> bool:
        return self._is_up and now_s >= self._hangs_until_s
