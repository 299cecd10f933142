"""Wrong usage: one line with the cause, one with the way to the help; exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli.main import COMMANDS, build_parser, main
from edge.cli.parser import in_words

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("args", "error", "cure"),
    [
        ("", "missing: COMMAND", "patrol-edge"),
        ("rnu", "COMMAND: there is no 'rnu'; did you mean run?", "patrol-edge"),
        ("models pul x", "ACTION: there is no 'pul'; did you mean pull?", "patrol-edge models"),
        ("detect", "missing: PATH", "patrol-edge detect"),
        (
            "detect a.jpg --thread 2",
            "unrecognized arguments: --thread 2; did you mean --threads?",
            "patrol-edge detect",
        ),
        ("track --fps", "--fps: expected one argument", "patrol-edge track"),
        (
            "track --fps 0",
            "--fps: 0 is not above 0 and at most 1000",
            "patrol-edge track",
        ),
        ("gnss simulate --rate x", "--rate: 'x' is no number", "patrol-edge gnss simulate"),
        ("gnss simulate --rat 2", "unrecognized arguments: --rat 2; did you mean --rate?",
         "patrol-edge gnss simulate"),
        ("config check a b", "unrecognized arguments: b", "patrol-edge config check"),
    ],
)  # fmt: skip
def test_one_line_of_cause_and_one_of_cure(
    args: str, error: str, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(args.split())
    assert left.value.code == 2
    told = capsys.readouterr()
    assert told.err.splitlines() == [f"error: {error}", f"  → {cure} --help"]
    assert told.out == ""


def test_the_version_is_an_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert not left.value.code
    assert capsys.readouterr().out.startswith("patrol-edge ")


@pytest.mark.parametrize("choices", ["'run', 'hub'", "run, hub"], ids=["3.11", "3.12"])
def test_the_words_of_every_supported_python_are_understood(choices: str) -> None:
    message = f"argument COMMAND: invalid choice: 'rnu' (choose from {choices})"
    assert in_words(message, []) == "COMMAND: there is no 'rnu'; did you mean run?"


def test_what_is_near_nothing_is_answered_with_what_there_is() -> None:
    message = "argument X: invalid choice: 'zzz' (choose from 'run', 'hub')"
    assert in_words(message, []) == "X: there is no 'zzz'; there is: run, hub"


def test_every_command_is_of_the_module_that_is_named_for_it() -> None:
    for name in COMMANDS:
        (parts,) = (each for each in build_parser([name])._actions if each.choices)
        assert list(parts.choices or ()) == [name]
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "edge" / "cli").rglob("*.py")
        if "\ndef register(commands" in path.read_text()
    ]
    assert sorted(COMMANDS.values()) == sorted(modules)


def test_a_command_loads_only_what_it_needs() -> None:
    code = (
        "import sys\nfrom edge.cli.main import main\n"
        "try: main(['keys', '--help'])\n"
        "finally: print(*{'edge.cli.config_command', 'pydantic'} & {*sys.modules}, file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert told.stderr.strip() == ""
    assert "usage: patrol-edge keys" in told.stdout
