"""When something was, from the autopilot's own clock: what the line holds up is taken off."""

DRIFT = 2e-4  # of the two clocks against each other, at most
REBOOT_S = 2.0  # back in time by more than this: it was started anew
LATE_S = 5.0  # what seems later than this is no clock since boot


class BootClock:
    """Maps milliseconds since the autopilot's boot to our monotonic clock."""

    def __init__(self) -> None:
        self.reboots = 0
        self._offset_s: float | None = None
        self._boot_s = 0.0
        self._heard_s = 0.0

    def mono_s(self, boot_ms: float, heard_s: float) -> float:
        """When it was so; never after it was heard. The least delayed message tells the offset."""
        boot_s = boot_ms / 1000.0
        offset_s = heard_s - boot_s
        if self._offset_s is None or boot_s < self._boot_s - REBOOT_S:
            self.reboots += self._offset_s is not None
            self._offset_s = offset_s
        else:
            slack_s = DRIFT * max(0.0, heard_s - self._heard_s)
            self._offset_s = min(self._offset_s + slack_s, offset_s)
        self._boot_s, self._heard_s = boot_s, heard_s
        stamp_s = boot_s + self._offset_s
        return stamp_s if heard_s - stamp_s < LATE_S else heard_s
