"""What is wrong with the optional searches: for plates, and for descriptions."""

from config.language import tell
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
        text = tell("no plate is read: {error}", error=plates.watch.reader_error)
        action = tell("pip install 'patrol-edge[plates]', or set plates.enabled: false")
        found.append(finding("plates_unavailable", "error", text, action))
    if plates.hotlist.fault is not None:
        what = (
            tell("no plate is looked for")
            if plates.hotlist.empty
            else tell("a restart changes the lists")
        )
        text = tell("{what}: {error}", what=what, error=plates.hotlist.fault)
        cure = plates.hotlist.cure or tell(
            "let the hub send its lists again, with a higher version"
        )
        found.append(finding("hotlist_unreadable", "error", text, cure))
    if plates.hotlist.expired:
        names = ", ".join(plates.hotlist.expired)
        text = tell("lists of plates have ended and were deleted: {names}", names=names)
        action = tell("let the hub send a new version, if they are still needed")
        found.append(finding("hotlist_expired", "info", text, action))
    return found


def search_findings(search: SearchDesk | None) -> list[Finding]:
    """A search that cannot say what of its area it has seen, or that a restart would end."""
    if search is None:
        return []
    finding, found = about("search"), []
    if search.blind():
        text = tell("it is not known which ground the cameras see, so no searched area can be told")
        action = tell("the faults of pose, heading and mount say why; see docs/perception.md")
        found.append(finding("search_blind", "warning", text, action))
    wrong = search.memory.fault or search.memory.lost
    if wrong:
        text = tell("a search was lost, or would be by a restart: {wrong}", wrong=wrong)
        action = tell(
            "make room in state_dir; let the hub send the search again if it is not there"
        )
        found.append(finding("search_not_stored", "error", text, action))
    return found
