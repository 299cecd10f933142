"""`patrol-edge gnss monitor`: what a receiver hears and says, live."""

import argparse
import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.devices import GnssConfig
    from edge.cli.body.gnss_listening import Listening

RETRY_S = 1.0
REDRAW_S = 0.25
MONITOR_HELP = """\
The sky, the strength of each signal, the fix, rates, raw sentences, and what would be a fault on a
unit. Reads the receiver of a unit's configuration, or any port; a unit that runs has its port to
itself, so stop it first (systemctl stop patrol-edge). Ends with Ctrl-C, or after --seconds.

  patrol-edge gnss monitor --config unit.yaml
  patrol-edge gnss monitor --port /dev/serial/by-id/usb-u-blox_GNSS_receiver-if00
  patrol-edge gnss monitor --port /dev/ttyUSB0 --json --seconds 10 | jq .signals

Letters of satellites: G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS, I NavIC, S SBAS; a dot or
reversed: used for the position.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(parts, "monitor", "see what a receiver hears and says, live", MONITOR_HELP)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--config", type=Path, metavar="FILE", help="a unit's configuration")
    where.add_argument("--port", metavar="PATH", help="a serial port")
    where.add_argument("--tcp", metavar="HOST:PORT", help="NMEA over TCP")
    where.add_argument("--log", type=Path, metavar="FILE", help="a recorded log, at its own pace")
    add = parser.add_argument
    add("--receiver", metavar="NAME", help="with --config: which one; default: the first")
    add("--baud", type=int, metavar="N", help="with --port; default: found by itself")
    add("--seconds", type=number_in(0.5, 1e9), metavar="S", help="end after so many")
    add("--json", action="store_true", help="one JSON object per epoch instead of a picture")
    parser.set_defaults(handler=monitor)


def monitor(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.cli.body.gnss_listening import Listening

    name, config = chosen(args)
    heard = Listening(name, SystemClock())
    try:
        if args.json:
            _watch(config, heard, args.seconds, lambda: None, _write_json)
        else:
            _draw(config, heard, args.seconds)
    except KeyboardInterrupt:
        note("stopped")
    if heard.sentences:
        return DONE
    if args.log is not None:
        cure = "is it NMEA? `patrol-edge gnss replay` tells what is in it"
        raise CommandError(heard.trouble or f"nothing in {args.log} can be read", cure)
    cure = "check cable, port, power and speed; `patrol-edge devices` shows what is where"
    raise CommandError(heard.trouble or "nothing came that is NMEA", cure)


# --- which receiver ---


def chosen(args: argparse.Namespace) -> "tuple[str, GnssConfig]":
    """The name and the section of the receiver that is asked for. Raises CommandError."""
    from config.devices import ReplayGnssConfig, SerialGnssConfig, TcpGnssConfig

    if args.port is not None:
        baud: Any = "auto" if args.baud is None else args.baud
        return args.port, _section(SerialGnssConfig, kind="serial", port=args.port, baud=baud)
    if getattr(args, "tcp", None) is not None:
        host, _, port = args.tcp.rpartition(":")
        if not host:
            raise CommandError(f"--tcp: {args.tcp} is not HOST:PORT", "e.g. 127.0.0.1:2947", USAGE)
        return args.tcp, _section(TcpGnssConfig, kind="tcp", host=host, port=port)
    if getattr(args, "log", None) is not None:
        return args.log.name, _section(ReplayGnssConfig, kind="replay", path=args.log)
    return of_unit(args.config, args.receiver)


def of_unit(path: Path | None, receiver: str | None) -> "tuple[str, GnssConfig]":
    """A receiver of a unit's configuration. Raises CommandError, ConfigError."""
    from config.loading import DEFAULT_FILE, load

    if path is None and not DEFAULT_FILE.exists():
        cure = "give --port PATH, or --config FILE; patrol-edge devices lists the ports"
        raise CommandError("which receiver?", cure, USAGE)
    receivers = load(path or DEFAULT_FILE).settings.gnss
    if not receivers:
        raise CommandError("this unit has no receiver", "add one under gnss:", USAGE)
    name = receiver or next(iter(receivers))
    if name not in receivers:
        there = ", ".join(receivers)
        raise CommandError(f"this unit has no receiver {name}", f"there is: {there}", USAGE)
    return name, receivers[name]


