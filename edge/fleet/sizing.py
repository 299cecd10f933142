"""What a fleet of a given size asks of brokers and hub, from a few measured or assumed figures.

    python -m edge.fleet.sizing docs/scale.md     writes the table there again
    python -m edge.fleet.sizing 25000             prints it for so many units

Only arithmetic, so that whoever has better figures can put them in; docs/scale.md says where each
of these comes from.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = (
    "<!-- table of edge.fleet.sizing: begin -->",
    "<!-- table of edge.fleet.sizing: end -->",
)
DAY_S, KIB, GIB = 86_400, 1024, 1024**3
SIZES = (10_000, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """`measured` by `make bench ARGS=scale`, `fleet` by a simulated hour, else assumed."""

    on_duty: float = 1 / 3  # share of units: three shifts; the others stand, and are connected
    busy: float = 3.0  # the busiest hour against a usual one: an event, a storm, a new year's eve
    duty_per_s: float = 0.30  # messages of a unit on duty (fleet)
    parked_per_s: float = 2 / 30  # of one that stands: position and health (settings)
    alerts_per_s: float = 0.03  # events of a unit on duty, among its messages (fleet)
    payload_bytes: int = 580  # mean (measured)
    wire_bytes: int = 850  # with TLS, TCP and IP, both directions, without the hub's ack (measured)
    ack_wire_bytes: int = 300  # one ack of the hub with one id, and its PUBACK (computed)
    ids_per_ack: float = 1.0  # a unit rarely has two messages within the hub's 100 ms
    retained_bytes: int = 3_000  # status, state and health of a unit, with overhead
    session_bytes: int = 40 * KIB  # a TLS connection with its subscriptions (measured: 30)
    dedup_bytes: int = (
        100 * KIB
    )  # a unit in the hub: its views, and 500 ids of 191 bytes (measured)
    broker_us: float = 50.0  # CPU per message in, out to one reader, ack back (measured)
    handshake_us: float = 960.0  # CPU per connection, mutual TLS, P-256 (measured)
    judge_us: float = 150.0  # CPU of the reference hub per message, all included (measured)
    reconnect_s: float = 60.0  # within so long all are to be back after a broker's restart
    load: float = 0.5  # of a core, at most, in the busiest hour
    backlog_share: float = 0.05  # of units that come back from an outage in the same hour
    backlog_s: float = 3_600.0  # which lasted so long
    kept_days: int = 31  # of positions and events, before they are thinned or deleted
    stored_bytes: int = 300  # a message in the hub's store, compressed columns with an index
    partition_per_s: float = 5_000.0  # messages that one reader's partition takes with comfort


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    how: str  # the arithmetic, in words
    value: float
    unit: str


def rows(units: int, given: Assumptions) -> list[Row]:
    """The needs of so many units, in the order of the table."""
    rate = given.on_duty * given.duty_per_s + (1 - given.on_duty) * given.parked_per_s
    usual = units * rate
    peak = usual * given.busy
    alerts = units * given.on_duty * given.alerts_per_s * given.busy
    backlog = units * given.backlog_share * given.backlog_s * rate / 3600
    total = peak + backlog
    acks = total / given.ids_per_ack
    up_bytes = total * given.wire_bytes + acks * given.ack_wire_bytes
    return [
        Row("connections", "one for each unit", units, ""),
        Row("messages, a usual hour", "on duty x 0.30 + standing x 0.067", usual, "/s"),
        Row("messages, the busiest hour", "x busy", peak, "/s"),
        Row("of these alerts and replies", "on duty x alerts x busy", alerts, "/s"),
        Row("backlog that comes in besides", "share x outage x rate, spread over an hour", backlog,
            "/s"),
        Row("the hub's acks", "one for each message, or ids_per_ack", acks, "/s"),
        Row("on the units' links, busiest hour", "messages x wire + acks x ack wire",
            up_bytes * 8, "bit/s"),
        Row("retained at the broker", "units x retained", units * given.retained_bytes, "B"),
        Row("memory for connections", "connections x session", units * given.session_bytes, "B"),
        Row("broker cores, messages", "total x CPU / load",
            total * given.broker_us / 1e6 / given.load, ""),
        Row("handshakes after a restart of all", "connections / reconnect",
            units / given.reconnect_s, "/s"),
        Row("broker cores for them", "x CPU per handshake",
            units / given.reconnect_s * given.handshake_us / 1e6, ""),
        Row("hub cores, as the reference hub", "total x CPU / load",
            total * given.judge_us / 1e6 / given.load, ""),
        Row("reader partitions", "total / what one takes", math.ceil(total / given.partition_per_s),
            ""),
        Row("memory for dedup", "units x dedup", units * given.dedup_bytes, "B"),
        Row("messages a day", "usual x a day", usual * DAY_S, ""),
        Row("stored a day", "x stored", usual * DAY_S * given.stored_bytes, "B"),
        Row("stored in all", "x days kept", usual * DAY_S * given.stored_bytes * given.kept_days,
            "B"),
    ]  # fmt: skip


def shown(value: float, unit: str) -> str:
    """Two digits are what these figures are worth."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor and (unit or value >= 1e5):
            return f"{_two(value / factor)} {prefix}{unit}"
    return f"{_two(value)} {unit}".rstrip()


def _two(value: float) -> str:
    if value >= 10:
        return f"{float(f'{value:.2g}'):,.0f}".replace(",", " ")
    return f"{value:.2g}"


def table(sizes: tuple[int, ...] = SIZES, given: Assumptions | None = None) -> str:
    """Markdown."""
    columns = [rows(units, given or Assumptions()) for units in sizes]
    heads = " | ".join(f"{units:,} units".replace(",", " ") for units in sizes)
    lines = [f"| what | how | {heads} |", f"|---|---|{'---:|' * len(sizes)}"]
    for row in zip(*columns, strict=True):
        values = " | ".join(shown(each.value, each.unit) for each in row)
        lines.append(f"| {row[0].what} | {row[0].how} | {values} |")
    return "\n".join(lines)


def renewed(document: str) -> str:
    """The document with the table between its marks written again. Raises ValueError without."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the document has no place for the table")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def main(words: list[str]) -> int:
    if len(words) == 1 and words[0].isdecimal() and int(words[0]) > 0:
        sys.stdout.write(table((int(words[0]),)) + "\n")
        return 0
    if len(words) == 1 and Path(words[0]).is_file():
        path = Path(words[0])
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    sys.stderr.write((__doc__ or "") + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
