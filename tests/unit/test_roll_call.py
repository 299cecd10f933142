"""Who is there: lost and back, told once each, remembered over a restart."""

import json
from datetime import date
from pathlib import Path

import pytest

from config.models import Settings
from config.modules import ModulesConfig
from drivers.samples import Identity
from edge.body.inventory import Inventory
from edge.body.roll_call import RollCall
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.body_findings import roll_call_findings
from edge.reporting.messages import MessageWriter
from edge.running.driver_loop import DriverHealth
from edge.seeing.witness import Witness
from edge.timebase import Timebase
from telemetry.contract.envelope import Draft
from telemetry.contract.events import ModuleEvent
from tests.fakes import ManualClock
from tests.plugged_tree import MadeTree


class NoJournal:
    def write(self, what: str, **facts: object) -> None:
        """Nothing is kept."""


class Hall:
    """A roll call over made devices, and what it told."""

    def __init__(self, folder: Path, clock: ManualClock, *devices: DriverHealth) -> None:
        self.clock = clock
        self.told: list[ModuleEvent] = []
        self.asked: list[str] = []
        timebase = Timebase(clock, synchronised=True, asleep=lambda: 0.0)
        writer = MessageWriter(timebase, Whereabouts([], 5.0), has_receiver=False)
        self.roll = RollCall(
            config=ModulesConfig(required=("camera",)),
            devices=lambda: devices,
            facts=self._facts,
            witness=Witness(
                timebase=timebase,
                whereabouts=Whereabouts([], 5.0),
                writer=writer,
                put=self._put,  # type: ignore[arg-type]
                journal=NoJournal(),  # type: ignore[arg-type]
            ),
            clock=clock,
            memory=RollCall.memory_in(folder),
            usual_s={"sensor.air": 10.0},
        )
        self.devices = devices
        self.roll.recall()

    def _facts(self, kind: str, name: str) -> Identity:
        self.asked.append(name)
        return Identity(name=name, kind=kind, model="HD", calibrated=date(2026, 3, 1))

    def _put(self, draft: Draft, *, durable: bool) -> None:
        assert durable
        assert isinstance(draft.data, ModuleEvent)
        self.told.append(draft.data)

    def go(self, seconds: float, *speaking: DriverHealth, every_s: float = 0.2) -> None:
        for _ in range(round(seconds / every_s)):
            self.clock.advance(every_s)
            for health in speaking:
                speak(health, self.clock.mono_s())
            self.roll.look()

    def words(self) -> list[tuple[str, str]]:
        return [(event.what, event.module) for event in self.told]


def speak(health: DriverHealth, mono_s: float) -> None:
    health.samples += 1
    health.open, health.last_error, health.last_sample_mono_s = True, "", mono_s


def camera(clock: ManualClock, name: str = "front") -> DriverHealth:
    return DriverHealth(name, "camera", started_mono_s=clock.mono_s())


def test_lost_once_and_back_once(tmp_path: Path) -> None:
    clock = ManualClock()
    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    hall.go(10, health)
    assert hall.words() == []
    assert hall.roll.modules()[0].present
    assert hall.roll.modules()[0].required
    assert hall.roll.modules()[0].model == "HD"
    assert hall.roll.modules()[0].calibrated == "2026-03-01"
    assert hall.roll.modules()[0].serial is None, "it tells none"

    last_utc = clock.utc()
    health.open, health.last_error = False, "it has gone"
    hall.go(30)
    assert hall.words() == [("lost", "front")]
    assert hall.told[0].text == "it has gone"
    assert abs((hall.told[0].since - last_utc).total_seconds()) < 0.01
    assert not hall.roll.modules()[0].present

    hall.go(5, health)
    assert hall.words() == [("lost", "front"), ("back", "front")]
    assert hall.roll.modules()[0].present
    assert hall.asked == ["front"] * 4, "again: another one may have been plugged in"


@pytest.mark.parametrize("silence_s", [1.0, 3.5])
def test_short_gaps_are_nobodys_business(tmp_path: Path, silence_s: float) -> None:
    clock = ManualClock()
    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    for _ in range(20):
        hall.go(2, health)
        health.last_error = "it ended the stream"
        hall.go(silence_s)
    assert hall.words() == []


def test_silence_is_a_loss_too_and_told_within_five_seconds(tmp_path: Path) -> None:
    clock = ManualClock()
    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    hall.go(10, health)
    hall.go(4.6)
    assert hall.words() == [("lost", "front")]


def test_one_that_speaks_seldom_is_given_time(tmp_path: Path) -> None:
    clock = ManualClock()
    health = DriverHealth("air", "sensor", started_mono_s=clock.mono_s())
    hall = Hall(tmp_path, clock, health)
    for _ in range(20):
        hall.go(10)
        speak(health, clock.mono_s())
        hall.roll.look()
    assert hall.words() == []
    hall.go(40)
    assert hall.words() == [("lost", "air")]