def _section(section: Any, **values: Any) -> Any:
    from pydantic import ValidationError

    try:
        return section.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        told = f"{first['loc'][-1]}: {first['msg'].removeprefix('Value error, ')}"
        raise CommandError(told, "patrol-edge gnss monitor --help", USAGE) from error


# --- watching ---


def _draw(config: "GnssConfig", heard: "Listening", seconds: float | None) -> None:
    from edge.cli.body.gnss_view import GnssScreen, is_terminal

    if not is_terminal():
        _watch(config, heard, seconds, lambda: None, _write_row)
        return
    drawn_s = float("-inf")
    with GnssScreen() as screen:

        def redraw() -> None:
            nonlocal drawn_s
            if time.monotonic() - drawn_s >= REDRAW_S:
                drawn_s = time.monotonic()
                screen.show(heard)

        _watch(config, heard, seconds, redraw, lambda _heard: None)
        screen.show(heard)


def _watch(
    config: "GnssConfig",
    heard: "Listening",
    seconds: float | None,
    meanwhile: "Callable[[], None]",
    on_epoch: "Callable[[Listening], None]",
) -> None:
    """Until the time is over or a recording ends; a device that is gone is opened again."""
    from drivers.base import DriverError, EndOfRecordingError
    from drivers.factory import open_gnss

    ends_s = time.monotonic() + (float("inf") if seconds is None else seconds)
    while time.monotonic() < ends_s:
        try:
            with closing(open_gnss(config, heard.clock)) as driver:
                driver.hear(heard.hear)
                while time.monotonic() < ends_s:
                    if heard.read(driver) is not None:
                        on_epoch(heard)
                    meanwhile()
        except EndOfRecordingError:
            return
        except DriverError as error:
            heard.trouble = str(error)
            if not heard.sentences and seconds is None:
                raise CommandError(str(error), "is the unit running? stop it first") from error
            meanwhile()
            time.sleep(min(RETRY_S, max(0.0, ends_s - time.monotonic())))


def _write_row(heard: "Listening") -> None:
    epoch = heard.newest
    if epoch is None:
        return
    place = "no position"
    if epoch.lat_deg is not None and epoch.lon_deg is not None:
        place = f"{epoch.lat_deg:.7f}° {epoch.lon_deg:.7f}°"
    hints = " ".join(finding.code for finding in heard.hints())
    used, in_view = epoch.satellites_used, epoch.satellites_in_view
    say(f"{epoch.fix.value:9} {place}  {used}/{in_view} satellites  {hints}")
    sys.stdout.flush()


def _write_json(heard: "Listening") -> None:
    from edge.reporting.signal_figures import signal_figures

    epoch = heard.newest
    if epoch is None:
        return
    sky = epoch.sky
    values = {
        "utc": epoch.utc and epoch.utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "fix": epoch.fix.value,
        "lat_deg": epoch.lat_deg,
        "lon_deg": epoch.lon_deg,
        "alt_msl_m": epoch.alt_msl_m,
        "error_m": epoch.error_m,
        "speed_mps": epoch.speed_mps,
        "course_deg": epoch.course_deg,
        "heading_deg": epoch.heading_deg,
        "satellites_used": epoch.satellites_used,
        "satellites_in_view": epoch.satellites_in_view,
        "hdop": epoch.hdop,
        "corrections_age_s": epoch.corrections_age_s,
        "base": epoch.base_id,
        "signals": [each.model_dump() for each in signal_figures(heard.sky)],
        "satellites": None
        if sky is None
        else [
            {
                "constellation": each.constellation.value,
                "number": each.number,
                "signal": each.name or None,
                "elevation_deg": each.elevation_deg,
                "azimuth_deg": each.azimuth_deg,
                "cn0_dbhz": each.cn0_dbhz,
                "used": each.satellite in sky.used,
            }
            for each in sky.signals
        ],
        "rates_hz": {kind: round(rate, 2) for kind, rate in heard.rates_hz().items()},
        "dropped": heard.drops,
        "hints": [finding.code for finding in heard.hints()],
    }
    say(json.dumps(values))
    sys.stdout.flush()
