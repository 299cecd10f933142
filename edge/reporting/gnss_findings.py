"""What is wrong with a receiver, its signals and its time, as findings."""

from edge.positioning.receiver_watch import ReceiverWatch
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.finding import Finding, about
from edge.timebase import TimeDoubt
from telemetry.contract.wire_types import text

NO_FIX_AFTER_S = 60.0  # a cold start under open sky takes about 30 s
HANDED_KEPT_S = 600.0
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
            text=f"the receiver speaks, but has had no fix for {no_fix_s:.0f} s",
            action="give the antenna a view of the sky; check its plug",
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
            action="look at what is plugged in there (patrol-edge devices), at the receiver's "
            "speed and protocol; patrol-edge gnss monitor --port shows what comes",
        )
    ]


def signal_findings(receiver: str, watch: ReceiverWatch) -> list[Finding]:
    """Jamming, deceit, a bad antenna: hints from what the receiver hears."""
    finding, found = about(receiver), list[Finding]()
    if watch.antenna in ("open", "short"):
        told = "not connected" if watch.antenna == "open" else "short-circuited"
        action = "check the antenna's plug and cable; a passive antenna reads as open"
        found.append(
            finding("gnss_antenna", "error", f"the receiver says its antenna is {told}", action)
        )
    if watch.jammed:
        told = "the receiver reports interference"
        if watch.fallen_since_s is not None:
            told = f"all signals fell by {watch.fall_db:.0f} dB at once while the unit stood"
        action = "move away from transmitters; if it follows the unit, it may be jamming: report it"
        found.append(finding("gnss_jammed", "warning", told, action))
    elif watch.fallen_since_s is not None:
        told = f"all signals fell by {watch.fall_db:.0f} dB: a roof, a tunnel, or a jammer"
        action = "under open sky: check antenna and cable, and look for a transmitter nearby"
        found.append(finding("gnss_signals_low", "info", told, action))
    if watch.uniform:
        told = "all satellites are heard equally well, which those in the sky are not"
        action = "a simulator or a repeater nearby; in the field it may be spoofing: report it"
        found.append(finding("gnss_signals_uniform", "warning", told, action))
    return found


def fix_quality_findings(receiver: str, watch: ReceiverWatch) -> list[Finding]:
    """Jumps, and corrections that no longer come."""
    finding, found = about(receiver), list[Finding]()
    if (moved_m := watch.moved_by_m) is not None:
        told = f"the position jumped by {moved_m:.0f} m, which no unit can, and stayed there"
        action = "compare with the map; after reflections it comes back, else it may be spoofing"
        found.append(finding("gnss_jumps", "warning", told, action))
    elif watch.jumps:
        told = f"{watch.jumps} positions of the last minute were refused: no unit moves like that"
        action = "give the antenna a free view; high walls reflect"
        found.append(finding("gnss_jumps", "warning", told, action))
    if watch.old_corrections:
        told = f"the corrections for RTK are {watch.corrections_age_s:.0f} s old"
        action = "check the link to the base or caster, and that the receiver gets its data"
        found.append(finding("gnss_corrections_old", "warning", told, action))
    return found


def time_findings(doubts: dict[str, TimeDoubt]) -> list[Finding]:
    """Receivers whose time is not used."""
    found = []
    for receiver, doubt in doubts.items():
        finding = about(receiver)
        if doubt.what == "date":
            action = (
                "an old receiver has lost count of GPS weeks: update its firmware or replace it; "
                "or the computer's clock was set wrongly: timedatectl"
            )
            told = f"the date cannot be, and is not used: {doubt.text}"
            found.append(finding("gnss_date_wrong", "warning", told, action))
        else:
            action = (
                "after a cold start it may be leap seconds, and passes; else compare with a "
                "second receiver: it may be spoofing"
            )
            told = f"the receiver's time is doubtful: {doubt.text}"
            found.append(finding("gnss_time_disagrees", "warning", told, action))
    return found


def agreement_findings(text_: str) -> list[Finding]:
    """Two receivers that are not at the same place."""
    if not text_:
        return []
    action = (
        "compare both with the map; the wrong one has a bad antenna, reflections, or is spoofed"
    )
    finding = about("gnss")
    return [finding("gnss_receivers_disagree", "warning", text_, action)]


def charge_findings(where: Whereabouts, preferred: str | None, now_mono_s: float) -> list[Finding]:
    """Another receiver than the preferred one speaks for the unit; or none is believed."""
    found = list[Finding]()
    handed, finding = where.handed, about(where.in_charge or "gnss")
    if preferred is not None and where.in_charge not in (None, preferred):
        reason = f"{preferred} has had no fix since the start" if handed is None else handed.reason
        told = f"the position is that of {where.in_charge}, not of {preferred}: {reason}"
        action = f"see what is wrong with {preferred}; it comes back by itself"
        found.append(finding("gnss_spare_in_use", "info", told, action))
    since_s = where.against_odometry_since_s
    if since_s is not None and now_mono_s - since_s > AGAINST_AFTER_S:
        told = (
            f"for {now_mono_s - since_s:.0f} s the receiver has said something else than wheels "
            "and gyro, which are believed"
        )
        action = "after a tunnel it passes; else it may be spoofing, or wheels that slip or spin"
        found.append(finding("gnss_against_motion", "warning", told, action))
    return found
