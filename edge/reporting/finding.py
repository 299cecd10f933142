"""One fault, as whoever looks for faults finds it."""

from collections.abc import Callable
from dataclasses import dataclass

from telemetry.contract.up_message import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A stable code, what is wrong, what to do. `code` and `component` are its identity."""

    code: str
    severity: Severity
    component: str
    text: str
    action: str


def about(component: str) -> Callable[[str, Severity, str, str], Finding]:
    """What makes findings about one component: of a code, a severity, a text and an action."""

    def finding(code: str, severity: Severity, text: str, action: str) -> Finding:
        return Finding(code=code, severity=severity, component=component, text=text, action=action)

    return finding
