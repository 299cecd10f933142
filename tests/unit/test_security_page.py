"""docs/security.md says what proves each claim: all of that must exist."""

import re
from pathlib import Path

from tests.torture.__main__ import load
from tests.torture.trials import TRIALS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[-1] not in ("proved by", "when it changes")]


def claims() -> list[list[str]]:
    """Without the keys, which are told with where they are and when they change."""
    keys = PAGE.partition("## Keys")[2].partition("## Standards")[0]
    return [row for row in rows() if row[0] not in keys]


def test_every_claim_is_proved_by_something() -> None:
    assert len(claims()) > 60
    for row in claims():
        assert len(row) == 3, row
        assert row[2] == "not met" or re.search(r"`test_\w+`|\b[RS]-[A-Z]+-\d", row[2]), row


def test_every_provision_has_its_row_even_where_it_is_not_met() -> None:
    told = " ".join(row[0] for row in claims())
    for group, last in ((1, 14), (2, 12), (3, 9), (4, 3), (6, 2), (7, 8)):
        # For network devices alone, without a requirement for components, or of EDR.
        others = {"1.6", "1.13", "2.3", "2.4", "3.2", "7.5"}
        wanted = {f"{group}.{number}" for number in range(1, last + 1)} - others
        assert wanted <= set(re.findall(r"CR (\d\.\d+)\b", told))
    assert "CR 5.1" in told
    for each in ("2.4", "2.13", "3.2", "3.10", "3.11", "3.12", "3.13", "3.14"):
        assert f"EDR {each}" in told
    assert {*range(1, 14)} <= {int(each) for each in re.findall(r"EN 5\.(\d+)\b", told)}
    assert "EN 6:" in told


def test_how_to_report_a_vulnerability_is_said() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert all(f"**{time}**" in text for time in ("3 working days", "14 days", "90 days"))


def test_what_is_said_to_prove_it_exists() -> None:
    load()
    source = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", PAGE)) <= tests
    assert set(re.findall(r"\b([RS]-[A-Z]+-\d+)", PAGE)) <= set(TRIALS)
