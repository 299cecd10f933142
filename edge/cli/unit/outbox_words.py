"""The queue in words."""

from collections.abc import Iterator
from typing import Any

from telemetry.outbox.look import Seen

WHAT = ("calls for help, tasks", "alerts, replies", "state, manifests", "positions", "diagnostics")
PARKED_SHOWN = 20
RUNS = {
    True: "the unit runs",
    False: "the unit does not run",
    None: "whether the unit runs cannot be seen: ask with sudo; is the disk read-only?",
}


def status_lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['file']}: {size(told['file_bytes'])}, {RUNS[told['running']]}"
    yield f"{told['depth']} messages wait; the last sequence given out is {told['last_sequence']}"
    for lane in told["by_priority"]:
        if lane["depth"]:
            yield (
                f"  {lane['priority']} {WHAT[lane['priority']]:<22} {lane['depth']:>8}  "
                f"{size(lane['bytes']):>10}  oldest {age(lane['oldest_age_s'])}"
            )
    for cause, count in told["drops"].items():
        yield f"dropped so far, {cause}: {count}"
    if told["thinned_within_m"]:
        yield f"the stored track is within {told['thinned_within_m']:g} m of the full one"
    for path in told["set_aside"]:
        yield f"set aside as damaged: {path}"
    yield from _parked_lines(told["parked"])


def _parked_lines(parked: list[dict[str, Any]]) -> Iterator[str]:
    if not parked:
        return
    yield f"{len(parked)} laid aside (`patrol-edge outbox unpark SEQUENCE` sends one again):"
    for row in parked[:PARKED_SHOWN]:
        times = f", {row['refusals']} times" if row["refusals"] else ""
        who = f"{row['sequence']} {row['kind']}, priority {row['priority']}"
        yield f"  {who}: {row['cause']}{times}, {age(row['parked_s_ago'])} ago"
    if len(parked) > PARKED_SHOWN:
        yield f"  and {len(parked) - PARKED_SHOWN} more; --json shows all"


def row_line(row: Seen, now_ms: int) -> str:
    message = row.message()
    what = message.get("type", row.kind) if isinstance(message, dict) else f"{row.kind}, damaged"
    waited = age(max(0, now_ms - row.put_ms) / 1000)
    return f"{row.sequence:>10}  {row.priority}  {what:<28} {len(row.stored):>7} bytes  {waited}"


def size(count: int) -> str:
    """`812 B`, `36.0 KiB`, `104.2 MiB`."""
    if count < 2**10:
        return f"{count} B"
    return f"{count / 2**10:.1f} KiB" if count < 2**20 else f"{count / 2**20:.1f} MiB"


def age(seconds: float | None) -> str:
    """`3 d 4 h`, `5 min`, `12 s`: the two largest parts."""
    if seconds is None:
        return "-"
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest_s, "s")]
    first = next((n for n, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"
