"""What the demo shows: a live table while it runs, and a summary that says whether it worked."""

from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One look at unit and hub."""

    elapsed_s: float
    planned_s: float
    broker: str
    position: str
    positions_heard: int
    frames_per_s: float
    frames_seen: int
    not_wanted: int  # passed over without decoding: it was not the camera's turn
    looked_at: int
    drops: dict[str, int]
    inference_p50_ms: float | None
    inference_p95_ms: float | None
    detections: int
    tracks_now: int
    events_sent: int
    events_acked: int
    outbox_depth: int
    link: str
    hub_messages: int
    hub_episodes: dict[str, int] = field(default_factory=dict)  # new ones by label
    hub_refused: int = 0
    hub_last: str = ""
    faults: tuple[str, ...] = ()
    died: bool = False  # an essential worker ended by itself


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def live(now: Figures) -> RenderableType:
    """The picture of this moment."""
    unit = Table.grid(padding=(0, 2))
    unit.add_column(style="dim", width=11)
    unit.add_column()
    unit.add_row("position", now.position)
    unit.add_row("camera", f"{now.frames_per_s:.1f} frames/s looked at, {now.frames_seen} seen")
    unit.add_row(
        "detector", f"p50 {_ms(now.inference_p50_ms)}, p95 {_ms(now.inference_p95_ms)} a picture"
    )
    unit.add_row("seen", f"{now.detections} detections, {now.tracks_now} tracks now")
    unit.add_row("outbox", f"{now.outbox_depth} waiting on disk, link {now.link}")
    unit.add_row("faults", Text(", ".join(now.faults) or "none", "yellow" if now.faults else ""))

    hub = Table.grid(padding=(0, 2))
    hub.add_column(style="dim", width=11)
    hub.add_column()
    hub.add_row("received", f"{now.hub_messages} messages, {now.hub_refused} refused")
    hub.add_row("positions", str(now.positions_heard))
    hub.add_row("episodes", _counted(now.hub_episodes))
    hub.add_row("events", f"{now.events_acked} of {now.events_sent} acknowledged")
    hub.add_row("newest", now.hub_last)
    return Group(
        Panel(unit, title="unit demo-car-01", title_align="left", border_style="cyan"),
        Panel(hub, title=f"hub, by way of {now.broker}", title_align="left", border_style="green"),
        ProgressBar(total=now.planned_s, completed=min(now.elapsed_s, now.planned_s), width=78),
    )


def summary(end: Figures, pictures: list[str], missing: list[str]) -> RenderableType:
    """What came of it; `missing` says what did not work, and is empty when all did."""
    wanted = end.frames_seen - end.not_wanted
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    table.add_row("frames", f"{end.frames_seen} seen, {wanted} wanted, {end.looked_at} looked at")
    table.add_row("dropped", _counted(end.drops))
    table.add_row("inference", f"p50 {_ms(end.inference_p50_ms)}, p95 {_ms(end.inference_p95_ms)}")
    table.add_row(
        "detections", f"{end.detections}, of them at the hub: {_counted(end.hub_episodes)}"
    )
    table.add_row("positions", f"{end.positions_heard} at the hub")
    table.add_row("events", f"{end.events_sent} sent, {end.events_acked} acknowledged")
    table.add_row("link", f"{end.link}, by way of {end.broker}")
    table.add_row("outbox", "empty" if end.outbox_depth == 0 else f"{end.outbox_depth} left")
    table.add_row("pictures", ", ".join(pictures) or "none")
    verdict = (
        Text("It did not work: " + "; ".join(missing), "bold red")
        if missing
        else Text("Real detections and positions reached the hub.", "bold green")
    )
    return Panel(Group(table, verdict), title="summary", title_align="left")
