"""STM32 boards in their DFU boot loader, through dfu-util (dfu-util.sourceforge.net).

The boot loader is in ROM: a flash that was cut off leaves a board that starts nothing until it is
flashed again, which always works. ST's extension ("DfuSe", AN3156) has addresses, and starts what
was written with `leave`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.management.errors import ManagementError
from firmware_bridge.management.flashing import Watch
from firmware_bridge.management.programs import Program, blame, find, follow

CURE = "apt install dfu-util"
LEAST = (0, 9)
SILENT_S = 60.0
PERCENT = re.compile(r"^(Erase|Download)\s+\[[= ]*\]\s+(\d{1,3})%\s+(\d+) bytes")
DONE = re.compile(r"File downloaded successfully|Download done")

_KNOWN = (
    (r"No DFU capable USB device",
     "no board is in its DFU boot loader",
     "hold BOOT0, press RESET, let go of BOOT0; may this user use it (see systemd/README.md)?"),
    (r"More than one DFU capable",
     "several boards are in their DFU boot loader", "leave one plugged in, or give its serial"),
    (r"Cannot open DFU device|LIBUSB_ERROR_ACCESS",
     "the board may not be used by this user", "install the udev rules of systemd/"),
    (r"not writeable|out of range|not a valid address|Last page at .* is not writeable",
     "the board has no flash at the address of the package", "is it a package for this board?"),
    (r"LIBUSB_ERROR_(NO_DEVICE|IO|PIPE)|Lost device|[Ee]rror (get_status|during)",
     "the board has gone during the flash",
     "put its plug back in, bring it into its boot loader, and flash again"),
)  # fmt: skip
# After `leave` the board is gone before it has answered for the last time.
_HARMLESS = re.compile(r"[Ee]rror during (download )?get_status|unable to read DFU status")


@dataclass(frozen=True, slots=True, kw_only=True)
class DfuBoard:
    """One board on USB. `serial`: which, where several are plugged in."""

    usb: str  # vendor:product
    serial: str | None = None

    def flash(self, parts: Mapping[int, tuple[Path, int]], watch: Watch) -> None:
        """Files by address, with their sizes. Raises ManagementError."""
        program = find(("dfu-util",), ("--version",), LEAST, CURE)
        total, before = sum(size for _, size in parts.values()), 0
        for number, (address, (path, size)) in enumerate(parts.items(), start=1):
            watch.step(f"writing {path.name} with dfu-util")
            last = number == len(parts)
            code, lines = follow(
                self._command(program, address, path, leave=last),
                _Listener(watch, before, size, total),
                SILENT_S,
            )
            written = any(DONE.search(line) for line in lines)
            left = last and any(_HARMLESS.search(line) for line in lines)
            if not written or (code != 0 and not left):
                raise (
                    blame(lines, _KNOWN)
                    if code != 0
                    else ManagementError(
                        "dfu-util did not say that the file was written", "flash it again"
                    )
                )
            before += size
        watch.sent(total, total)

    def _command(self, program: Program, address: int, path: Path, *, leave: bool) -> list[str]:
        where = f"0x{address:08x}" + (":leave" if leave else "")
        line = [program.path, "--device", self.usb, "--alt", "0", "--dfuse-address", where]
        if self.serial is not None:
            line += ["--serial", self.serial]
        return [*line, "--download", str(path)]


class _Listener:
    """The bytes of one file, as bytes of all."""

    def __init__(self, watch: Watch, before: int, size: int, total: int) -> None:
        self._watch = watch
        self._before, self._size, self._total = before, size, total

    def __call__(self, line: str) -> None:
        match = PERCENT.match(line)
        if match is not None and match[1] == "Download":
            done = min(self._size, int(match[3]))
            self._watch.sent(self._before + done, self._total)
