"""What a receiver says, drawn for a terminal: sky, signals, fix, rates, raw sentences, hints.

The one module of the commands about the body that draws with rich.
"""

import math
from collections.abc import Iterator

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from drivers.gnss.sky import Constellation, Signal, Sky
from drivers.samples import FixKind
from edge.cli.body.gnss_listening import Listening

# Letters as in RINEX 4.00, table 1.
LETTERS = {
    Constellation.GPS: ("G", "green"),
    Constellation.GLONASS: ("R", "red"),
    Constellation.GALILEO: ("E", "bright_blue"),
    Constellation.BEIDOU: ("C", "yellow"),
    Constellation.QZSS: ("J", "magenta"),
    Constellation.NAVIC: ("I", "cyan"),
    Constellation.SBAS: ("S", "white"),
}
ROWS, COLUMNS = 17, 37  # of the sky; a letter is twice as high as wide
BAR_CELLS, FULL_DBHZ = 20, 55.0
GOOD_DBHZ, FAIR_DBHZ = 40.0, 30.0
FIX_COLOURS = {
    FixKind.NONE: "bold red",
    FixKind.ESTIMATED: "yellow",
    FixKind.RTK_FIXED: "bold bright_green",
    FixKind.RTK_FLOAT: "bright_green",
}


class GnssScreen:
    """A live view; used with `with`."""

    def __init__(self, console: Console | None = None) -> None:
        self._live = Live(console=console, auto_refresh=False, screen=False)

    def __enter__(self) -> "GnssScreen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, heard: Listening) -> None:
        size = self._live.console.size
        self._live.update(view(heard, size.width, size.height), refresh=True)


def is_terminal() -> bool:
    """Whether the result goes to a person who looks at it."""
    return Console().is_terminal


def view(heard: Listening, width: int, height: int) -> RenderableType:
    """All of it, for a terminal of this size."""
    sky = heard.sky
    bars = max(4, height - 14)
    top = Panel(_fix(heard), title=f"{heard.name}  {heard.speed}", padding=(0, 1))
    signals = Panel(_bars(sky, bars), title="signals, dB-Hz", padding=(0, 1))
    heaven = Panel(_plot(sky), title="sky, north up", padding=(0, 1))
    wide = width >= COLUMNS + 50
    middle: RenderableType = Columns([heaven, signals], padding=(0, 1)) if wide else signals
    parts: list[RenderableType] = [top, middle, _rates(heard)]
    if height >= 34:
        parts.append(_raw(heard, max(2, min(6, height - 32)), width))
    return Group(*parts, *_hints(heard))


# --- the fix ---


def _fix(heard: Listening) -> RenderableType:
    epoch = heard.newest
    if epoch is None:
        return Text(heard.trouble or "nothing heard yet", style="bold red")
    grid = Table.grid(padding=(0, 2))
    style = FIX_COLOURS.get(epoch.fix, "bold green")
    place = "no position"
    if epoch.lat_deg is not None and epoch.lon_deg is not None:
        place = f"{epoch.lat_deg:.7f}°  {epoch.lon_deg:.7f}°  {_number(epoch.alt_msl_m, '.1f')} m"
    grid.add_row(Text(epoch.fix.value.upper(), style=style), place, _when(heard))
    satellites = (
        f"{_number(epoch.satellites_used, 'd')} of {_number(epoch.satellites_in_view, 'd')}"
    )
    grid.add_row(
        f"used {satellites}",
        f"hdop {_number(epoch.hdop, '.2f')}  error {_number(epoch.error_m, '.2f')} m (1 sigma)  "
        f"{_corrections(heard)}",
        f"{heard.epoch_rate_hz():.1f} epochs/s",
    )
    heading = "-"
    if heard.heading is not None:
        error = heard.heading.heading_error_deg
        more = "" if error is None else f" ± {error:.2f}°"
        heading = f"{_number(heard.heading.heading_deg, '.1f')}°{more}"
    grid.add_row(
        f"{_number(epoch.speed_mps, '.2f')} m/s",
        f"course {_number(epoch.course_deg, '.1f')}°  heading {heading}",
        _dropped(heard),
    )
    return grid


def _when(heard: Listening) -> str:
    epoch = heard.newest
    if epoch is None or epoch.utc is None:
        return "no date yet"
    return f"{epoch.utc:%Y-%m-%d %H:%M:%S}.{epoch.utc.microsecond // 100_000} UTC"


def _corrections(heard: Listening) -> str:
    age_s, base = heard.watch.corrections_age_s, heard.watch.base_id
    return "" if age_s is None else f"corrections {age_s:.1f} s old from base {base or '?'}"


def _dropped(heard: Listening) -> str:
    told = " ".join(f"{cause} {count}" for cause, count in sorted(heard.drops.items()))
    return f"dropped: {told}" if told else "nothing dropped"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


# --- satellites ---


