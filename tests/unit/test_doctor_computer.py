"""Each line of the doctor about the computer, seen right and seen failing, on made trees."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.doctor import clock, disk, keys, modules, power, processor, service, unit_file
from edge.doctor.clock import against_gnss
from edge.doctor.disk_wear import _worn
from edge.doctor.line import Line
from edge.doctor.power import THROTTLED
from tests.examined import UNSYNCHRONISED, Examined, of, states
from tests.fakes import ManualClock


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)


def has_a_cure(line: Line) -> None:
    assert line.state in ("fault", "warning")
    assert line.cure
    assert line.help == f"docs/troubleshooting.md#{line.code}"


# --- power ---


@pytest.mark.parametrize(
    ("flags", "code"),
    [("0x0", "ok"), ("0x1", "power_low"), ("0x10000", "power_low"), ("0x50005", "power_low"),
     ("0x20002", "ok"), ("rubbish", "none")],
    ids=["never", "now", "since the boot", "both", "hot, not weak", "rubbish"],
)  # fmt: skip
def test_a_raspberry_pi_tells_undervoltage(examined: Examined, flags: str, code: str) -> None:
    path = examined.tree.sys / THROTTLED[0]
    examined.tree.write(path.parent, **{path.name: flags})
    assert states(examined.lines(power.examine))["supply"] == code


def test_without_the_file_vcgencmd_is_asked_and_a_voltmeter_may_tell(examined: Examined) -> None:
    assert states(examined.lines(power.examine)) == {"supply": "none", "battery": "none"}
    examined.tree.write(examined.proc / "device-tree", model="Raspberry Pi 5 Model B")
    examined.programs["vcgencmd"] = "throttled=0x50000\n"
    line = of(examined.lines(power.examine), "supply")
    has_a_cure(line)
    assert "since the boot" in line.text
    examined.programs["vcgencmd"] = "throttled=0x0\n"
    assert states(examined.lines(power.examine))["supply"] == "ok"
    examined.tree.hwmon(0, "rpi_volt", in0_lcrit_alarm=1)
    assert states(examined.lines(power.examine))["supply"] == "power_low"


def test_batteries_of_the_computer(examined: Examined) -> None:
    examined.tree.battery(voltage_now=12_000_000)
    assert of(examined.lines(power.examine), "BAT0").text == "80 %, 12.0 V"
    examined.tree.battery(capacity=12)
    has_a_cure(of(examined.lines(power.examine), "BAT0"))
    limits = {"sensors": {"main": {"kind": "battery", "supply": "BAT0", "low_percent": 5}}}
    assert states(examined.lines(power.examine, **limits))["BAT0"] == "ok"
    examined.tree.battery(temp=700)
    assert states(examined.lines(power.examine))["BAT0"] == "battery_hot"
    examined.tree.battery(capacity="rubbish", temp=200)
    assert states(examined.lines(power.examine))["BAT0"] == "battery_unread"


# --- clock ---


def test_a_clock_that_is_right(examined: Examined) -> None:
    examined.clock = ManualClock()
    now = str(int(examined.clock.utc().timestamp()))
    examined.tree.write(examined.tree.sys / "class/rtc/rtc0", since_epoch=now)
    assert states(examined.lines(clock.examine)) == {
        "date": "ok", "NTP": "ok", "RTC": "ok", "GNSS time": "none"
    }  # fmt: skip


def test_a_clock_that_was_never_set_and_that_nobody_steers(examined: Examined) -> None:
    examined.clock = ManualClock(datetime(2000, 1, 1, tzinfo=UTC))
    examined.clock_state = UNSYNCHRONISED
    lines = examined.lines(clock.examine)
    assert states(lines)["date"] == "clock_unset"
    assert states(lines)["NTP"] == "clock_unsteered"
    has_a_cure(of(lines, "NTP"))
    examined.facts = {"time_quality": "gnss"}
    assert states(examined.lines(clock.examine))["NTP"] == "ok", "the unit has the receiver's"


@pytest.mark.parametrize("told", ["1", "", "rubbish", "99999999999999999"])
def test_a_real_time_clock_that_is_wrong(examined: Examined, told: str) -> None:
    examined.tree.write(examined.tree.sys / "class/rtc/rtc0", since_epoch=told)
    has_a_cure(of(examined.lines(clock.examine), "RTC"))
    assert states(examined.lines(clock.examine))["RTC"] == "rtc_wrong"


def test_a_clock_beside_gnss_time(examined: Examined) -> None:
    examined.facts = {"clock_off_s": -0.4}
    assert states(examined.lines(clock.examine))["GNSS time"] == "ok"
    examined.facts = {"clock_off_s": -86_400.0 * 400}
    line = of(examined.lines(clock.examine), "GNSS time")
    assert (line.code, "400 days behind" in line.text) == ("clock_wrong", True)
    assert against_gnss("main time", 7200.0).text.startswith("the clock is 2 h ahead")


# --- disk ---


def test_a_disk_that_is_well(examined: Examined) -> None:
    found = states(examined.lines(disk.examine))
    assert found == {"room": "ok", "state_dir": "ok", "speed": "ok", "wear": "none"}
    assert not list(examined.folder.glob(".doctor.*")), "nothing is left of the measurement"


def test_a_full_disk(examined: Examined, tmp_path: Path) -> None:
    """A tmpfs of 2 MiB, filled, in a mount namespace of its own."""
    small = tmp_path / "small"
    small.mkdir()
    program = f"""
