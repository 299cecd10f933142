"""What the computer says of itself, from files of the kernel's format, whole and damaged."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.reporting import computer
from edge.reporting.computer import CpuMeter

STAT = "cpu  {user} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"


def test_cpu_use_is_measured_between_two_looks(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(STAT.format(user=100, idle=100))
    meter = CpuMeter(tmp_path)
    meter.percent()
    stat.write_text(STAT.format(user=125, idle=175))

    assert meter.percent() == pytest.approx(25.0)


def test_memory_in_use(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n")
    assert computer.memory_percent(tmp_path) == pytest.approx(75.0)


def test_zones_without_a_plausible_temperature_are_left_out(tmp_path: Path) -> None:
    for number, (kind, milli) in enumerate(
        [("cpu-thermal", "48500"), ("broken", "-274000"), ("odd", "warm"), ("", "40000")]
    ):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "type").write_text(kind)
        (zone / "temp").write_text(milli)

    assert [(t.name, t.celsius) for t in computer.temperatures(tmp_path)][:1] == [
        ("cpu-thermal", 48.5)
    ]
    assert "broken" not in {t.name for t in computer.temperatures(tmp_path)}
    assert "odd" not in {t.name for t in computer.temperatures(tmp_path)}


def test_this_computer_answers() -> None:
    rss_mib = computer.process_rss_mib()
    assert rss_mib is not None
    assert 5 < rss_mib < 5000
    disk = computer.disk(Path("/"))
    assert disk is not None
    assert disk.total_mib >= disk.free_mib
    assert computer.disk(Path("/nowhere/at/all")) is None


@given(text=st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_whatever_the_kernel_files_hold_nothing_raises(tmp_path: Path, text: str) -> None:
    for name in ("stat", "meminfo", "loadavg"):
        (tmp_path / name).write_text(text, errors="replace")
    load = computer.load(CpuMeter(tmp_path), 1.0)
    assert load.cpu_percent is None or 0 <= load.cpu_percent <= 100
