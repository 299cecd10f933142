"""All checks over one transcript, and how the verdicts are told."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as Xml

from telemetry.conformance import (
    body_checks,
    command_checks,
    delivery_checks,
    envelope_checks,
    event_checks,
    flash_checks,
    session_checks,
)
from telemetry.conformance.finding import CHECKS, Finding
from telemetry.conformance.transcript import Transcript
from telemetry.contract.rules import BY_ID, Rule

# Each registers its checks when it is imported.
MODULES = (
    envelope_checks,
    delivery_checks,
    session_checks,
    event_checks,
    body_checks,
    command_checks,
    flash_checks,
)
CHECKED = frozenset(CHECKS)


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule, judged. A SHOULD that is not kept is told, and fails nothing."""

    rule: Rule
    finding: Finding

    @property
    def breaks(self) -> bool:
        return self.finding.verdict == "FAIL" and self.rule.level == "MUST"

    def __str__(self) -> str:
        should = " (should)" if self.rule.level == "SHOULD" else ""
        return f"{self.rule.id}  {self.finding.verdict:<7}  {self.finding.text}{should}"


def judge(transcript: Transcript, rules: Collection[str] | None = None) -> list[Ruling]:
    """In the order of the rules; only these, if some are given."""
    return [
        Ruling(BY_ID[name], CHECKS[name](transcript))
        for name in sorted(CHECKS)
        if rules is None or name in rules
    ]


def counted(rulings: Sequence[Ruling]) -> dict[str, int]:
    counts = Counter(ruling.finding.verdict for ruling in rulings)
    return {verdict: counts[verdict] for verdict in ("PASS", "FAIL", "NOT RUN")}


def as_json(rulings: Sequence[Ruling]) -> list[dict[str, Any]]:
    return [
        {
            "rule": ruling.rule.id,
            "verdict": ruling.finding.verdict,
            "level": ruling.rule.level,
            "text": str(ruling.rule),
            "seen": ruling.finding.text,
        }
        for ruling in rulings
    ]


def as_junit(rulings: Sequence[Ruling], unit: str) -> bytes:
    """For build servers: one test case per rule; NOT RUN is `skipped`."""
    counts = counted(rulings)
    suite = Xml.Element(
        "testsuite",
        name=f"conformance of {unit}",
        tests=str(len(rulings)),
        failures=str(sum(ruling.breaks for ruling in rulings)),
        skipped=str(counts["NOT RUN"]),
    )
    for ruling in rulings:
        case = Xml.SubElement(suite, "testcase", classname=ruling.rule.id, name=str(ruling.rule))
        seen = "".join(c if c.isprintable() else "?" for c in ruling.finding.text)
        if ruling.breaks:
            Xml.SubElement(case, "failure", message=seen)
        elif ruling.finding.verdict == "NOT RUN":
            Xml.SubElement(case, "skipped", message=seen)
        else:
            Xml.SubElement(case, "system-out").text = seen
    return bytes(Xml.tostring(suite, encoding="utf-8", xml_declaration=True))
