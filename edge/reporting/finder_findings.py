"""What is wrong with the optional searches: for plates, and for descriptions."""

from edge.plates.parts import Plates
from edge.reporting.finding import Finding, about


def plate_findings(plates: Plates | None) -> list[Finding]:
    """A reader that is not there, a list that cannot be read, or that has ended."""
    if plates is None:
        return []
    finding, found = about("plates"), []
    if plates.watch.reader_error:
        text = f"no plate is read: {plates.watch.reader_error}"
        action = "pip install 'patrol-edge[plates]', or set plates.enabled: false"
        found.append(finding("plates_unavailable", "error", text, action))
    if plates.hotlist.fault is not None:
        text = f"no plate is looked for: {plates.hotlist.fault}"
        action = plates.hotlist.cure or "let the hub send its lists again, with a higher version"
        found.append(finding("hotlist_unreadable", "error", text, action))
    if plates.hotlist.expired:
        names = ", ".join(plates.hotlist.expired)
        text = f"lists of plates have ended and were deleted: {names}"
        action = "let the hub send a new version, if they are still needed"
        found.append(finding("hotlist_expired", "info", text, action))
    return found
