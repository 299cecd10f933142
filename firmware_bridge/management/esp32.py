"""ESP32 boards, through esptool (docs.espressif.com/projects/esptool).

Such a board has no second slot here: it is written over, and what was written is compared by its
MD5, which esptool asks the chip for. A flash that was cut off leaves a board that starts nothing,
but whose boot loader is in ROM: flashing again always works.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.management.errors import ManagementError
from firmware_bridge.management.flashing import Watch
from firmware_bridge.management.programs import Program, blame, find, follow

CURE = "pip install esptool (in an environment of its own), or apt install esptool"
LEAST = (4, 0)
HYPHENS_FROM = (5, 0)  # its commands were spelled with _ before
SILENT_S = 90.0  # erasing says nothing
PERCENT = re.compile(r"^Writing at 0x[0-9a-fA-F]+.*?(\d{1,3})(?:\.\d+)? ?%")
VERIFIED = "Hash of data verified"

_KNOWN = (
    (r"No serial data received|Failed to connect|Timed out waiting",
     "the board does not come into its boot loader",
     "hold BOOT, press RESET, let go of BOOT, and flash again; is its cable one for data?"),
    (r"(?i)could not open (port )?\S+|port is busy|doesn't exist",
     "the board's port cannot be opened",
     "is it plugged in, and does no other program use it?"),
    (r"(?i)this chip is|wrong --?chip|unexpected chip",
     "another chip answers than the package is for", "is it the right board?"),
    (r"(?i)MD5 of file does not match|hash of data (in flash )?does not match",
     "what the board has is not what was sent", "flash it again; then replace the cable"),
    (r"(?i)device (disconnected|reports readiness)|serial exception|ClearCommError|Write timeout",
     "the board has gone during the flash",
     "put its plug back in and flash again: its boot loader is in ROM"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Esp32:
    """One board, behind one port."""

    port: str
    chip: str
    baud: int = 460_800

    def flash(self, parts: Mapping[int, tuple[Path, int]], watch: Watch) -> None:
        """Files by address, with their sizes. Raises ManagementError."""
        program = find(("esptool", "esptool.py"), ("version",), LEAST, CURE)
        course = _Course([size for _, size in parts.values()], watch)
        watch.step("writing with esptool, which compares it afterwards")
        code, lines = follow(self._command(program, parts), course.hear, SILENT_S)
        if code != 0:
            raise blame(lines, _KNOWN)
        if course.verified != len(parts):
            raise ManagementError(
                "esptool did not say that what was written is right", "flash it again"
            )
        course.finish()

    def _command(self, program: Program, parts: Mapping[int, tuple[Path, int]]) -> Sequence[str]:
        line = [program.path, "--port", self.port, "--chip", self.chip, "--baud", str(self.baud)]
        line += ["--before", "default_reset", "--after", "hard_reset", "write_flash"]
        if program.version >= HYPHENS_FROM:
            line = [word.replace("_", "-") if word in _SPELLED_ANEW else word for word in line]
        for address, (path, _) in parts.items():
            line += [hex(address), str(path)]
        return line


_SPELLED_ANEW = ("default_reset", "hard_reset", "write_flash")


class _Course:
    """Percent of each file, as bytes of all."""

    def __init__(self, sizes: Sequence[int], watch: Watch) -> None:
        self._sizes = sizes
        self._watch = watch
        self.verified = 0

    def hear(self, line: str) -> None:
        if VERIFIED in line:
            self.verified += 1
        elif (match := PERCENT.match(line)) is not None and self.verified < len(self._sizes):
            done = sum(self._sizes[: self.verified])
            share = min(100, int(match[1])) / 100
            self._watch.sent(done + int(self._sizes[self.verified] * share), sum(self._sizes))

    def finish(self) -> None:
        self._watch.sent(sum(self._sizes), sum(self._sizes))
