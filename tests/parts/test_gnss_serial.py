"""SerialGnss on a pseudo-terminal: pieces, silence, noise, wrong speed, a pulled plug."""

import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from config.devices import SerialGnssConfig
from drivers.base import BadDataError, DeviceLostError, DeviceUnavailableError
from drivers.clock import SystemClock
from drivers.factory import open_gnss
from drivers.gnss.outlets import PtyOutlet
from drivers.gnss.route import demo_route
from drivers.gnss.serial import BAUDS, DOUBT_S, TRY_S, BaudHunt, SerialGnss
from drivers.gnss.simulator import GnssSimulator, SimulatorPlan, paced
from drivers.samples import GnssEpoch
from drivers.stream import SerialStream

PLAN = SimulatorPlan(route=demo_route().route(), rate_hz=10)


def simulator(plan: SimulatorPlan = PLAN) -> GnssSimulator:
    return GnssSimulator(plan, datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
def outlet(tmp_path: Path) -> Iterator[PtyOutlet]:
    opened = PtyOutlet(tmp_path / "gnss")
    yield opened
    opened.close()


@pytest.fixture
def gnss(outlet: PtyOutlet) -> Iterator[SerialGnss]:
    opened = SerialGnss.open(SerialGnssConfig(kind="serial", port=outlet.name), SystemClock())
    yield opened
    opened.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def read_until(gnss: SerialGnss, count: int, within_s: float = 5.0) -> list[GnssEpoch]:
    epochs: list[GnssEpoch] = []
    end_s = time.monotonic() + within_s
    while len(epochs) < count and time.monotonic() < end_s:
        if (epoch := gnss.read()) is not None:
            epochs.append(epoch)
    return epochs


def test_a_live_receiver_gives_each_instant_once_in_order_and_soon(
    outlet: PtyOutlet, gnss: SerialGnss
) -> None:
    stop = threading.Event()
    sent_s: dict[datetime, float] = {}
    source = simulator()

    def talk() -> None:
        bursts = paced(source, time.monotonic, stop.wait)
        while True:
            utc = source.truth().utc
            try:
                burst = next(bursts)
            except StopIteration:
                return
            sent_s[utc] = time.monotonic()
            outlet.write(burst)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        received = []
        for _ in range(25):
            epoch = gnss.read()
            assert epoch is not None
            received.append((epoch, time.monotonic()))
    finally:
        stop.set()
        talker.join()
    times = [epoch.utc for epoch, _ in received]
    assert all(
        b and a and (b - a).total_seconds() == pytest.approx(0.1) for a, b in pairwise(times)
    )
    late_s = sorted(at - sent_s[epoch.utc] for epoch, at in received if epoch.utc)
    assert late_s[len(late_s) // 2] < 0.05  # the end of a burst was learned
    assert all(epoch.has_fix for epoch, _ in received)


def test_pieces_and_noise_between_them_make_the_same_epoch(
    outlet: PtyOutlet, gnss: SerialGnss
) -> None:
    burst = simulator().burst()
    for at in range(0, len(burst), 50):
        outlet.write(burst[at : at + 50])
        time.sleep(0.002)
    outlet.write(bytes(range(128, 256)))
    (epoch,) = read_until(gnss, 1)
    assert epoch.has_fix
    assert gnss.counters()["other_bytes"] == 128


def test_silence_is_none_within_half_a_second(gnss: SerialGnss) -> None:
    start_s = time.monotonic()
    assert gnss.read() is None
    assert time.monotonic() - start_s < 0.5


def test_a_pulled_plug_is_device_lost() -> None:
    outlet = PtyOutlet()
    config = SerialGnssConfig(kind="serial", port=outlet.name)
    gnss = SerialGnss.open(config, SystemClock())
    outlet.write(simulator().burst())
    assert len(read_until(gnss, 1)) == 1
    outlet.close()
    with pytest.raises(DeviceLostError, match="plug"):
        read_until(gnss, 1)
    gnss.close()
    with pytest.raises(DeviceUnavailableError):
        SerialGnss.open(config, SystemClock())


def test_reopening_and_pulling_leaves_no_file_open(outlet: PtyOutlet) -> None:
    config = SerialGnssConfig(kind="serial", port=outlet.name)
    before = open_files()
    for _ in range(50):
        open_gnss(config, SystemClock()).close()
    assert open_files() <= before


@pytest.mark.parametrize(
    ("port", "told"),
    [
        ("/dev/not-there", "is not there"),
        ("/tmp", "not a serial port"),
        ("/dev/null", ""),
        ("socket://192.0.2.1:4001", "kind: tcp"),
        ("rfc2217://192.0.2.1:4001", "raw TCP"),
    ],
)
def test_a_port_that_is_none_is_told_with_the_cure(port: str, told: str) -> None:
    with pytest.raises(DeviceUnavailableError) as error:
        SerialGnss.open(SerialGnssConfig(kind="serial", port=port), SystemClock())
    assert told in str(error.value)
    assert port in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("port", ["/dev/tty\0", "/dev/tty\ud800"])
def test_a_port_whose_name_cannot_be_is_unavailable(port: str) -> None:
    config = SerialGnssConfig.model_construct(kind="serial", port=port, baud=9600)
    with pytest.raises(DeviceUnavailableError):
        SerialGnss.open(config, SystemClock())


@contextmanager
def pulled_in(call: str, outlet: PtyOutlet, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plug is pulled just before this call of the terminal interface."""
    real = getattr(termios, call)

    def pull_and_call(*args: object) -> object:
        monkeypatch.setattr(termios, call, real)
        outlet.close()
        return real(*args)

    monkeypatch.setattr(termios, call, pull_and_call)
    yield


@pytest.mark.parametrize("call", ["tcgetattr", "tcsetattr", "tcflush"])
def test_a_plug_pulled_while_the_port_is_set_up(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outlet, before = PtyOutlet(), open_files()
    config = SerialGnssConfig(kind="serial", port=outlet.name)
    with pulled_in(call, outlet, monkeypatch), pytest.raises(DeviceUnavailableError):
        SerialGnss.open(config, SystemClock())
    assert open_files() <= before - 2  # both ends of the outlet


@pytest.mark.parametrize("call", ["tcgetattr", "tcsetattr", "tcflush"])
def test_a_plug_pulled_while_the_speed_is_changed(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet = PtyOutlet()
    stream = SerialStream.open(outlet.name, 9600)
    with pulled_in(call, outlet, monkeypatch), pytest.raises(DeviceLostError, match="plug"):
        stream.set_baud(115_200)
    stream.close()


def test_a_port_in_use_is_told(outlet: PtyOutlet, gnss: SerialGnss) -> None:
    with pytest.raises(DeviceUnavailableError, match="in use"):
        SerialGnss.open(SerialGnssConfig(kind="serial", port=outlet.name), SystemClock())


# --- speed -----------------------------------------------------------------------------------


class MovedClock(SystemClock):
    """The monotonic clock, running ahead as the test says."""

    ahead_s = 0.0

    def mono_s(self) -> float:
        return super().mono_s() + self.ahead_s


def test_noise_instead_of_sentences_changes_the_speed_and_sentences_keep_it(
    outlet: PtyOutlet,
) -> None:
    clock = MovedClock()
    gnss = SerialGnss.open(SerialGnssConfig(kind="serial", port=outlet.name), clock)
    speeds = [gnss.baud]
    for _ in range(2):
        outlet.write(b"\x80\xfe\x00\x1c" * 30)
        gnss.read()
        clock.ahead_s += TRY_S
        gnss.read()
        speeds.append(gnss.baud)
    assert speeds == list(BAUDS[:3])
    outlet.write(simulator().burst())
    assert len(read_until(gnss, 1)) == 1
    assert gnss.read() is None
    outlet.write(b"\x80\xfe\x00\x1c" * 30)
    clock.ahead_s += TRY_S
    gnss.read()
    assert gnss.baud == BAUDS[2]
    clock.ahead_s += DOUBT_S
    gnss.read()
    assert gnss.baud == BAUDS[3]
    assert gnss.counters()["speeds_tried"] == 3
    gnss.close()


def test_noise_at_a_fixed_speed_is_bad_data_with_the_cure(outlet: PtyOutlet) -> None:
    clock = MovedClock()
    config = SerialGnssConfig(kind="serial", port=outlet.name, baud=4800)
    gnss = SerialGnss.open(config, clock)
    outlet.write(b"\x80\xfe\x00\x1c" * 30)
    gnss.read()
    clock.ahead_s += DOUBT_S
    with pytest.raises(BadDataError, match="baud: auto"):
        gnss.read()
    assert gnss.read() is None
    gnss.close()


def test_noise_at_every_speed_is_told_once_a_round() -> None:
    hunt = BaudHunt(0.0, TRY_S)
    given_up = [hunt.gives_up(0, n * 100, n * 1.0) for n in range(1, 9)]
    assert given_up == [False, True, False, True, False, True, False, True]


def test_silence_proves_nothing_about_the_speed() -> None:
    hunt = BaudHunt(0.0, TRY_S)
    assert not any(hunt.gives_up(0, 10, float(n)) for n in range(100))


# --- the other end ---------------------------------------------------------------------------


def test_without_a_reader_the_newest_burst_waits(outlet: PtyOutlet) -> None:
    source = simulator()
    for _ in range(40):
        outlet.write(source.burst())  # does not block
    gnss = SerialGnss.open(SerialGnssConfig(kind="serial", port=outlet.name), SystemClock())
    outlet.write(source.burst())
    (epoch,) = read_until(gnss, 1)
    assert epoch.utc == datetime(2026, 11, 22, 12, 0, 4, tzinfo=UTC)
    gnss.close()


def test_the_link_goes_with_the_simulator_and_spares_files(tmp_path: Path) -> None:
    link = tmp_path / "gnss"
    first, second = PtyOutlet(link), PtyOutlet(link)  # the second takes the name over
    first.close()
    assert link.is_symlink()
    second.close()
    assert not link.is_symlink()
    link.write_text("precious")
    with pytest.raises(DeviceUnavailableError, match="file of that name"):
        PtyOutlet(link)
    assert link.read_text() == "precious"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (bytes.fromhex("b5620107000008190a61") * 40, "UBX"),
        (bytes.fromhex("d300133ed7d30202980edeef34b4bd62ac0941986f33360b98") * 20, "RTCM"),
        (b"unit login: \r\n" * 20, "unit login"),
    ],
)
def test_who_speaks_instead_of_a_receiver_is_told(
    outlet: PtyOutlet, gnss: SerialGnss, data: bytes, told: str
) -> None:
    def read_while_it_speaks() -> None:
        end_s = time.monotonic() + TRY_S + 4
        while time.monotonic() < end_s:
            outlet.write(data)
            gnss.read()

    with pytest.raises(BadDataError) as error:
        read_while_it_speaks()
    assert told in str(error.value)
    assert outlet.name in str(error.value)
    assert gnss.baud == BAUDS[0], "no other speed is tried: this one is right"
