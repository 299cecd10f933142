"""`patrol-edge gnss configure` on receivers that answer: u-blox, PMTK, PAIR, PQTM."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from drivers import clock
from drivers.gnss.setup.line import Piece
from drivers.gnss.setup.settings import Receiver, SetupError, Traffic, needed_bps
from drivers.gnss.setup.ublox_earlier import EarlierUblox
from drivers.gnss.setup.ublox_keyed import KeyedUblox
from edge.cli.body import gnss_configure
from edge.cli.main import main
from tests.gnss_receivers import HASTE, HastyClock, SetUpReceiver

pyubx2 = pytest.importorskip("pyubx2", reason="pip install 'patrol-edge[gnss]'")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same conversations, by a clock that goes faster at both ends of the line."""
    hasty = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / HASTE))
    monkeypatch.setattr(clock, "SystemClock", HastyClock)
    monkeypatch.setattr(gnss_configure, "time", hasty)


def configured(
    receiver: SetUpReceiver, capsys: pytest.CaptureFixture[str], *wishes: str, code: int = 0
) -> dict[str, Any]:
    found = main(["gnss", "configure", "--port", receiver.port, "--json", *wishes])
    out, err = capsys.readouterr()
    assert found == code, err
    return json.loads(out) if out else {"error": err}


