"""`patrol-edge firmware` against a simulated board that is a program of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli.main import main
from firmware_bridge.simulated.images import body, image
from tests.parts.test_simulated_board import order, simulated


class Workshop:
    """A unit file with one board, a signing key, and packages."""

    def __init__(self, folder: Path, port: Path, control: Path) -> None:
        self.folder = folder
        self.control = control
        self.config = folder / "unit.yaml"
        (folder / "state").mkdir()
        self.config.write_text(
            "unit: {id: car-07, kind: patrol_car}\n"
            f"state_dir: {folder}/state\n"
            "boards:\n"
            f"  lamp: {{port: {port}, model: patrol-io, settings: {{light/most: 80}}}}\n"
        )
        assert main(["keys", "new", "works", "--out", str(folder / "works.key")]) == 0
        install = ["keys", "install", str(folder / "works.pub"), "--role", "technician"]
        assert main([*install, "--config", str(self.config)]) == 0

    def package(self, version: str, serial: int, *options: str, size: int = 20_000) -> str:
        file, out = self.folder / f"{version}.bin", self.folder / f"{version}-{serial}.pefw"
        file.write_bytes(image(version, body(size, seed=serial)))
        line = ["firmware", "sign", str(file), "--version", version, "--serial", str(serial)]
        line += ["--key", str(self.folder / "works.key"), "--out", str(out)]
        defaults = [] if "--model" in options else ["--model", "patrol-io"]
        hardware = [] if "--hardware" in options else ["--hardware", "1"]
        assert main([*line, *defaults, *hardware, *options]) == 0
        return str(out)

    def run(self, *words: str) -> int:
        return main(["firmware", *words, "--config", str(self.config)])


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Workshop]:
    with simulated(tmp_path, "--flash", str(tmp_path / "flash")) as (port, control):
        made = Workshop(tmp_path, port, control)
        capsys.readouterr()
        yield made


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))


def test_from_a_signed_package_to_a_confirmed_board(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    package = shop.package("1.1.0", 5)
    assert shop.run("flash", package, "--dry-run") == 0
    assert "would go from 1.0.0 to 1.1.0" in capsys.readouterr().out
    assert shop.run("flash", package, "--json") == 0
    told = answer(capsys)
    assert (told["end"], told["before"], told["after"]) == ("confirmed", "1.0.0", "1.1.0")
    order(shop.control, "reset")
    assert shop.run("info", "lamp", "--json") == 0
    told = answer(capsys)
    assert told["state"] == "it runs 1.1.0, confirmed; 1.0.0 lies in its other slot"
    assert [each["end"] for each in told["history"]] == ["confirmed"]  # type: ignore[attr-defined]
    assert shop.run("rollback") == 0
    assert shop.run("list", "--json") == 0
    listed = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(listed)[0]["images"][0]["version"] == "1.0.0"


def test_a_trial_is_confirmed_by_hand_or_gone_at_the_next_start(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop.run("flash", shop.package("1.1.0", 5), "--no-confirm") == 0
    assert "on trial" in capsys.readouterr().out
    order(shop.control, "reset")
    assert shop.run("list") == 0
    assert "it runs 1.0.0, confirmed" in capsys.readouterr().out
    assert shop.run("flash", shop.package("1.1.0", 5), "--no-confirm") == 0
    assert shop.run("confirm") == 0
    order(shop.control, "reset")
    assert shop.run("list") == 0
    assert "it runs 1.1.0, confirmed" in capsys.readouterr().out


def test_what_must_not_be_flashed_is_refused_with_the_cure(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {
        "the package is for patrol-horn": shop.package("1.1.0", 1, "--model", "patrol-horn"),
        "for hardware 7": shop.package("1.1.0", 2, "--hardware", "7"),
        "no firmware package": str(shop.config),
        "cannot be read": str(shop.folder / "nothing.pefw"),
    }
    for words, package in wrong.items():
        assert shop.run("flash", package, "lamp") == 2
        told = capsys.readouterr().err
        assert words in told
        assert "→" in told
    assert shop.run("flash", shop.package("1.1.0", 9)) == 0
    old = shop.package("1.0.9", 8)
    assert shop.run("flash", old) == 2
    assert "serial 8 is older than 9" in capsys.readouterr().err
    assert shop.run("flash", old, "--allow-downgrade", "the new one flickers") == 0
    assert shop.run("info", "lamp", "--json") == 0
    last = answer(capsys)["history"][-1]  # type: ignore[index]
    assert last["downgrade_reason"] == "the new one flickers"
    assert shop.run("flash", old, "horn") == 2
    assert "there is no board horn" in capsys.readouterr().err


def test_an_unsigned_package_is_refused_before_the_board_is_asked(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    package = shop.package("1.1.0", 5)
    keyring = shop.folder / "other.json"
    assert main(["firmware", "flash", package, "--port", "/dev/null", "--keyring", str(keyring)])
    assert "there is no keyring" in capsys.readouterr().err


def test_power_that_fails_in_the_middle_costs_a_second_try(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    package = shop.package("1.1.0", 5, size=60_000)
    for pages in (3, 1100, 1300):  # while erasing, while writing, while swapping
        order(shop.control, f"burn {pages}")
        shop.run("flash", package)
        assert shop.run("list") == 0
        told = capsys.readouterr().out
        assert "it runs 1.0.0, confirmed" in told or "it runs 1.1.0, confirmed" in told
    assert shop.run("flash", package) == 0
    assert "1.1.0" in capsys.readouterr().out


def test_settings_are_compared_written_and_read(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop.run("config", "diff", "lamp") == 1
    assert "light/most: (not there) on the board, 80 in the file" in capsys.readouterr().out
    assert shop.run("config", "set", "lamp") == 0
    order(shop.control, "reset")
    assert shop.run("config", "diff", "lamp", "--json") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "[]"
    assert shop.run("config", "set", "lamp", "light/most", "0x32") == 0
    assert shop.run("config", "get", "lamp") == 0
    assert "light/most = 50" in capsys.readouterr().out
    assert shop.run("config", "set", "lamp", "light/most", "much") == 2
    assert shop.run("config", "set", "lamp", "new/one", "1") == 2
    assert "--type" in capsys.readouterr().err
    assert shop.run("config", "set", "lamp", "new/one", "yes", "--type", "text") == 0
    assert shop.run("config", "get", "lamp", "new/one", "--type", "text") == 0
    assert "new/one = yes" in capsys.readouterr().out
    assert shop.run("config", "get", "lamp", "no/such") == 1


def test_a_board_that_does_not_answer_is_told_with_what_to_do(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    order(shop.control, "power off")
    assert shop.run("list") == 1
    assert "gives no answer" in capsys.readouterr().out
    assert shop.run("flash", shop.package("1.1.0", 5)) == 1
    assert "is it powered" in capsys.readouterr().err


# --- campaigns -----------------------------------------------------------------------------------


def campaign(shop: Workshop, package: str, second: Path, **changes: str) -> Path:
    lines = {"name": "lamps", "watch_canaries_s": "0"} | changes
    boards = [
        f"  - {{board: spare, port: {second}, package: {package}}}",
        f"  - {{board: lamp, package: {package}, canary: true}}",
    ]
    path = shop.folder / "lamps.yaml"
    path.write_text("\n".join([*(f"{k}: {v}" for k, v in lines.items()), "boards:", *boards]))
    return path


def test_a_campaign_flashes_canaries_first_and_goes_on_after_a_break(
    shop: Workshop, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("second")
    keyring = ("--keyring", str(shop.folder / "state/keyring.json"))
    with simulated(other) as (second, control):
        path = campaign(shop, shop.package("1.1.0", 5), second)
        assert shop.run("campaign", str(path), "--dry-run", "--json", *keyring) == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert [(each["board"], each["end"]) for each in told["boards"]] == [
            ("lamp", "would_flash"), ("spare", "would_flash")
        ]  # fmt: skip
        order(control, "power off")
        assert shop.run("campaign", str(path), "--json", *keyring) == 1
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert [each["end"] for each in told["boards"]] == ["confirmed", "failed"]
        assert "spare" in told["stopped"]
        order(control, "power on")
        order(shop.control, "power off")  # done already: it is not asked again
        assert shop.run("campaign", str(path), *keyring) == 0
        assert "2 of 2 boards are well" in capsys.readouterr().err


def test_a_canary_that_fails_keeps_the_others_as_they_are(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    path = campaign(shop, shop.package("1.1.0", 5), Path("/dev/null"), on_failure="go_on")
    order(shop.control, "power off")
    assert shop.run("campaign", str(path), "--json") == 1
    told = answer(capsys)
    assert [each["end"] for each in told["boards"]] == ["failed", "not_begun"]  # type: ignore[attr-defined]


def test_a_campaign_that_makes_no_sense_is_refused(
    shop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shop.folder / "wrong.yaml"
    for text, words in (
        ("name: x\nboards: []\n", "boards"),
        ("{", "wrong.yaml"),
        ("name: x\nboards: [{board: lamp, package: a}, {board: lamp, package: a}]\n", "twice"),
        ("name: x\nboards: [{board: lamp, package: none.pefw}]\n", r"none.pefw"),
        ("name: x\nboards: [{board: horn, package: none.pefw}]\n", "no board horn"),
    ):
        path.write_text(text)
        assert shop.run("campaign", str(path)) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--port", "ttyUSB0"), "write /dev/ttyUSB0"),
        (("--port", ""), "--port"),
        (("--port", "/dev/nothing", "--baud", "7"), "--baud"),
    ],
    ids=["name", "empty", "baud"],
)
def test_a_port_that_is_none_is_wrong_usage(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["firmware", "list", *words]) == 2
    assert told in capsys.readouterr().err


def test_the_command_line_is_one_of_the_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli.main", "firmware", "list", "--config", "/nowhere.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "/nowhere.yaml" in done.stderr
