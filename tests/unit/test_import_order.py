"""The dependency rule: a package may import only itself and packages to its left."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = ["config", "drivers", "firmware_bridge", "perception", "telemetry", "edge"]
STRANGERS = {("perception", "firmware_bridge")}
FLASHING = ["edge.bundles", "edge.slots", "edge.booting", "edge.flashing"]  # each knows the former
OVER_THE_COMMANDS = ("edge/cli", "edge/demo", "edge/booting/runtime.py")  # each ends in a command


def imported(tree: ast.AST) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.split(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append((node.lineno, (node.module or "").split(".")[0]))
    return found


def wrong_imports(package: str, tree: ast.AST) -> list[tuple[int, str]]:
    return [
        (line, top)
        for line, top in imported(tree)
        if top in ORDER and (ORDER.index(top) > ORDER.index(package) or (package, top) in STRANGERS)
    ]


@pytest.mark.parametrize("package", ORDER)
def test_imports_only_point_left(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {top}"
        for path in (ROOT / package).rglob("*.py")
        for line, top in wrong_imports(package, ast.parse(path.read_text()))
    ]
    assert wrong == []


def test_the_rule_sees_a_wrong_import() -> None:
    assert wrong_imports("drivers", ast.parse("from edge.running.mailbox import Mailbox")) == [
        (1, "edge")
    ]
    assert wrong_imports("perception", ast.parse("import firmware_bridge")) != []


def test_what_does_the_work_knows_no_command() -> None:
    """A command calls what it needs; what more than one command needs stands below all of them."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {node.module}"
        for path in (ROOT / "edge").rglob("*.py")
        if not str(path.relative_to(ROOT)).startswith(OVER_THE_COMMANDS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("edge.cli.")
    ]
    assert wrong == []


@pytest.mark.parametrize("room", FLASHING[:-1])
def test_what_starts_a_unit_knows_nothing_of_what_flashes_it(room: str) -> None:
    later = tuple(f"{each}." for each in FLASHING[FLASHING.index(room) + 1 :])
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {node.module}"
        for path in (ROOT / room.replace(".", "/")).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(later)
    ]
    assert wrong == []


def test_the_command_line_starts_without_what_brings_threads() -> None:
    """numpy's threads would take the signals that a command blocks before it loads the rest."""
    code = (
        "import sys; from edge.cli.main import build_parser; build_parser();"
        "print(sorted({'numpy', 'cv2', 'onnxruntime'} & {*sys.modules}))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
