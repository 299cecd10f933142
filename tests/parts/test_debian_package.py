"""The Debian package: what of it can be looked at unbuilt (the trials build it)."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "systemd" / "package"
SCRIPTS = sorted(
    path
    for path in PACKAGE.rglob("*")
    if path.is_file() and (path.read_bytes().startswith(b"#!/bin/sh") or path.suffix == ".sh")
)
SOURCED = "wheels.sh"
ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(.*?)(?=^[a-z0-9]|\Z)", re.M | re.S)
EXTRAS = ("can", "gpio", "mavlink")  # under the LGPL
CARRIED = ("audio", "boards", "gnss", "modbus", "plates", "ros")


def locked(name: str) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for package, version, rest in ENTRY.findall((ROOT / name).read_text()):
        found.setdefault(package, set()).add((version, rest.strip()))
    return found


# --- what is in it -----------------------------------------------------------------------------


def test_a_unit_gets_what_was_tested() -> None:
    tested = locked("requirements-features.lock")
    for lock in ("requirements-unit.lock", "requirements-extras.lock"):
        for package, entries in locked(lock).items():
            versions = {version for version, _ in entries}
            assert versions <= {version for version, _ in tested[package]}, package


def test_the_runtime_and_every_extra_but_those_for_a_desk_are_in_it() -> None:
    carried, extras = locked("requirements-unit.lock"), locked("requirements-extras.lock")
    assert set(locked("requirements.lock")) <= set(carried)
    assert not set(carried) & set(extras), "two packages would own the same files"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for names, lock in ((CARRIED, carried), (EXTRAS, extras)):
        for name in names:
            for wanted in project["optional-dependencies"][name]:
                assert re.split(r"[<>=]", wanted)[0] in lock


FORBIDDEN = re.compile(
    r"\bA?GPL|(?<!Lesser )General Public|Affero|SSPL|UNKNOWN|Non-?Commercial", re.I
)
LESSER = re.compile(r"LGPL|Lesser", re.I)


def licences(page: str) -> dict[str, dict[str, str]]:
    """Per section of the page: package to licence."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in page.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "Name":
            found.setdefault(section, {})[cells[0]] = cells[2]
    return found


def test_the_licence_report_is_that_of_the_locks() -> None:
    pytest.importorskip("piplicenses", reason="needs the dependency group package")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("another Python has other versions of some packages")
    made = subprocess.run(
        [PACKAGE / "list-licences"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    ).stdout
    assert made == (ROOT / "docs" / "licences.md").read_text(), "make docs"


def test_no_licence_is_one_that_may_not_be_imported() -> None:
    found = licences((ROOT / "docs" / "licences.md").read_text())
    assert set(found) == {"patrol-edge", "patrol-edge-extras"}
    assert len(found["patrol-edge"]) > 30
    for section, packages in found.items():
        for package, licence in packages.items():
            lesser = LESSER.search(licence) is not None
            assert not lesser or section == "patrol-edge-extras", package
            assert lesser or not FORBIDDEN.search(licence), package


@pytest.mark.parametrize(
    "licence", ["GPL-3.0-only", "AGPL-3.0", "GNU General Public License v2 (GPLv2)", "UNKNOWN"]
)
def test_the_rule_sees_a_licence_that_is_forbidden(licence: str) -> None:
    assert FORBIDDEN.search(licence)


# --- how it is made ----------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_are_sound(script: Path) -> None:
    run_by_name = script.parent.name != "debian" and script.name != SOURCED
    assert not run_by_name or script.stat().st_mode & 0o111
    told = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    if shutil.which("shellcheck") is not None:
        told = subprocess.run(
            ["shellcheck", "--severity=warning", script],
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stdout


def test_no_script_of_the_package_stops_half_way() -> None:
    """An upgrade in the field has nobody beside it who could mend a half installed package."""
    for name in ("postinst", "prerm", "postrm"):
        text = (PACKAGE / "debian" / f"patrol-edge.{name}").read_text()
        assert not re.search(r"^set -\w*e", text, re.M)
        assert text.endswith("exit 0\n")


# --- what it says ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("shtab", reason="needs the dependency group package")
    folder = tmp_path_factory.mktemp("share")
    command = [sys.executable, "-m", "edge.cli.pages", str(folder), "0.1.0"]
    subprocess.run(command, check=True, cwd=ROOT)
    return folder


def test_every_command_has_a_page_with_its_options(share: Path) -> None:
    from edge.cli.main import build_parser
    from edge.cli.pages import commands

    pages = {path.name: path.read_text() for path in (share / "man/man1").iterdir()}
    names = [name for name, _, _ in commands(build_parser())]
    assert set(pages) == {"patrol-edge.1"} | {f"patrol-edge-{name}.1" for name in names}
    for name, about, parser in commands(build_parser()):
        page = pages[f"patrol-edge-{name}.1"].replace("\\-", "-")
        assert about.split(",")[0][:30] in page
        for action in parser._actions:
            if action.help not in ("==SUPPRESS==", None) and action.dest != "help":
                assert all(option in page for option in action.option_strings), name


def test_man_reads_every_page(share: Path) -> None:
    if shutil.which("lexgrog") is None:
        pytest.skip("needs lexgrog (package man-db)")
    files = sorted((share / "man/man1").iterdir())
    told = subprocess.run(["lexgrog", *files], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_can_read_their_completion(shell: str, share: Path) -> None:
    from edge.cli.pages import SHELLS

    file = share / SHELLS[shell]
    assert "config" in file.read_text()
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    told = subprocess.run([shell, "-n", file], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


def test_bash_completes_commands_and_options(share: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    from edge.cli.pages import SHELLS

    def completed(*words: str) -> list[str]:
        code = (
            f"source {share / SHELLS['bash']}; COMP_WORDS=({' '.join(words)} ''); "
            f"COMP_CWORD={len(words)}; COMP_LINE='{' '.join(words)} '; "
            "$(complete -p patrol-edge | sed 's/.*-F \\([^ ]*\\).*/\\1/') patrol-edge '' "
            f"{words[-1]} 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        return subprocess.run(
            ["bash", "--norc", "-c", code], capture_output=True, text=True, check=False
        ).stdout.split()

    assert {"run", "doctor", "config"} <= set(completed("patrol-edge"))
    assert "check" in completed("patrol-edge", "config")


# --- clocks ------------------------------------------------------------------------------------


def test_chrony_takes_the_example(tmp_path: Path) -> None:
    program = shutil.which("chronyd")
    if program is None:
        pytest.skip("needs chronyd (package chrony)")
    example = ROOT / "systemd" / "examples" / "chrony-gnss.conf"
    told = subprocess.run(
        [program, "-p", "-f", example], capture_output=True, text=True, timeout=30, check=False
    )
    assert told.returncode == 0, told.stderr
    assert "refclock SHM 0 refid GNSS" in told.stdout
    wrong = tmp_path / "wrong.conf"
    wrong.write_text(example.read_text() + "refclok SHM 1\n")
    told = subprocess.run([program, "-p", "-f", wrong], capture_output=True, check=False)
    assert told.returncode != 0, "chronyd says nothing of what is wrong"


def test_gpsd_reads_the_example_as_its_service_does() -> None:
    text = (ROOT / "systemd" / "examples" / "gpsd-gnss").read_text()
    told = subprocess.run(
        ["sh", "-euc", f"{text}\necho $START_DAEMON $GPSD_OPTIONS $DEVICES"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split()[:2] == ["true", "-n"]
