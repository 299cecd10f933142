"""`patrol-edge gnss monitor` on a simulated receiver: the picture, the objects, what goes wrong."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from drivers.clock import SystemClock
from drivers.gnss.outlets import PtyOutlet
from drivers.gnss.receiver import NmeaReceiver
from drivers.gnss.route import demo_route
from drivers.gnss.simulator import Corrections, GnssSimulator, SimulatorPlan, paced
from edge.cli.body.gnss_listening import Listening
from edge.cli.body.gnss_view import view
from edge.cli.main import main

PLAN = SimulatorPlan(
    route=demo_route().route(),
    rate_hz=5,
    constellations=("GP", "GL", "GA", "GB"),
    heading=True,
    corrections=Corrections(),
)


@contextmanager
def speaking(outlet: PtyOutlet, plan: SimulatorPlan = PLAN) -> Iterator[None]:
    stop = threading.Event()
    simulator = GnssSimulator(plan, datetime.now(UTC))

    def talk() -> None:
        for burst in paced(simulator, time.monotonic, stop.wait):
            outlet.write(burst)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        yield
    finally:
        stop.set()
        talker.join()


@pytest.fixture
def outlet(tmp_path: Path) -> Iterator[PtyOutlet]:
    opened = PtyOutlet(tmp_path / "gnss")
    yield opened
    opened.close()


def test_an_object_for_each_epoch(outlet: PtyOutlet, capsys: pytest.CaptureFixture[str]) -> None:
    with speaking(outlet):
        code = main(["gnss", "monitor", "--port", outlet.name, "--json", "--seconds", "3"])
    assert code == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(objects) >= 5
    last = objects[-1]
    assert last["fix"] == "rtk_fixed"
    assert (last["base"], last["corrections_age_s"]) == ("0042", 1.0)
    assert last["heading_deg"] is not None
    assert {each["constellation"] for each in last["signals"]} == {
        "beidou",
        "galileo",
        "glonass",
        "gps",
    }
    assert sum(each["used"] for each in last["signals"]) == last["satellites_used"]
    assert all(each["cn0_dbhz"] > 25 for each in last["signals"])
    assert len(last["satellites"]) == last["satellites_in_view"]
    assert last["rates_hz"]["GNGGA"] > 1
    assert last["hints"] == []


def test_a_receiver_of_a_units_file(
    outlet: PtyOutlet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = tmp_path / "unit.yaml"
    unit.write_text(
        "unit: {id: car-07, kind: patrol_car}\n"
        f"gnss: {{roof: {{kind: serial, port: {outlet.name}}}}}\nstate_dir: {tmp_path}\n"
    )
    command = ["gnss", "monitor", "--config", str(unit)]
    with speaking(outlet):
        assert main([*command, "--seconds", "2"]) == 0
    assert "rtk_fixed" in capsys.readouterr().out
    assert main([*command, "--receiver", "spare"]) == 2
    assert "there is: roof" in capsys.readouterr().err


def test_what_is_no_receiver_is_told(outlet: PtyOutlet, capsys: pytest.CaptureFixture[str]) -> None:
    stop = threading.Event()

    def talk() -> None:
        while not stop.wait(0.1):
            outlet.write(bytes.fromhex("b5620107000008190a61") * 10)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        assert main(["gnss", "monitor", "--port", outlet.name, "--seconds", "4"]) == 1
    finally:
        stop.set()
        talker.join()
    assert "UBX" in capsys.readouterr().err


def test_no_port_and_silence_are_told(
    outlet: PtyOutlet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "none")
    assert main(["gnss", "monitor", "--port", missing]) == 1
    assert "is not there" in capsys.readouterr().err
    assert main(["gnss", "monitor", "--port", outlet.name, "--seconds", "1"]) == 1
    assert "nothing came" in capsys.readouterr().err


def test_a_log_is_watched_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "drive.log"
    simulator = GnssSimulator(SimulatorPlan(route=PLAN.route, rate_hz=10), datetime.now(UTC))
    log.write_bytes(b"".join(simulator.burst() for _ in range(8)))
    assert main(["gnss", "monitor", "--log", str(log), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8


def heard_of(plan: SimulatorPlan, seconds: int) -> Listening:
    """As if it had been listened to, without waiting."""
    simulator, heard = GnssSimulator(plan, datetime.now(UTC)), Listening("roof", SystemClock())

    class Driver:
        receiver = NmeaReceiver(max_speed_mps=80.0, live=True)
        baud = 38_400

        def hear(self, told: object) -> None:
            raise NotImplementedError

        def read(self) -> object:
            now_s = simulator.elapsed_s
            burst = simulator.burst()
            (timed,) = self.receiver.feed(burst, now_s) + self.receiver.silence(now_s + 0.5)
            return timed.epoch

        def close(self) -> None:
            pass

        def counters(self) -> dict[str, int]:
            return self.receiver.counters() | {"bad_checksum": 3}

    driver = Driver()
    driver.receiver.heard = heard.hear
    for _ in range(seconds):
        heard.read(driver)  # type: ignore[arg-type]
    return heard


@pytest.mark.parametrize(("width", "height"), [(110, 44), (80, 24), (60, 12), (200, 70)])
def test_the_picture_fits_whatever_terminal(width: int, height: int) -> None:
    out = StringIO()
    Console(file=out, width=width, height=height).print(view(heard_of(PLAN, 10), width, height))
    assert max(map(len, out.getvalue().splitlines())) <= width
    text = out.getvalue()
    for told in ("RTK_FIXED", "roof 38400 baud", "base 0042", "bad_checksum 3", "GNGGA", "L1 C/A"):
        assert told in " ".join(text.split()) or width < 100, told
    assert "RTK_FIXED" in text
    assert "no hints" in text


def test_the_picture_shows_deceit_and_an_empty_sky() -> None:
    def shown(heard: Listening) -> str:
        out = StringIO()
        Console(file=out, width=110, height=44).print(view(heard, 110, 44))
        return out.getvalue()

    plan = SimulatorPlan(route=PLAN.route, spoofing=((10, 90),))
    assert "gnss_signals_uniform" in shown(heard_of(plan, 40))
    nothing = Listening("roof", SystemClock())
    nothing.trouble = "bytes, but no NMEA sentence"
    assert "bytes, but no NMEA sentence" in shown(nothing)
    assert "no satellites told" in shown(nothing)