@pytest.mark.parametrize("family", ["M8", "M10", "PMTK", "PAIR"])
def test_it_is_found_asked_set_and_measured(
    family: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with SetUpReceiver(family, baud=38_400) as receiver:
        told = configured(
            receiver, capsys,
            "--rate", "5", "--messages", "GGA,RMC,GSV:5", "--constellations", "gps,beidou",
        )  # fmt: skip
        assert told["before"]["rate_hz"] == 1.0
        assert told["before"]["baud"] == 38_400
        assert set(told["before"]["messages"]) == {"GGA", "RMC", "GSA", "GSV", "VTG", "GLL"}
        assert told["before"]["constellations"] == ["glonass", "gps"]
        assert told["after"]["rate_hz"] == 5.0
        assert told["after"]["messages"] == {"GGA": 1, "RMC": 1, "GSV": 5}
        assert told["after"]["constellations"] == ["beidou", "gps"]
        assert told["measured_hz"] == pytest.approx(5, abs=2.4)
        assert told["saved"] is None
        assert receiver.ram.rate_ms == 200
        receiver.lose_power()
        assert receiver.ram.rate_ms == 1000, "nothing was saved"


@pytest.mark.parametrize("family", ["M8", "M10", "PQTM"])
def test_what_is_saved_survives_without_power(
    family: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with SetUpReceiver(family) as receiver:
        told = configured(receiver, capsys, "--rate", "2", "--messages", "GGA,RMC", "--save")
        assert "flash" in told["saved"]
        receiver.lose_power()
        assert receiver.ram.rate_ms == 500
        assert {k for k, n in receiver.ram.messages.items() if n} == {"GGA", "RMC"}


def test_an_m10_without_flash_saves_to_its_battery(capsys: pytest.CaptureFixture[str]) -> None:
    with SetUpReceiver("M10", baud=38_400, has_flash=False) as receiver:
        told = configured(receiver, capsys, "--rate", "2", "--save")
        assert "battery" in told["saved"]
        assert receiver.kept.rate_ms == 500


def test_a_pmtk_receiver_cannot_save_and_says_what_it_can(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with SetUpReceiver("PMTK") as receiver:
        told = configured(receiver, capsys, "--rate", "2", "--save", code=1)
        assert "cannot be set so: save" in told["error"]
        assert receiver.ram.rate_ms == 1000


def test_a_dry_run_sends_only_questions(capsys: pytest.CaptureFixture[str]) -> None:
    with SetUpReceiver("M10") as receiver:
        told = configured(receiver, capsys, "--rate", "2", "--messages", "GGA", "--dry-run")
        assert "VALSET CFG_RATE_MEAS = 500" in told["would_send"]
        assert not any(frame[2:4] == b"\x06\x8a" for frame in receiver.sent)
        shown = configured(receiver, capsys)
        assert shown["measured_hz"] == pytest.approx(1, abs=0.4)
        assert shown["model"].startswith("u-blox MAX-M10S")


@pytest.mark.parametrize("family", ["M8", "M10"])
def test_another_speed_is_tried_out(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    with SetUpReceiver(family) as receiver:
        told = configured(receiver, capsys, "--rate", "5", "--set-baud", "115200")
        assert receiver.ram.baud == 115_200
        assert told["measured_hz"] == pytest.approx(5, abs=2.4)
        receiver.lose_power()
        assert receiver.ram.baud == 9600


@pytest.mark.parametrize("family", ["M10", "PMTK"])
def test_a_speed_that_is_not_taken_leaves_the_old_one(
    family: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with SetUpReceiver(family, takes_baud=False) as receiver:
        told = configured(receiver, capsys, "--set-baud", "115200", code=1)
        assert "still at 9600" in told["error"]
        assert receiver.ram.baud == 9600


@pytest.mark.parametrize("family", ["M8", "PMTK"])
def test_a_speed_that_the_line_does_not_carry_back_is_taken_back(
    family: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with SetUpReceiver(family, carries_most=57_600) as receiver:
        told = configured(receiver, capsys, "--set-baud", "115200", code=1)
        assert "set back to 9600" in told["error"]
        assert receiver.ram.baud == receiver.kept.baud == 9600


def test_more_than_the_line_carries_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with SetUpReceiver("M10") as receiver:
        told = configured(receiver, capsys, "--rate", "10", code=1)
        assert "do not carry that: give a higher --set-baud" in told["error"]
        assert receiver.ram.rate_ms == 1000


def test_what_a_receiver_lacks_or_refuses_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with SetUpReceiver("M10", lacks=(0x10310025,)) as receiver:
        told = configured(receiver, capsys, "--constellations", "gps,glonass", code=1)
        assert "no CFG_SIGNAL_GLO_ENA" in told["error"]
        told = configured(receiver, capsys, "--constellations", "gps,beidou")
        assert told["after"]["constellations"] == ["beidou", "gps"]
    with SetUpReceiver("PMTK", baud=115_200) as receiver:
        told = configured(receiver, capsys, "--rate", "20", "--messages", "RMC", code=1)
        assert "PMTK220,50: invalid" in told["error"]
        told = configured(receiver, capsys, "--messages", "GNS", code=1)
        assert "has no GNS" in told["error"]


def test_speeds_that_count_only_after_a_restart_are_left_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with SetUpReceiver("PAIR") as receiver:
        told = configured(receiver, capsys, "--set-baud", "115200", code=1)
        assert "cannot be set so: baud" in told["error"]
    with SetUpReceiver("PQTM", baud=38_400) as receiver:
        told = configured(receiver, capsys, "--rate", "2", code=1)
        assert "add --save" in told["error"]


def test_what_was_sent_is_ubx_by_the_independent_codec(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with SetUpReceiver("M8") as receiver:
        configured(receiver, capsys, "--rate", "2", "--messages", "GGA,RMC")
        stream = io.BytesIO(b"".join(receiver.sent))
    reader = pyubx2.UBXReader(stream, msgmode=pyubx2.SETPOLL, quitonerror=2)
    names = [message.identity for _, message in reader]
    assert len(names) == len(receiver.sent)
    assert {"MON-VER", "CFG-RATE", "CFG-MSG", "CFG-GNSS", "CFG-PRT"} == set(names)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--baud", "12345"], "no usual speed"),
        (["--messages", "GGA,XYZ"], "write sentences of"),
        (["--messages", "GSV:0"], "write sentences of"),
        (["--constellations", "gps,mars"], "mars is none of"),
        (["--rate", "0"], "not within"),
    ],
)
def test_wrong_wishes_are_wrong_usage(
    wrong: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["gnss", "configure", "--port", "/dev/null", *wrong])
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_without_pyubx2_it_says_how_to_get_it() -> None:
    with SetUpReceiver("M10") as receiver:
        code = (
            "import sys; sys.modules['pyubx2'] = None; from edge.cli.main import main;"
            f"sys.exit(main(['gnss', 'configure', '--port', {receiver.port!r}]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 1
    assert "pip install 'patrol-edge[gnss]'" in done.stderr


def test_what_a_line_must_carry_counts_all_sentences() -> None:
    traffic = Traffic(seconds=3, epochs_hz=1, bytes_per_epoch={"GGA": 80.0, "GSV": 300.0})
    assert needed_bps(traffic, None, 1.0) == 3800
    assert needed_bps(traffic, {"GGA": 1, "GSV": 5, "RMC": 1, "GSA": 0}, 5.0) == 50 * (80 + 60 + 75)


class Echo:
    """A line whose far end is bridged: what is sent comes back."""

    def ask(self, data: bytes, answer: Callable[[Piece], object], within_s: float) -> object:
        return answer(Piece(ubx=data))


@pytest.mark.parametrize("family", [EarlierUblox, KeyedUblox])
def test_a_question_that_comes_back_is_no_answer(family: Callable[..., Receiver]) -> None:
    with pytest.raises(SetupError, match="does not tell"):
        family(Echo(), "u-blox").read()
