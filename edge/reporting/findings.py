"""What is wrong now, told as findings: a stable code, what is wrong, what to do.

Each function looks at one part of the unit and returns what it finds; `docs/troubleshooting.md`
has a paragraph for every code.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from config.certificates import Doubt
from edge.running.driver_loop import DriverHealth
from edge.running.worker import Worker, WorkerState
from edge.timebase import TimeQuality
from telemetry.contract.unit import Disk, Temperature
from telemetry.contract.up_message import Severity
from telemetry.link.facts import PublisherStats
from telemetry.outbox.facts import OutboxStats

NO_FIX_AFTER_S = 60.0  # a cold start under open sky takes about 30 s
STUCK_AFTER_S = 10.0
HOT_C = 85.0  # most boards throttle from here on
UNHEARD_AFTER_S = 120.0  # the broker takes messages, and no hub acknowledges
DAMAGE_DROPS = ("corrupt_file", "log_lost")
DROPPING_FOR_S = 600.0  # so long after the last drop the fault stands
DISK_LOW_MIB = 200
DISK_LOW_SHARE = 0.05
MEMORY_HIGH_PERCENT = 95.0
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault as found; `code` and `component` together are its identity."""

    code: str
    severity: Severity
    component: str
    text: str
    action: str


# What to do about a device: by component and by what is wrong with it.
DEVICE_ACTIONS = {
    ("gnss", "missing"): "check cable and port; `patrol-edge config check` lists what is there",
    ("gnss", "silent"): "check the baud rate and the power of the receiver",
    ("camera", "missing"): "check cable, power and address of the camera",
    ("camera", "silent"): "power-cycle the camera",
}


def device_findings(
    health: DriverHealth, silent_after_s: float, now_mono_s: float
) -> list[Finding]:
    """A device that is missing or silent, or a recording that has ended: at most one of them."""
    if health.ended and not health.samples:
        return [
            Finding(
                code="recording_empty",
                severity="error",
                component=health.name,
                text="the recording holds nothing that can be read",
                action="see whether it is the right file: `patrol-edge gnss replay` and "
                "`patrol-edge detect` tell what is in it",
            )
        ]
    if health.ended:
        return [
            Finding(
                code="recording_ended",
                severity="info",
                component=health.name,
                text="the recording has been played to its end",
                action="set loop: true to repeat it",
            )
        ]
    silent_s = health.silent_s(now_mono_s)
    if health.last_error:
        what, text = "missing", health.last_error
    elif silent_s > silent_after_s:
        what, text = "silent", f"nothing came for {silent_s:.0f} s"
    else:
        return []
    return [
        Finding(
            code=f"{health.component}_{what}",
            severity="error",
            component=health.name,
            text=text,
            action=DEVICE_ACTIONS[health.component, what],
        )
    ]


def fix_findings(receiver: str, no_fix_s: float) -> list[Finding]:
    """A receiver that speaks, but has had no fix for `no_fix_s` seconds."""
    if no_fix_s <= NO_FIX_AFTER_S:
        return []
    return [
        Finding(
            code="gnss_no_fix",
            severity="warning",
            component=receiver,
            text=f"the receiver speaks, but has had no fix for {no_fix_s:.0f} s",
            action="give the antenna a view of the sky; check its plug",
        )
    ]


def worker_findings(workers: Iterable[Worker]) -> list[Finding]:
    """Parts of the runtime itself that crashed, were given up, or hang."""
    found = []
    for worker in workers:
        if worker.state is WorkerState.FAILED:
            code, text = "worker_off", f"gave up after {worker.crashes} crashes"
        elif worker.state is WorkerState.WAITING:
            code, text = "worker_crashed", "crashed and is being started again"
        elif worker.stuck_for_s() > STUCK_AFTER_S and not worker.opening:
            code, text = "worker_stuck", f"no sign of life for {worker.stuck_for_s():.0f} s"
        else:
            continue
        detail = f": {worker.last_error}" if worker.last_error else ""
        found.append(
            Finding(
                code=code,
                severity="error",
                component=worker.name,
                text=text + detail,
                action="send home the journal of patrol-edge; restart the service",
            )
        )
    return found


def model_findings(model: str, error: str) -> list[Finding]:
    """The detector's model cannot be used, so nothing is detected."""
    if not error:
        return []
    return [
        Finding(
            code="model_refused",
            severity="error",
            component="perception",
            text=f"{model}: {error}",
            action=f"`patrol-edge models verify {model}` says what is wrong with it",
        )
    ]


def clock_findings(quality: TimeQuality) -> list[Finding]:
    """Neither network nor receiver nor a clock that was ever set."""
    if quality != "none":
        return []
    return [
        Finding(
            code="clock_unset",
            severity="warning",
            component="clock",
            text="the time of day is unknown, and messages are stamped with a guess",
            action="give the receiver a view of the sky, or the unit a time server",
        )
    ]