def test_one_that_was_never_there_is_told_after_the_start(tmp_path: Path) -> None:
    clock = ManualClock()
    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    hall.go(60)
    assert hall.words() == [], "its worker waits for the model, and has not begun"
    health.last_error = "no such device"
    hall.go(0.4)
    assert hall.words() == [("lost", "front")]


def test_an_actuator_that_has_nothing_to_say_is_there(tmp_path: Path) -> None:
    clock = ManualClock()
    health = DriverHealth("lamp", "actuator", started_mono_s=clock.mono_s())
    hall = Hall(tmp_path, clock, health)
    health.open = True
    hall.go(120)
    assert hall.words() == []
    assert hall.roll.modules()[0].present
    health.open, health.last_error = False, "it has gone"
    hall.go(5)
    assert hall.words() == [("lost", "lamp")]


def test_a_recording_that_has_ended_is_not_lost(tmp_path: Path) -> None:
    clock = ManualClock()
    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    hall.go(5, health)
    health.ended, health.open = True, False
    hall.go(60)
    assert hall.words() == []


def test_a_camera_that_rests_is_not_lost_and_has_time_to_wake(tmp_path: Path) -> None:
    clock = ManualClock()
    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    hall.go(5, health)
    health.resting, health.open = True, False
    hall.go(600, every_s=5)
    health.resting = False
    hall.go(3.5)
    assert hall.words() == []
    hall.go(2)
    assert hall.words() == [("lost", "front")], "it does not wake"


def test_a_loss_before_a_restart_is_told_as_back_after(tmp_path: Path) -> None:
    clock = ManualClock()
    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    hall.go(5, health)
    health.last_error = "it has gone"
    hall.go(10)
    assert hall.words() == [("lost", "front")]

    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    assert not hall.roll.modules()[0].present
    hall.go(20)
    assert hall.words() == [], "it was told, and is not told again"
    hall.go(2, health)
    assert hall.words() == [("back", "front")]
    assert json.loads((tmp_path / "modules.json").read_text()) == {}


def test_a_part_that_the_file_no_longer_names_is_forgotten(tmp_path: Path) -> None:
    clock = ManualClock()
    health = camera(clock)
    hall = Hall(tmp_path, clock, health)
    hall.go(5, health)
    hall.go(10)
    other = camera(clock, "rear")
    assert Hall(tmp_path, clock, other).roll.lost == {}


def test_a_damaged_memory_is_a_fault_and_no_exit(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_bytes(b"\xff{")
    clock = ManualClock()
    hall = Hall(tmp_path, clock, camera(clock))
    found = roll_call_findings(hall.roll.fault)
    assert [finding.code for finding in found] == ["modules_not_stored"]


# --- what they are ---


def test_the_plug_the_part_itself_and_the_unit_file_tell_what_it_is(tmp_path: Path) -> None:
    made = MadeTree(tmp_path)
    front = made.usb("1-1", "046d", "082d", serial="5C9F", manufacturer="Logitech", product="C920")
    made.video("video0", front, "by-id/usb-046d_C920-video-index0")
    port = made.usb("1-2", "1546", "01a9", product="u-blox GNSS receiver")
    made.tty("ttyACM0", port, "by-id/usb-u-blox-if00")
    settings = Settings.model_validate(
        {
            "unit": {"id": "dog-1", "kind": "robot_dog"},
            "cameras": {
                "front": {
                    "kind": "v4l2",
                    "device": "/dev/v4l/by-id/usb-046d_C920-video-index0",
                    "lens": {"horizontal_fov_deg": 70, "calibrated": "2026-05-04"},
                    "mount": {"height_m": 1, "pitch_deg": 0, "calibrated": "2026-04-03"},
                }
            },
            "gnss": {"main": {"kind": "serial", "port": "/dev/serial/by-id/usb-u-blox-if00"}},
        }
    )
    own = Identity(name="main", kind="gnss", firmware="HPG 1.32")
    inventory = Inventory(lambda: settings, lambda: [own], made.tree)

    front_is, main_is = inventory.facts("camera", "front"), inventory.facts("gnss", "main")

    assert (front_is.model, front_is.serial) == ("Logitech C920", "5C9F")
    assert front_is.hardware == "usb 046d:082d"
    assert front_is.calibrated == date(2026, 4, 3), "the older of lens and mount"
    assert (main_is.model, main_is.firmware) == ("u-blox GNSS receiver", "HPG 1.32")
    assert inventory.facts("actuator", "lamp") == Identity(name="lamp", kind="actuator")
