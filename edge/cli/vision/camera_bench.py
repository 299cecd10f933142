"""`patrol-edge camera bench`: what a camera gives and costs, beside a plain loop over OpenCV."""

import argparse
import json
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass, field

from config.devices import CameraConfig
from drivers.base import PROGRESS_COUNTERS, DriverError, EndOfRecordingError
from drivers.cameras.capture import plain_loop
from drivers.cameras.url import CameraUrl, read_login
from drivers.clock import SystemClock
from edge.cli.console import DONE, FAILED, CommandError, note, say
from edge.cli.vision.camera_source import chosen, first_picture, opened, place_of
from edge.reporting.rates import percentile
from edge.seeing.camera_watch import came

SLOW_SHARE = 0.9  # of the rate that is due


@dataclass(slots=True)
class Measured:
    """What one way of reading a camera gave, over so many seconds."""

    way: str
    decoder: str = ""
    size: str = ""
    seconds: float = 0.0
    pictures: int = 0
    fps: float = 0.0
    fps_wanted: float | None = None
    cpu_ms: float | None = None  # of processor time of the reading thread for a picture, median
    cpu_p95_ms: float | None = None
    cpu_percent: float = 0.0  # of one core, of the whole process
    age_p50_ms: float | None = None  # from the camera's stamp to the hand-over
    age_p95_ms: float | None = None
    drops: dict[str, int] = field(default_factory=dict)
    fault: str | None = None


def bench(args: argparse.Namespace) -> int:
    """Raises CommandError, ConfigError."""
    name, config = chosen(args)
    note(f"{place_of(config)}: {args.seconds:g} s ours, then as long a plain loop")
    rows = [_ours(name, config, args.seconds)]
    rows += [_plain(config, args.seconds)] if not args.no_peer else []
    for row in rows:
        say(json.dumps(asdict(row))) if args.json else _show(row)
    ours = rows[0]
    if ours.fps_wanted is not None and ours.fps < SLOW_SHARE * ours.fps_wanted:
        note(f"it gives {ours.fps:.1f} of {ours.fps_wanted:g} pictures a second")
        note("  → see camera_slow in docs/troubleshooting.md")
        return FAILED
    return DONE if ours.fault is None and ours.pictures else FAILED


def _ours(name: str, config: CameraConfig, seconds: float) -> Measured:
    clock, ages_ms = SystemClock(), list[float]()
    found = Measured("patrol-edge")
    with closing(opened(name, config, clock)) as driver:
        facts = driver.facts()
        found.decoder = facts.decoder + (f" ({facts.why_software})" if facts.why_software else "")
        found.fps_wanted = facts.fps

        def read() -> bool:
            frame = driver.read()
            if frame is None:
                return False
            found.size = f"{frame.width_px}x{frame.height_px}"
            if config.kind != "file":
                ages_ms.append((clock.mono_s() - frame.mono_s) * 1e3)
            return True

        before = first_picture(driver)
        _measure(found, read, seconds)
        counters = driver.counters()
        found.fps = round((came(counters) - came(before)) / max(1e-3, found.seconds), 2)
    found.drops = {
        cause: count - before.get(cause, 0)
        for cause, count in counters.items()
        if count > before.get(cause, 0) and cause not in PROGRESS_COUNTERS
    }
    found.age_p50_ms, found.age_p95_ms = percentile(ages_ms, 50), percentile(ages_ms, 95)
    return found


def _plain(config: CameraConfig, seconds: float) -> Measured:
    """As fast as a file can be read, in real time otherwise."""
    found = Measured("plain cv2.VideoCapture")
    with closing(_pictures(config)) as pictures:
        next(pictures)
        _measure(found, lambda: next(pictures), seconds)
    if config.kind == "file":
        found.fault = None  # it has reached the end: nothing holds it to real time
    found.fps = round(found.pictures / max(1e-3, found.seconds), 2)
    return found


def _pictures(config: CameraConfig) -> Generator[bool]:
    match config.kind:
        case "stream":
            login = None if config.credentials_file is None else read_login(config.credentials_file)
            return plain_loop(CameraUrl.parse(config.url, login).with_login())
        case "v4l2":
            return plain_loop(config.device)
        case "file":
            return plain_loop(str(config.path))


def _measure(found: Measured, read: Callable[[], bool], seconds: float) -> None:
    times_ms: list[float] = []
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    try:
        while time.monotonic() - began_s < seconds:
            before_s = time.thread_time()
            if read():
                times_ms.append((time.thread_time() - before_s) * 1e3)
            elif found.way != "patrol-edge":
                found.fault = "it ended, and a plain loop does not open it again"
                break
    except EndOfRecordingError:
        pass
    except DriverError as error:
        found.fault = str(error)
    found.seconds = round(time.monotonic() - began_s, 2)
    found.pictures = len(times_ms)
    cpu_s = time.process_time() - began_cpu_s
    found.cpu_percent = round(100 * cpu_s / max(1e-3, found.seconds), 1)
    found.cpu_ms, found.cpu_p95_ms = percentile(times_ms, 50), percentile(times_ms, 95)
    if found.way == "patrol-edge" and not found.pictures and found.fault is None:
        raise CommandError("no picture came", "check its power, and `patrol-edge camera list`")


def _show(row: Measured) -> None:
    due = "" if row.fps_wanted is None else f" of {row.fps_wanted:g}"
    age = (
        ""
        if row.age_p50_ms is None
        else f", {row.age_p50_ms:.0f} ms old (p95 {row.age_p95_ms:.0f})"
    )
    cpu = (
        ""
        if row.cpu_ms is None
        else f", {row.cpu_ms:.1f} ms of CPU each (p95 {row.cpu_p95_ms:.1f})"
    )
    say(
        f"{row.way}: {row.fps:.1f}{due} fps {row.size}{cpu}, {row.cpu_percent:.0f} % of a core{age}"
    )
    if row.decoder:
        say(f"  decoded by {row.decoder}")
    for cause, count in row.drops.items():
        say(f"  {cause}: {count}")
    if row.fault is not None:
        say(f"  ! {row.fault}")
