"""What is wrong with the optional searches: for plates, and for descriptions."""

from edge.finders import Finders
from edge.plates.parts import Plates
from edge.reporting.finding import Finding, about
from edge.search.desk import SearchDesk


def finder_findings(finders: Finders) -> list[Finding]:
    return [*plate_findings(finders.plates), *search_findings(finders.search)]


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
        what = "no plate is looked for" if plates.hotlist.empty else "a restart changes the lists"
        text = f"{what}: {plates.hotlist.fault}"
        action = plates.hotlist.cure or "let the hub send its lists again, with a higher version"
        found.append(finding("hotlist_unreadable", "error", text, action))
    if plates.hotlist.expired:
        names = ", ".join(plates.hotlist.expired)
        text = f"lists of plates have ended and were deleted: {names}"
        action = "let the hub send a new version, if they are still needed"
        found.append(finding("hotlist_expired", "info", text, action))
    return found


def search_findings(search: SearchDesk | None) -> list[Finding]:
    """A search that cannot say what of its area it has seen, or that a restart would end."""
    if search is None:
        return []
    finding, found = about("search"), []
    if search.blind():
        text = "it is not known which ground the cameras see, so no searched area can be told"
        action = "the faults of pose, heading and mount say why; see docs/perception.md"
        found.append(finding("search_blind", "warning", text, action))
    wrong = search.memory.fault or search.memory.lost
    if wrong:
        text = f"a search was lost, or would be by a restart: {wrong}"
        action = "make room in state_dir; let the hub send the search again if it is not there"
        found.append(finding("search_not_stored", "error", text, action))
    return found
