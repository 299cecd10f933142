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
    return [row for row in cells if row[-1] != "proved by"]


def test_every_claim_is_proved_by_something() -> None:
    assert len(rows()) > 20
    for row in rows():
        assert len(row) == 3, row
        assert re.search(r"`test_\w+`|\b[RS]-[A-Z]+-\d", row[2]), row


def test_what_is_said_to_prove_it_exists() -> None:
    load()
    source = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", PAGE)) <= tests
    assert set(re.findall(r"\b([RS]-[A-Z]+-\d+)", PAGE)) <= set(TRIALS)
