"""Why a bundle is not taken, or did not stay: the codes are the contract's, explained there."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from telemetry.contract.flash import BackCode, FlashCode

ROOT = Path(__file__).parents[2]
FOLDERS = ("edge/bundles", "edge/slots", "edge/flashing", "edge/booting")
AT_A_DESK = {"invalid_arguments"}  # of whoever builds a bundle or decides by hand, never of a flash


def given() -> Iterator[tuple[str, str]]:
    """Each code that is written out where a bundle is refused, with the place."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BundleError":
                    code = node.args[0]
                    if isinstance(code, ast.Constant) and code.value not in AT_A_DESK:
                        yield code.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_a_refusal_has_a_code_of_the_contract() -> None:
    found = list(given())
    assert len(found) > 50
    assert [each for each in found if each[0] not in get_args(FlashCode)] == []


@pytest.mark.parametrize("code", [*get_args(FlashCode), *get_args(BackCode)])
def test_the_contract_says_what_a_code_means(code: str) -> None:
    page = (ROOT / "docs" / "contract" / "README.md").read_text()
    assert f"`{code}`" in page.partition("## What is flashed")[2]
