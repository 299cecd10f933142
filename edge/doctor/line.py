"""What the doctor says: one line for each thing it has looked at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from config.language import tell
from edge.doctor.exhibit import Exhibit
from edge.reporting.finding import Finding

# warning: it works, and somebody should see to it; none: there is nothing to look at.
State = Literal["ok", "warning", "fault", "none"]
NOT_CONFIGURED = tell("none is configured")
PAGE = tell("docs/troubleshooting.md")  # its translation is the page in that language


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was looked at."""

    group: str = ""  # set by whoever runs the group
    name: str
    state: State
    text: str
    code: str | None = None  # of a fault or warning: the heading of its paragraph in PAGE
    cure: str | None = None
    exhibit: Exhibit | None = None  # what a page shows beside it

    @property
    def help(self) -> str | None:
        """Where a person reads more."""
        return None if self.code is None else f"{PAGE}#{self.code}"


def ok(name: str, text: str, exhibit: Exhibit | None = None) -> Line:
    return Line(name=name, state="ok", text=text, exhibit=exhibit)


def warning(code: str, name: str, text: str, cure: str) -> Line:
    return Line(name=name, state="warning", text=text, code=code, cure=cure)


def fault(code: str, name: str, text: str, cure: str) -> Line:
    return Line(name=name, state="fault", text=text, code=code, cure=cure)


def none(name: str, text: str) -> Line:
    return Line(name=name, state="none", text=text)


def state_of(severity: object) -> State:
    """Of a fault of the unit: what the doctor makes of how bad it is; unknown is bad."""
    return {"info": "none", "warning": "warning"}.get(str(severity), "fault")  # type: ignore[return-value]


def of_finding(finding: Finding) -> Line:
    """As the unit itself would tell it."""
    told = fault(finding.code, finding.component, finding.text, finding.action)
    return replace(told, state=state_of(finding.severity))


def judged(
    name: str, findings: Iterable[Finding], text: str, exhibit: Exhibit | None = None
) -> Iterator[Line]:
    """What is wrong with it, or, with `text`, that it is well. The first line has the exhibit."""
    found = [of_finding(finding) for finding in findings] or [ok(name, text)]
    yield replace(found[0], exhibit=exhibit)
    yield from found[1:]
