"""What the computer says of itself: load, memory, temperatures, disk. Linux files only."""

import math
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from telemetry.contract.unit import Disk, Load, Temperature

MIB = 1024 * 1024
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / MIB


def _words(path: Path) -> list[str]:
    """The words of a small kernel file; none where it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass(slots=True)
class CpuMeter:
    """Share of all cores in use since the last call (/proc/stat, proc(5))."""

    proc: Path = Path("/proc")
    busy: float = 0.0
    total: float = 0.0

    def percent(self) -> float | None:
        words = _words(self.proc / "stat")
        ticks = [float(word) for word in words[1:9] if word.isdigit()]
        if len(ticks) < 8 or words[0] != "cpu":
            return None
        total, busy = sum(ticks), sum(ticks) - ticks[3] - ticks[4]  # without idle and iowait
        passed, used = total - self.total, busy - self.busy
        self.total, self.busy = total, busy
        return min(100.0, max(0.0, 100.0 * used / passed)) if passed > 0 else None


def memory_percent(proc: Path = Path("/proc")) -> float | None:
    words = _words(proc / "meminfo")
    sizes = dict(pairwise(words))
    total, free = _number(sizes.get("MemTotal:", "")), _number(sizes.get("MemAvailable:", ""))
    if not total or free is None:
        return None
    return min(100.0, max(0.0, 100.0 * (1 - free / total)))


def process_rss_mib(proc: Path = Path("/proc")) -> float | None:
    words = _words(proc / "self" / "statm")
    pages = _number(words[1]) if len(words) > 1 else None
    return None if pages is None else max(0.0, pages) * PAGE_MIB


def load_1min(proc: Path = Path("/proc")) -> float | None:
    """Threads that run or wait for a core, mean of a minute (/proc/loadavg, proc(5))."""
    return _positive(_words(proc / "loadavg"))


def load(meter: CpuMeter, uptime_s: float) -> Load:
    return Load(
        cpu_percent=meter.percent(),
        load_1min=load_1min(meter.proc),
        memory_percent=memory_percent(meter.proc),
        process_rss_mib=process_rss_mib(meter.proc),
        process_uptime_s=uptime_s,
    )


def _positive(words: list[str]) -> float | None:
    value = _number(words[0]) if words else None
    return None if value is None else max(0.0, value)


def temperatures(zones: Path = Path("/sys/class/thermal")) -> tuple[Temperature, ...]:
    """Every thermal zone that gives a plausible value (kernel: sysfs-class-thermal)."""
    found = []
    for zone in sorted(zones.glob("thermal_zone*")):
        kind, milli = _words(zone / "type"), _words(zone / "temp")
        value = _number(milli[0]) if milli else None
        if kind and value is not None and -60_000 < value < 200_000:
            found.append(Temperature(name=kind[0][:80], celsius=value / 1000))
    return tuple(found)


def disk(folder: Path) -> Disk | None:
    try:
        space = os.statvfs(folder)
    except OSError:
        return None
    return Disk(
        free_mib=space.f_bavail * space.f_frsize // MIB,
        total_mib=space.f_blocks * space.f_frsize // MIB,
    )
