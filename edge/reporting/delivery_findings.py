"""What is wrong on the way to the hub, as findings: link, certificates, queue on disk.

`docs/troubleshooting.md` has a paragraph for every code.
"""

from collections.abc import Iterable

from config.certificates import Doubt
from config.language import tell
from edge.reporting.finding import Finding, about
from telemetry.link.facts import PublisherStats
from telemetry.outbox.facts import OutboxStats

UNHEARD_AFTER_S = 120.0  # the broker takes messages, and no hub acknowledges
DAMAGE_DROPS = ("corrupt_file", "log_lost")
DROPPING_FOR_S = 600.0  # so long after the last drop the fault stands
REFUSING_FOR_S = 600.0  # so long after the last refusal its fault stands
MIB = 1024 * 1024


def link_findings(stats: PublisherStats) -> list[Finding]:
    """The way to the hub: down, refused by the broker, or taken and never acknowledged."""
    finding, found = about("link"), []
    unheard = stats.unheard_s is not None and stats.unheard_s > UNHEARD_AFTER_S
    if not stats.connected and stats.last_error:  # else the first attempt is still under way
        text = stats.last_error
        action = tell("messages wait on the disk; restore the network, or correct hub.url")
        found.append(finding("link_down", "error", text, action))
    elif stats.connected and unheard:
        text = tell(
            "{awaiting_hub} messages are with the broker; no hub acknowledges them",
            awaiting_hub=stats.awaiting_hub,
        )
        action = tell(
            "see whether the hub runs; for a hub that never does, set delivery.ack: broker"
        )
        found.append(finding("delivery_stalled", "error", text, action))
    if stats.connected and stats.unheard_topics:
        text = tell(
            "the broker does not let the unit hear {topics}",
            topics=", ".join(stats.unheard_topics),
        )
        action = tell("let the broker's ACL allow the unit to read below its own id, and hub/state")
        found.append(finding("topic_unheard", "error", text, action))
    if stats.refused_s is not None and stats.refused_s < REFUSING_FOR_S:
        causes = ", ".join(
            tell("{count} of {code}", count=count, code=code)
            for code, count in stats.refused.items()
        )
        action = tell("let the broker's ACL allow the unit to write below its own id")
        found.append(
            finding(
                "message_refused",
                "error",
                tell("the broker refused, since the start: {causes}", causes=causes),
                action,
            )
        )
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
            text=tell(
                "the {limit_mib:g} MiB of {day} are used; only urgent messages are sent "
                "until the day (UTC) is over, the others wait on the disk",
                limit_mib=budget.limit_bytes / MIB,
                day=budget.day,
            ),
            action=tell("nothing is lost; raise delivery.daily_mib, or report less often"),
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
            action=tell(
                "put the certificate and the key that belongs to it in place; the connection "
                "goes on with the old ones meanwhile"
            ),
        )
    ]


def identity_findings(doubts: Iterable[Doubt]) -> list[Finding]:
    """What is wrong with the unit's certificate: the first of each code."""
    by_code = {
        doubt.code: Finding(
            code=doubt.code,
            severity="warning" if doubt.code == "certificate_expires" else "error",
            component="link",
            text=doubt.text,
            action=tell(
                "`patrol-edge config check` tells more; put the new certificate in its "
                "place, which needs no restart"
            ),
        )
        for doubt in reversed(list(doubts))
    }
    return list(by_code.values())


def outbox_findings(stats: OutboxStats) -> list[Finding]:
    """The queue on disk: refused, set aside, or full."""
    return [*_standing_in_the_way(stats), *_lost(stats)]


def _standing_in_the_way(stats: OutboxStats) -> list[Finding]:
    """What somebody has to see to, and nothing is lost by it yet."""
    finding, found = about("outbox"), []
    if stats.fault:
        text = tell(
            "{fault}; {in_memory} messages wait in memory",
            fault=stats.fault,
            in_memory=stats.in_memory,
        )
        action = tell("free space on the disk of state_dir, or see who may write there")
        found.append(finding("outbox_fault", "critical", text, action))
    if stats.set_aside:
        text = tell("{set_aside} damaged queue file(s) were set aside", set_aside=stats.set_aside)
        action = tell("copy the .corrupt files from state_dir, then delete them; check the disk")
        found.append(finding("outbox_set_aside", "warning", text, action))
    if stats.other_unit:
        text = tell(
            "{other_unit} message(s) were stored under another unit.id, and laid aside",
            other_unit=stats.other_unit,
        )
        action = tell(
            "to send them, set unit.id back to the one that `patrol-edge outbox status` "
            "names, run `patrol-edge outbox unpark --all`, and wait until none waits"
        )
        found.append(finding("outbox_other_unit", "warning", text, action))
    if refused := stats.parked - stats.other_unit:
        text = tell(
            "{refused} message(s) were refused again and again, and are laid aside", refused=refused
        )
        action = tell(
            "`patrol-edge outbox status` says why; put it right, then `patrol-edge outbox unpark`"
        )
        found.append(finding("outbox_parked", "warning", text, action))
    return found


def _lost(stats: OutboxStats) -> list[Finding]:
    """Messages that nobody will get: with a damaged file, or dropped for room."""
    finding, found = about("outbox"), []
    if lost := sum(stats.drops.get(cause, 0) for cause in DAMAGE_DROPS):
        text = tell("up to {lost} stored messages were lost with a damaged file", lost=lost)
        action = tell("check the disk, and replace it when this happens again")
        found.append(finding("outbox_lost", "error", text, action))
    dropped = {cause: n for cause, n in stats.drops.items() if cause not in DAMAGE_DROPS}
    if dropped and stats.dropped_s is not None and stats.dropped_s < DROPPING_FOR_S:
        causes = ", ".join(f"{count} {cause}" for cause, count in dropped.items())
        text = tell(
            "messages of low priority are dropped for room, since the start {causes}", causes=causes
        )
        if stats.tolerance_m:
            text = tell(
                "messages of low priority are dropped for room, since the start {causes}; the "
                "stored track is within {tolerance_m:.0f} m of the full one",
                causes=causes,
                tolerance_m=stats.tolerance_m,
            )
        action = tell("restore the link, or raise outbox.max_mib")
        found.append(finding("outbox_dropping", "warning", text, action))
    return found
