"""ReplayGnss: the receiver's own pace, as fast as can be, round and round, and wrong files."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from config.devices import ReplayGnssConfig
from drivers.base import DeviceUnavailableError, EndOfRecordingError
from drivers.clock import SystemClock
from drivers.factory import open_gnss
from drivers.gnss.nmea_framing import frame
from drivers.gnss.replay import CHUNK_BYTES, MAX_GAP_S, READ_WAIT_S, ReplayGnss
from drivers.samples import GnssEpoch


def gga(time: str) -> bytes:
    return frame(f"GNGGA,{time},4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")


class TestClock:
    """Stands still until someone waits."""

    __test__ = False

    def __init__(self) -> None:
        self.now_s = 1000.0

    def mono_s(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    def pause(self, seconds: float) -> None:
        assert 0 < seconds <= READ_WAIT_S
        self.now_s += seconds


def opened(path: Path, clock: TestClock, **options: object) -> ReplayGnss:
    config = ReplayGnssConfig.model_validate({"kind": "replay", "path": path, **options})
    return ReplayGnss(path.open("rb"), config, clock, clock.pause)


def play(gnss: ReplayGnss, count: int) -> list[GnssEpoch]:
    epochs: list[GnssEpoch] = []
    for _ in range(1000):
        if len(epochs) == count:
            break
        if (epoch := gnss.read()) is not None:
            epochs.append(epoch)
    return epochs


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "drive.log"
    path.write_bytes(gga("120000") + gga("120001") + gga("120003.5") + gga("130000"))
    return path


def test_at_the_pace_of_the_receiver_s_clock(log: Path) -> None:
    clock = TestClock()
    gnss = opened(log, clock)
    stamps = [epoch.mono_s - 1000 for epoch in play(gnss, 4)]
    assert stamps == pytest.approx([0, 1, 3.5, 3.5 + MAX_GAP_S])
    with pytest.raises(EndOfRecordingError, match=r"drive\.log"):
        gnss.read()
    gnss.close()


def test_as_fast_as_it_can_be_read(log: Path) -> None:
    clock = TestClock()
    gnss = opened(log, clock, timing="fast")
    assert len(play(gnss, 4)) == 4
    assert clock.now_s == 1000
    assert gnss.counters() == {"sentences": 4, "epochs": 4, "fixes": 4}
    gnss.close()


def test_round_and_round_counts_go_on_and_time_does_not_stop(log: Path) -> None:
    clock = TestClock()
    gnss = opened(log, clock, loop=True)
    stamps = [epoch.mono_s for epoch in play(gnss, 12)]
    assert len(stamps) == 12
    assert all(later - earlier >= 1 for earlier, later in pairwise(stamps))
    assert gnss.counters()["epochs"] >= 12
    gnss.close()


def test_epochs_without_a_time_come_once_a_second(tmp_path: Path) -> None:
    log = tmp_path / "void.log"
    log.write_bytes(frame("GPGGA,,,,,,0,00,,,M,,M,,") * 3)
    gnss = opened(log, TestClock())
    epochs = play(gnss, 3)
    assert [epoch.mono_s - 1000 for epoch in epochs] == pytest.approx([0, 1, 2])
    assert not any(epoch.has_fix for epoch in epochs)
    gnss.close()


@pytest.mark.parametrize("data", [b"", b"\x00" * 1000, frame("GPTXT,hello")])
def test_a_log_without_an_epoch_ends_even_in_a_loop(tmp_path: Path, data: bytes) -> None:
    log = tmp_path / "empty.log"
    log.write_bytes(data)
    gnss = opened(log, TestClock(), loop=True)
    with pytest.raises(EndOfRecordingError):
        play(gnss, 1)
    gnss.close()


def test_long_noise_does_not_hold_up_a_read(tmp_path: Path) -> None:
    log = tmp_path / "noise.log"
    log.write_bytes(b"\xb5" * (3 * CHUNK_BYTES) + gga("120000"))
    gnss = opened(log, TestClock())
    assert [gnss.read() is None for _ in range(4)][:3] == [True, True, True]
    assert len(play(gnss, 1)) == 1
    gnss.close()


def test_a_file_that_is_not_there_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.log", tmp_path):
        with pytest.raises(DeviceUnavailableError, match=r"gnss\.\*\.path"):
            open_gnss(ReplayGnssConfig(kind="replay", path=path), SystemClock())