import sys
from pathlib import Path
from edge.doctor import disk
from tests.examined import Examined, states
small = Path({str(small)!r})
(small / "state").mkdir()
with open(small / "filler", "wb", buffering=0) as file:
    try:
        while True: file.write(bytes(65536))
    except OSError: pass
(small / "ours").mkdir(exist_ok=True)
print(states(Examined(Path({str(tmp_path)!r}) / "ours").lines(
    disk.examine, state_dir=str(small / "state"))))
"""
    (tmp_path / "ours").mkdir()
    mount = f'mount -t tmpfs -o size=2m none {small} && exec {sys.executable} -c "$PROGRAM"'
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", mount],
        env=os.environ | {"PROGRAM": program},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"needs a mount namespace: {done.stderr[:80]}")
    assert "'room': 'disk_low'" in done.stdout, done.stderr
    assert "'speed': 'disk_failing'" in done.stdout


def test_a_state_folder_that_is_open_or_closed(examined: Examined, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o710)
    state.chmod(0o710)
    assert states(examined.lines(disk.examine))["state_dir"] == "ok"
    state.chmod(0o755)
    line = of(examined.lines(disk.examine), "state_dir")
    assert line.code == "state_dir_open"
    assert "chmod 0710" in (line.cure or "")
    if os.geteuid() == 0:
        return  # root may write anywhere
    state.chmod(0o500)
    assert states(examined.lines(disk.examine))["state_dir"] == "state_dir_closed"


def test_a_disk_that_is_read_only_or_closed(
    examined: Examined, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir(mode=0o710)
    real = os.statvfs

    class ReadOnly:
        def __init__(self, path: object) -> None:
            self._told = real(path)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> int:
            value = int(getattr(self._told, name))
            return value | os.ST_RDONLY if name == "f_flag" else value

    with monkeypatch.context() as changed:
        changed.setattr(os, "statvfs", ReadOnly)
        has_a_cure(of(examined.lines(disk.examine), "state_dir"))
        assert states(examined.lines(disk.examine))["state_dir"] == "disk_readonly"
    with monkeypatch.context() as changed:
        changed.setattr(os, "access", lambda _path, _how: False)
        found = states(examined.lines(disk.examine))
        assert (found["state_dir"], found["speed"]) == ("state_dir_closed", "none")
    with monkeypatch.context() as changed:
        changed.setattr(os, "geteuid", lambda: 0)
        changed.setattr(disk, "user_id", lambda: 4711)
        assert "chown" in (of(examined.lines(disk.examine), "state_dir").cure or "")


def test_a_disk_without_room_for_more_files(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = os.statvfs(examined.folder)
    few = os.statvfs_result((*told[:5], 1000, 9, 9, *told[8:]))
    monkeypatch.setattr(os, "statvfs", lambda _path: few)
    line = of(examined.lines(disk.examine), "files")
    has_a_cure(line)
    assert (line.code, "9 more files" in line.text) == ("inodes_low", True)


def test_a_slow_disk(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_measure", lambda _descriptor: (1.2, [0.02, 0.3]))
    line = of(examined.lines(disk.examine), "speed")
    assert (line.code, "1 MiB/s" in line.text) == ("disk_slow", True)
    monkeypatch.setattr(disk, "_measure", lambda _descriptor: (90.0, [0.2, 0.3]))
    assert states(examined.lines(disk.examine))["speed"] == "disk_slow"


@pytest.mark.parametrize(
    ("life", "spare", "code"),
    [("0x01 0x02", "0x01", None), ("0x0a 0x01", "0x01", "disk_worn"), ("0x01 0x01", "0x02",
     "disk_worn"), ("who knows", None, None)],
    ids=["young", "old", "spare blocks", "rubbish"],
)  # fmt: skip
def test_wear(life: str, spare: str | None, code: str | None) -> None:
    line = _worn("mmcblk0", life, spare)
    assert line.code == code
    assert "mmcblk0" in line.text


def test_the_wear_of_the_disk_under_the_state_folder_is_found(examined: Examined) -> None:
    number = examined.folder.stat().st_dev
    card = examined.tree.sys / "devices/mmc/block/mmcblk0"
    examined.tree.write(card / "mmcblk0p2")
    examined.tree.write(card / "device", life_time="0x0b 0x0b", pre_eol_info="0x01")
    place = f"dev/block/{os.major(number)}:{os.minor(number)}"
    examined.tree.link(examined.tree.sys / place, card / "mmcblk0p2")
    assert states(examined.lines(disk.examine))["wear"] == "disk_worn"


def under_the_folder(examined: Examined, disk_name: str, part: str) -> Path:
    """The folder of /sys of a disk that holds the folder."""
    number = examined.folder.stat().st_dev
    folder = examined.tree.sys / "devices/pci/block" / disk_name
    examined.tree.write(folder / part, partition="2")
    place = f"dev/block/{os.major(number)}:{os.minor(number)}"
    examined.tree.link(examined.tree.sys / place, folder / part)
    return folder


@pytest.mark.parametrize(
    ("program", "told", "code"),
    [("smartctl", '{"nvme_smart_health_information_log": {"percentage_used": 3}}', "ok"),
     ("smartctl", '{"endurance_used": {"current_percent": 91}}', "disk_worn"),
     ("nvme", '{"percent_used": 85}', "disk_worn"),
     ("nvme", '{"percent_used": "rubbish"}', "none"),
     ("smartctl", "no JSON", "none"), ("smartctl", "[]", "none")],
)  # fmt: skip
def test_the_wear_of_an_ssd_is_asked_of_programs(
    examined: Examined, program: str, told: str, code: str
) -> None:
    under_the_folder(examined, "nvme0n1", "nvme0n1p2")
    examined.programs[program] = told
    assert states(examined.lines(disk.examine))["wear"] == code


def test_an_sd_card_and_a_file_system_with_errors(examined: Examined) -> None:
    folder = under_the_folder(examined, "mmcblk0", "mmcblk0p2")
    examined.tree.write(folder / "device", type="SD")
    assert "SD card" in of(examined.lines(disk.examine), "wear").text
    ext4 = examined.tree.sys / "fs/ext4/mmcblk0p2"
    examined.tree.write(ext4, errors_count="0")
    assert "errors" not in states(examined.lines(disk.examine))
    examined.tree.write(ext4, errors_count="3")
    assert states(examined.lines(disk.examine))["errors"] == "disk_errors"


# --- processor and memory ---


def computer(examined: Examined, free_kib: int = 900_000, milli_c: int = 45_000) -> None:
    told = f"MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: {free_kib} kB\n"
    (examined.proc / "meminfo").write_text(told)
    zone = examined.tree.sys / "class/thermal/thermal_zone0"
    examined.tree.write(zone, type="cpu-thermal", temp=str(milli_c))
    folder = examined.tree.sys / "devices/system/cpu/cpu0/cpufreq"
    examined.tree.write(folder, scaling_governor="schedutil", scaling_driver="cpufreq-dt")


def test_a_computer_that_is_well_hot_or_short_of_memory(examined: Examined) -> None:
    computer(examined)
    found = {"memory": "ok", "cpu-thermal": "ok", "speed": "ok"}
    assert states(examined.lines(processor.examine)) == found
    computer(examined, free_kib=10_000, milli_c=91_000)
    found = states(examined.lines(processor.examine))
    assert (found["memory"], found["cpu-thermal"]) == ("memory_low", "too_hot")


def test_a_processor_that_is_held_back(examined: Examined) -> None:
    computer(examined)
    folder = examined.tree.sys / "devices/system/cpu/cpu0/cpufreq"
    examined.tree.write(folder, scaling_governor="powersave")
    has_a_cure(of(examined.lines(processor.examine), "speed"))
    assert states(examined.lines(processor.examine))["speed"] == "cpu_held_back"
    examined.tree.write(folder, scaling_driver="intel_pstate")
    assert states(examined.lines(processor.examine))["speed"] == "ok", "there it means as needed"
    examined.tree.write(folder, scaling_max_freq="600000", cpuinfo_max_freq="1800000")
    assert "0.6 of 1.8 GHz" in of(examined.lines(processor.examine), "speed").text
    path = examined.tree.sys / THROTTLED[0]
    examined.tree.write(path.parent, **{path.name: "0x4"})
    assert "firmware" in of(examined.lines(processor.examine), "speed").text


# --- service ---

WELL = (
    "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
    "WatchdogUSec=30s\nNRestarts=0\nResult=success\n"
)


@pytest.mark.parametrize(
    ("changed", "to", "name", "code"),
    [("LoadState=loaded", "LoadState=not-found", "service", "service_missing"),
     ("UnitFileState=enabled", "UnitFileState=disabled", "at boot", "service_off"),
     ("ActiveState=active", "ActiveState=failed", "running", "service_stopped"),
     ("NRestarts=0", "NRestarts=7", "running", "service_restarts"),
     ("WatchdogUSec=30s", "WatchdogUSec=0", "watchdog", "service_unwatched")],
    ids=["missing", "off", "stopped", "restarts", "unwatched"],
)  # fmt: skip
def test_the_service(examined: Examined, changed: str, to: str, name: str, code: str) -> None:
    assert states(examined.lines(service.examine)) == {"service": "none"}, "no systemd"
    examined.programs["systemctl"] = ""
    assert states(examined.lines(service.examine)) == {"service": "none"}, "in a chroot"
    examined.programs["systemctl"] = WELL
    assert set(states(examined.lines(service.examine)).values()) == {"ok"}
    examined.programs["systemctl"] = WELL.replace(changed, to)
    has_a_cure(of(examined.lines(service.examine), name))
    assert states(examined.lines(service.examine))[name] == code


# --- keys, file, modules ---


def test_keys(examined: Examined, tmp_path: Path) -> None:
    keyring = {"security": {"commands": "signed", "keyring": str(tmp_path / "ring.json")}}
    line = of(examined.lines(keys.examine, **keyring), "commands")
    assert (line.state, line.code) == ("none", "keyring_missing"), "a unit may do without"
    unsigned = {"security": {"commands": "unsigned"}}
    assert states(examined.lines(keys.examine, **unsigned))["commands"] == "commands_unsigned"
    (tmp_path / "ring.json").write_text("{rubbish")
    (tmp_path / "ring.json").chmod(0o600)
    assert states(examined.lines(keys.examine, **keyring))["commands"] == "keyring_unreadable"
    (tmp_path / "ring.json").unlink()


def test_the_file_is_doubtful_or_stale(examined: Examined) -> None:
    whole = {
        "gnss": {"main": {"kind": "tcp", "host": "127.0.0.1"}},
        "cameras": {"front": {"kind": "stream", "url": "rtsp://127.0.0.1/stream"}},
        "state_dir": str(examined.folder),
    }
    well = {"file": "ok", "content": "ok"}
    assert states(examined.lines(unit_file.examine, **whole)) == well
    lines = examined.lines(
        unit_file.examine, cameras={"front": {"kind": "file", "path": "/nowhere.mp4"}}
    )
    assert "config_doubtful" in states(lines).values()
    examined.facts = {"config": "0123456789ab"}
    assert states(examined.lines(unit_file.examine))["running"] == "config_stale"


def test_what_must_be_there(examined: Examined) -> None:
    lines = examined.lines(modules.examine)
    assert states(lines) == {"gnss": "module_not_configured", "camera": "module_not_configured"}
    camera = {"cameras": {"front": {"kind": "file", "path": "/nowhere.mp4"}}}
    assert states(examined.lines(modules.examine, **camera))["camera"] == "ok"
    examined.facts = {"devices": [{"kind": "camera", "open": False}]}
    assert of(examined.lines(modules.examine, **camera), "camera").text == "0 of 1 there"
    nothing = {"modules": {"required": []}}
    assert states(examined.lines(modules.examine, **nothing)) == {"required": "none"}


def test_every_fault_of_the_doctor_is_seen_in_a_test() -> None:
    root = Path(__file__).parents[2]
    source = "".join(path.read_text() for path in (root / "edge/doctor").glob("*.py"))
    codes = set(re.findall(r'(?:fault|warning)\(\s*"([a-z_]+)"', source))
    tests = "".join(path.read_text() for path in (root / "tests").glob("*/test_doctor_*.py"))
    assert len(codes) > 20, "the search no longer finds them"
    assert sorted(code for code in codes if code not in tests) == []
