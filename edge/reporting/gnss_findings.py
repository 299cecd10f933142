"""What is wrong with a receiver, its signals and its time, as findings."""

from config.language import tell
from edge.positioning.receiver_watch import ReceiverWatch
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.finding import Finding, about
from edge.timebase import TimeDoubt
from telemetry.contract.wire_types import text

NO_FIX_AFTER_S = 60.0  # a cold start under open sky takes about 30 s
AGAINST_AFTER_S = 5.0


def fix_findings(receiver: str, no_fix_s: float) -> list[Finding]:
    """A receiver that speaks, but has had no fix for `no_fix_s` seconds."""
    if no_fix_s <= NO_FIX_AFTER_S:
        return []
    return [
        Finding(
            code="gnss_no_fix",
            severity="warning",
            component=receiver,
            text=tell(
                "the receiver speaks, but has had no fix for {no_fix_s:.0f} s", no_fix_s=no_fix_s
            ),
            action=tell("give the antenna a view of the sky; check its plug"),
        )
    ]


def bytes_findings(receiver: str, wrong: str) -> list[Finding]:
    """Bytes come, but what they are is no NMEA."""
    return [
        Finding(
            code="gnss_wrong_data",
            severity="error",
            component=receiver,
            text=text(wrong),
            action=tell(
                "look at what is plugged in there (patrol-edge devices), at the receiver's "
                "speed and protocol; patrol-edge gnss monitor --port shows what comes"
            ),
        )
    ]


def signal_findings(receiver: str, watch: ReceiverWatch) -> list[Finding]:
    """Jamming, deceit, a bad antenna: hints from what the receiver hears."""
    finding, found = about(receiver), list[Finding]()
    if watch.antenna in ("open", "short"):
        told = tell("not connected") if watch.antenna == "open" else "short-circuited"
        action = tell("check the antenna's plug and cable; a passive antenna reads as open")
        found.append(
            finding(
                "gnss_antenna",
                "error",
                tell("the receiver says its antenna is {told}", told=told),
                action,
            )
        )
    if watch.jammed:
        told = tell("the receiver reports interference")
        if watch.fallen_since_s is not None:
            told = tell(
                "all signals fell by {fall_db:.0f} dB at once while the unit stood",
                fall_db=watch.fall_db,
            )
        action = tell(
            "move away from transmitters; if it follows the unit, it may be jamming: report it"
        )
        found.append(finding("gnss_jammed", "warning", told, action))
    elif watch.fallen_since_s is not None:
        told = tell(
            "all signals fell by {fall_db:.0f} dB: a roof, a tunnel, or a jammer",
            fall_db=watch.fall_db,
        )
        action = tell("under open sky: check antenna and cable, and look for a transmitter nearby")
        found.append(finding("gnss_signals_low", "info", told, action))
    if watch.uniform:
        told = tell("all satellites are heard equally well, which those in the sky are not")
        action = tell(
            "a simulator or a repeater nearby; in the field it may be spoofing: report it"
        )
        found.append(finding("gnss_signals_uniform", "warning", told, action))
    return found


def fix_quality_findings(receiver: str, watch: ReceiverWatch) -> list[Finding]:
    """Jumps, and corrections that no longer come."""
    finding, found = about(receiver), list[Finding]()
    if (moved_m := watch.moved_by_m) is not None:
        told = tell(
            "the position jumped by {moved_m:.0f} m, which no unit can, and stayed there",
            moved_m=moved_m,
        )
        action = tell(
            "compare with the map; after reflections it comes back, else it may be spoofing"
        )
        found.append(finding("gnss_jumps", "warning", told, action))
    elif watch.jumps:
        told = tell(
            "{jumps} positions of the last minute were refused: no unit moves like that",
            jumps=watch.jumps,
        )
        action = tell("give the antenna a free view; high walls reflect")
        found.append(finding("gnss_jumps", "warning", told, action))
    if watch.old_corrections:
        told = tell(
            "the corrections for RTK are {corrections_age_s:.0f} s old",
            corrections_age_s=watch.corrections_age_s,
        )
        action = tell("check the link to the base or caster, and that the receiver gets its data")
        found.append(finding("gnss_corrections_old", "warning", told, action))
    return found


def time_findings(doubts: dict[str, TimeDoubt]) -> list[Finding]:
    """Receivers whose time is not used."""
    found = []
    for receiver, doubt in doubts.items():
        finding = about(receiver)
        if doubt.what == "date":
            action = tell(
                "an old receiver has lost count of GPS weeks: update its firmware or replace "
                "it; or the computer's clock was set wrongly: timedatectl"
            )
            told = tell("the date cannot be, and is not used: {text}", text=doubt.text)
            found.append(finding("gnss_date_wrong", "warning", told, action))
        else:
            action = tell(
                "after a cold start it may be leap seconds, and passes; else compare with a "
                "second receiver: it may be spoofing"
            )
            told = tell("the receiver's time is doubtful: {text}", text=doubt.text)
            found.append(finding("gnss_time_disagrees", "warning", told, action))
    return found


def agreement_findings(text_: str) -> list[Finding]:
    """Two receivers that are not at the same place."""
    if not text_:
        return []
    action = tell(
        "compare both with the map; the wrong one has a bad antenna, reflections, or is spoofed"
    )
    finding = about("gnss")
    return [finding("gnss_receivers_disagree", "warning", text_, action)]


def charge_findings(where: Whereabouts, preferred: str | None, now_mono_s: float) -> list[Finding]:
    """Another receiver than the preferred one speaks for the unit; or none is believed."""
    found = list[Finding]()
    handed, finding = where.handed, about(where.in_charge or "gnss")
    if preferred is not None and where.in_charge not in (None, preferred):
        reason = (
            tell("{preferred} has had no fix since the start", preferred=preferred)
            if handed is None
            else handed.reason
        )
        told = tell(
            "the position is that of {in_charge}, not of {preferred}: {reason}",
            in_charge=where.in_charge,
            preferred=preferred,
            reason=reason,
        )
        action = tell(
            "see what is wrong with {preferred}; it comes back by itself", preferred=preferred
        )
        found.append(finding("gnss_spare_in_use", "info", told, action))
    since_s = where.against_odometry_since_s
    if since_s is not None and now_mono_s - since_s > AGAINST_AFTER_S:
        told = tell(
            "for {since_s:.0f} s the receiver has said something else than wheels and "
            "gyro, which are believed",
            since_s=now_mono_s - since_s,
        )
        action = tell(
            "after a tunnel it passes; else it may be spoofing, or wheels that slip or spin"
        )
        found.append(finding("gnss_against_motion", "warning", told, action))
    return found