def computer_findings(
    disk: Disk | None, temperatures: Sequence[Temperature], memory_percent: float | None
) -> list[Finding]:
    """Disk, heat and memory."""
    found = []
    if disk and disk.free_mib < min(DISK_LOW_MIB, disk.total_mib * DISK_LOW_SHARE):
        found.append(
            Finding(
                code="disk_low",
                severity="error",
                component="disk",
                text=f"{disk.free_mib} MiB of {disk.total_mib} MiB are free",
                action="free space where state_dir lies; old journals are a good start",
            )
        )
    found += [
        Finding(
            code="too_hot",
            severity="warning",
            component=zone.name,
            text=f"{zone.celsius:.0f} °C",
            action="shade the unit, clean its fan; it slows down until it is cooler",
        )
        for zone in temperatures
        if zone.celsius >= HOT_C
    ]
    if memory_percent is not None and memory_percent >= MEMORY_HIGH_PERCENT:
        found.append(
            Finding(
                code="memory_low",
                severity="warning",
                component="memory",
                text=f"{memory_percent:.0f} % of the memory is in use",
                action="find what else runs on this computer",
            )
        )
    return found


def link_findings(stats: PublisherStats, oldest_age_s: float | None) -> list[Finding]:
    """The way to the hub: down, refused by the broker, or taken and never acknowledged."""

    def finding(code: str, severity: Severity, text: str, action: str) -> Finding:
        return Finding(code=code, severity=severity, component="link", text=text, action=action)

    found = []
    unheard = stats.awaiting_hub > 0 and (oldest_age_s or 0.0) > UNHEARD_AFTER_S
    if not stats.connected and stats.last_error:  # else the first attempt is still under way
        text = stats.last_error
        action = "messages wait on the disk; restore the network, or correct hub.url"
        found.append(finding("link_down", "error", text, action))
    elif stats.connected and unheard:
        text = f"{stats.awaiting_hub} messages are with the broker; no hub acknowledges them"
        action = "see whether the hub runs; for a hub that never does, set delivery.ack: broker"
        found.append(finding("delivery_stalled", "error", text, action))
    if stats.refused:
        causes = ", ".join(f"{count} of {code}" for code, count in stats.refused.items())
        action = "let the broker's ACL allow the unit to write below its own id"
        found.append(finding("message_refused", "error", f"the broker refused: {causes}", action))
    return found


def budget_findings(stats: PublisherStats) -> list[Finding]:
    """A metered link has carried what it may today."""
    budget = stats.budget
    if budget is None or not budget.holding_back:
        return []
    return [
        Finding(
            code="link_budget_used",
            severity="warning",
            component="link",
            text=f"the {budget.limit_bytes / MIB:g} MiB of {budget.day} are used; only urgent "
            "messages are sent until the day (UTC) is over, the others wait on the disk",
            action="nothing is lost; raise delivery.daily_mib, or report less often",
        )
    ]


def certificate_findings(stats: PublisherStats) -> list[Finding]:
    """New certificate files were put in place, and the connection cannot begin to use them."""
    if stats.certificate_error is None:
        return []
    return [
        Finding(
            code="certificate_unusable",
            severity="error",
            component="link",
            text=stats.certificate_error,
            action="put the certificate and the key that belongs to it in place; the connection "
            "goes on with the old ones meanwhile",
        )
    ]


def outbox_findings(stats: OutboxStats) -> list[Finding]:
    """The queue on disk: refused, set aside, or full."""

    def finding(code: str, severity: Severity, text: str, action: str) -> Finding:
        return Finding(code=code, severity=severity, component="outbox", text=text, action=action)

    found = []
    if stats.fault:
        found.append(
            finding(
                "outbox_fault",
                "critical",
                f"{stats.fault}; {stats.in_memory} messages wait in memory",
                "free space on the disk of state_dir, or see who may write there",
            )
        )
    if stats.set_aside:
        found.append(
            finding(
                "outbox_set_aside",
                "warning",
                f"{stats.set_aside} damaged queue file(s) were set aside",
                "copy the .corrupt files from state_dir, then delete them; check the disk",
            )
        )
    if stats.parked:
        found.append(
            finding(
                "outbox_parked",
                "warning",
                f"{stats.parked} message(s) were refused again and again, and are laid aside",
                "`patrol-edge outbox status` says why; put it right, then `patrol-edge outbox "
                "unpark`",
            )
        )
    if lost := sum(stats.drops.get(cause, 0) for cause in DAMAGE_DROPS):
        found.append(
            finding(
                "outbox_lost",
                "error",
                f"about {lost} stored messages were lost with a damaged file",
                "check the disk, and replace it when this happens again",
            )
        )
    dropped = {cause: n for cause, n in stats.drops.items() if cause not in DAMAGE_DROPS}
    if dropped and stats.dropped_s is not None and stats.dropped_s < DROPPING_FOR_S:
        causes = ", ".join(f"{count} {cause}" for cause, count in dropped.items())
        track = (
            f"; the stored track is within {stats.tolerance_m:.0f} m of the full one"
            if stats.tolerance_m
            else ""
        )
        found.append(
            finding(
                "outbox_dropping",
                "warning",
                f"messages of low priority are dropped for room, since the start {causes}{track}",
                "restore the link, or raise outbox.max_mib",
            )
        )
    return found


def identity_findings(doubts: Iterable[Doubt]) -> list[Finding]:
    """What is wrong with the unit's certificate: the first of each code."""
    by_code = {
        doubt.code: Finding(
            code=doubt.code,
            severity="warning" if doubt.code == "certificate_expires" else "error",
            component="link",
            text=doubt.text,
            action="`patrol-edge config check` tells more; put the new certificate in its place, "
            "which needs no restart",
        )
        for doubt in reversed(list(doubts))
    }
    return list(by_code.values())