def _plot(sky: Sky | None) -> Text:
    """Azimuth and elevation: the zenith in the middle, the horizon at the rim."""
    cells: dict[tuple[int, int], tuple[str, str]] = {}
    middle_row, middle_column = (ROWS - 1) / 2, (COLUMNS - 1) / 2
    for elevation_deg in (0, 45):
        for azimuth_deg in range(0, 360, 6 if elevation_deg == 0 else 12):
            cells[_cell(azimuth_deg, elevation_deg)] = ("·", "dim")
    cells[round(middle_row), round(middle_column)] = ("+", "dim")
    for letter, azimuth_deg in (("N", 0), ("E", 90), ("S", 180), ("W", 270)):
        cells[_cell(azimuth_deg, 0)] = (letter, "bold")
    for signal, style in _shown(sky):
        if signal.azimuth_deg is None or signal.elevation_deg is None:
            continue
        row, column = _cell(signal.azimuth_deg, max(0, signal.elevation_deg))
        column = min(max(column - 1, 0), COLUMNS - 3)
        for offset, letter in enumerate(_label(signal)):
            cells[row, column + offset] = (letter, style)
    text = Text()
    for row in range(ROWS):
        for column in range(COLUMNS):
            text.append(*cells.get((row, column), (" ", "")))
        text.append("\n" if row < ROWS - 1 else "")
    return text


def _cell(azimuth_deg: float, elevation_deg: float) -> tuple[int, int]:
    out = (90 - elevation_deg) / 90
    angle = math.radians(azimuth_deg)
    row = (ROWS - 1) / 2 * (1 - out * math.cos(angle))
    column = (COLUMNS - 1) / 2 * (1 + out * math.sin(angle))
    return round(row), round(column)


def _label(signal: Signal) -> str:
    return f"{LETTERS[signal.constellation][0]}{signal.number % 100:02d}"


def _shown(sky: Sky | None) -> Iterator[tuple[Signal, str]]:
    """One signal of each satellite, the weak ones first, so that the strong ones lie above."""
    if sky is None:
        return
    for signal in sorted(sky.strongest().values(), key=lambda each: each.cn0_dbhz or 0.0):
        yield signal, _style(signal, sky)


def _style(signal: Signal, sky: Sky) -> str:
    colour = LETTERS[signal.constellation][1]
    if signal.cn0_dbhz is None:
        return f"dim {colour}"
    return f"bold {colour} reverse" if signal.satellite in sky.used else f"bold {colour}"


def _bars(sky: Sky | None, rows: int) -> RenderableType:
    if sky is None or not sky.signals:
        return Text("no satellites told (GSV)", style="dim")
    heard = sorted(
        (each for each in sky.signals if each.cn0_dbhz is not None),
        key=lambda each: (each.constellation, each.number, each.id),
    )
    if len(heard) > rows:  # the best ones, still in order
        best = sorted(heard, key=lambda each: -(each.cn0_dbhz or 0.0))[:rows]
        heard = [each for each in heard if each in best]
    table = Table.grid(padding=(0, 1))
    for signal in heard:
        level = signal.cn0_dbhz or 0.0
        cells = round(BAR_CELLS * min(level, FULL_DBHZ) / FULL_DBHZ)
        used = "●" if signal.satellite in sky.used else " "
        table.add_row(
            Text(f"{_label(signal)}{used}", style=LETTERS[signal.constellation][1]),
            Text(signal.name or "-", style="dim"),
            Text("█" * cells + "·" * (BAR_CELLS - cells), style=_level_style(level)),
            f"{level:.0f}",
        )
    missing = len(sky.strongest()) - len({each.satellite for each in heard})
    note = Text(f"{missing} more in view, not heard or not shown" if missing else "", style="dim")
    return Group(table, note)


def _level_style(level_dbhz: float) -> str:
    if level_dbhz >= GOOD_DBHZ:
        return "green"
    return "yellow" if level_dbhz >= FAIR_DBHZ else "red"


# --- the rest ---


def _rates(heard: Listening) -> RenderableType:
    told = "  ".join(f"{kind} {rate:.1f}" for kind, rate in sorted(heard.rates_hz().items()))
    return Text(f"per second: {told}" if told else "no sentences", style="dim")


def _raw(heard: Listening, lines: int, width: int) -> RenderableType:
    newest = list(heard.raw)[-lines:]
    body = "\n".join(line[: width - 6] for line in newest)
    return Panel(Text(body, style="dim", no_wrap=True), title="raw", padding=(0, 1))


def _hints(heard: Listening) -> list[RenderableType]:
    told: list[RenderableType] = []
    if heard.trouble and heard.newest is not None:
        told.append(Text(heard.trouble, style="bold red"))
    for finding in heard.hints():
        told.append(Text(f"{finding.code}: {finding.text}", style="bold yellow"))
        told.append(Text(f"  → {finding.action}", style="yellow"))
    return told or [Text("no hints", style="dim green")]
