"""What the doctor says: one line for each thing it has looked at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from edge.reporting.finding import Finding

State = Literal["ok", "fault", "none"]  # none: there is nothing to look at, or nobody could
NOT_CONFIGURED = "none is configured"
PAGE = "docs/troubleshooting.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was looked at."""

    group: str = ""  # set by whoever runs the group
    name: str
    state: State
    text: str
    code: str | None = None  # of a fault: the heading of its paragraph in PAGE
    cure: str | None = None

    @property
    def help(self) -> str | None:
        """Where a person reads more."""
        return None if self.code is None else f"{PAGE}#{self.code}"


def ok(name: str, text: str) -> Line:
    return Line(name=name, state="ok", text=text)


def fault(code: str, name: str, text: str, cure: str) -> Line:
    return Line(name=name, state="fault", text=text, code=code, cure=cure)


def none(name: str, text: str) -> Line:
    return Line(name=name, state="none", text=text)


def of_finding(finding: Finding) -> Line:
    """As the unit itself would tell it."""
    told = fault(finding.code, finding.component, finding.text, finding.action)
    return replace(told, state="none") if finding.severity == "info" else told


def judged(name: str, findings: Iterable[Finding], text: str) -> Iterator[Line]:
    """What is wrong with it, or, with `text`, that it is well."""
    found = [of_finding(finding) for finding in findings]
    yield from found or [ok(name, text)]
