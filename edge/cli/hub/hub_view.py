"""How the hub shows what it hears: a live table, a line per message, a summary at the end."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edge.cli.console import note, say

if TYPE_CHECKING:
    from edge.hub import HubSnapshot
    from telemetry.hub.ledger import Arrival, UnitView

# Each column, and how wide a terminal must be to have room for it. Who it is and whether he calls
# for help is never cut.
COLUMNS = {
    "unit": 0, "status": 0, "duty": 90, "task": 0, "accepted": 90, "duplicate": 130,
    "invalid": 130, "missing": 90, "position": 110, "flashed": 180,
    "body": 140, "faults": 0,
}  # fmt: skip
NEVER_CUT = ("unit", "status")
WIDE = 160


def printer(*, as_json: bool) -> Any:
    """A function that shows one message, on a line of its own."""
    from edge import hub_words

    def show(arrival: "Arrival") -> None:
        say(json.dumps(hub_words.as_json(arrival)) if as_json else hub_words.in_words(arrival))
        sys.stdout.flush()

    return show


class screen:  # noqa: N801 - used like a function, with `with`
    """Gives a function that shows a snapshot: as a live table, or not at all."""

    def __init__(self, *, live: bool) -> None:
        self._live: Any = None
        if live:
            from rich.live import Live

            self._live = Live(refresh_per_second=4)

    def __enter__(self) -> Any:
        if self._live is None:
            return lambda _snapshot: None
        self._live.start()
        return lambda snapshot: self._live.update(table(snapshot, self._live.console.width))

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()


def table(snapshot: "HubSnapshot", width: int = WIDE) -> Any:
    """All units, a line each, and the newest message below; `width` of the terminal, in columns."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = [name for name, least in COLUMNS.items() if width >= least]
    rows = Table(title="units heard")
    for name in shown:
        rows.add_column(name, no_wrap=name in NEVER_CUT)
    for view in snapshot.units:
        cells = dict(zip(COLUMNS, _cells(view), strict=True))
        rows.add_row(*map(cells.get, shown), style="bold red" if view.calls else None)
    link = "connected" if snapshot.connected else f"not connected: {snapshot.last_error or '...'}"
    return Group(rows, Text(f"{link}   {snapshot.newest}", overflow="ellipsis", no_wrap=True))


def _cells(view: "UnitView") -> tuple[str, ...]:
    from edge.hub_words import body_words, flashed_words

    place = view.position
    where = f"{place.lat_deg:.5f}, {place.lon_deg:.5f}" if place else "-"
    faults = ", ".join(fault.code for fault in view.health.faults) if view.health else "-"
    counts = (view.accepted, view.duplicates, view.invalid, view.missing)
    status = f"SOS ({len(view.calls)})" if view.calls else _status(view)
    return (view.unit, status, view.duty or "-", _tasks(view), *map(str, counts), where,
            flashed_words(view.state), body_words(view.state), faults or "none")  # fmt: skip


def _status(view: "UnitView") -> str:
    """Whether it is there, and the worst of its open alerts: `online, orange (2)`."""
    flashed = None if view.state is None else view.state.flashed
    if flashed is not None and flashed.safe_mode:
        return f"{view.status}, SAFE MODE"
    if view.alerts:
        worst = min(view.alerts.values(), key=lambda alert: alert.severity)
        return f"{view.status}, {worst.colour} ({len(view.alerts)})"
    return f"{view.status}, trial" if flashed is not None and flashed.trial else view.status


def _tasks(view: "UnitView") -> str:
    """The newest of its tasks: state, way and time to go."""
    if not view.tasks:
        return "-"
    newest = list(view.tasks.values())[-1]
    more = f" (+{len(view.tasks) - 1})" if len(view.tasks) > 1 else ""
    eta = "" if newest.eta_s is None else f", {newest.eta_s:.0f} s"
    way = "" if newest.remaining_m is None else f", {newest.remaining_m:.0f} m"
    return f"{newest.state}{way}{eta}{more}"


def summary(units: "tuple[UnitView, ...]", messages: int, refusals: Mapping[str, int]) -> None:
    """To stderr, a line per unit."""
    note(f"{messages} messages from {len(units)} units")
    for view in units:
        gaps = f", {view.missing} missing" if view.missing else ", nothing missing"
        note(
            f"  {view.unit}: {view.accepted} accepted, {view.duplicates} duplicates, "
            f"{view.invalid} invalid{gaps}"
        )
    for reason, count in sorted(refusals.items()):
        note(f"  refused {count}: {reason}")
