"""Cars over CAN and ELM327: against an emulator of others, and on a bus of this process."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from config.cars import CanPlatformConfig, Elm327PlatformConfig
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import SystemClock
from drivers.platforms.cars import can_link
from drivers.platforms.cars.can_car import CanCar
from drivers.platforms.cars.can_link import judge
from drivers.platforms.cars.elm327 import Elm327
from drivers.platforms.cars.isotp import single_frame
from drivers.platforms.orders import Hold, PlatformSample
from drivers.samples import Battery, Done, Identity, Odometry, VehicleState
from edge.body.carrier import Carrier
from edge.reporting.carrier_findings import carrier_findings
from edge.running.driver_loop import DriverHealth
from tests.cars import emulated_adapter, null_modem, samples_until

can = pytest.importorskip("can", reason="python-can is not installed")


def has(*kinds: type) -> object:
    return lambda found: all(any(isinstance(each, kind) for each in found) for kind in kinds)


def test_a_car_behind_an_adapter_that_we_did_not_write(tmp_path: Path) -> None:
    with emulated_adapter(tmp_path) as port:
        config = Elm327PlatformConfig.model_validate({"kind": "elm327", "port": port})
        with closing(Elm327.open("car", config, SystemClock())) as adapter:
            found = samples_until(
                adapter,
                lambda them: (
                    sum(isinstance(each, Odometry) for each in them) > 20
                    and sum(isinstance(each, Identity) for each in them) == 2
                    and any(isinstance(each, Battery) and each.name == "fuel" for each in them)
                ),
            )
            adapter.ask(7, Hold())
            refused = samples_until(adapter, lambda them: has(Done)(them))[-1]
    speeds = [each.speed_mps for each in found if isinstance(each, Odometry)]
    assert len(speeds) > 20
    assert all(speed is not None and 0 <= speed < 71 for speed in speeds)
    states = [each for each in found if isinstance(each, VehicleState)]
    assert states[-1].ignition is True
    assert states[-1].troubles == ("elm_copy",), "it says that it is a v1.5, which was never made"
    car = [each for each in found if isinstance(each, Identity) and each.kind == "car"]
    assert [(each.model, each.serial) for each in car] == [("WP0", "…0000")]
    voltage = [each.voltage_v for each in found if isinstance(each, Battery) and not each.name]
    assert all(each is not None and 11 < each < 16 for each in voltage)
    assert isinstance(refused, Done)
    assert not refused.ok


def test_the_same_car_frame_by_frame_through_a_slcan_adapter(tmp_path: Path) -> None:
    # The emulator waits for flow control under the id that it sends with itself, 7E8; control
    # units hear theirs under 7E0 (ISO 15765-4, table 4), and that is what is sent.
    cable = null_modem(b"t7E0830", b"t7E8830")
    with cable as (theirs, ours), emulated_adapter(tmp_path, "-c", theirs):
        config = CanPlatformConfig.model_validate(
            {"kind": "can", "interface": "slcan", "channel": ours, "bitrate": 500_000}
        )
        with closing(CanCar.open("car", config, SystemClock())) as car:
            wanted = has(Odometry, Identity, Battery)
            found = samples_until(car, lambda them: wanted(them), 60.0)  # a busy emulator is slow
    assert has(Odometry, Identity, Battery)(found)
    last = [each for each in found if isinstance(each, VehicleState)][-1]
    assert (last.ignition, last.troubles) == (True, ())


def test_an_adapter_that_is_pulled_is_lost_and_one_that_is_not_there_unavailable(
    tmp_path: Path,
) -> None:
    with emulated_adapter(tmp_path) as port:
        config = Elm327PlatformConfig.model_validate({"kind": "elm327", "port": port})
        adapter = Elm327.open("car", config, SystemClock())
    with closing(adapter), pytest.raises(DeviceLostError):
        samples_until(adapter, lambda _them: False, 20.0)
    with pytest.raises(DeviceUnavailableError):
        Elm327.open("car", config, SystemClock())


# --- on a bus of this process ------------------------------------------------------------------

SIGNALS = {
    "ignition": {"id": 0x100, "start_bit": 0, "length": 1},
    "light_bar": {"id": 0x100, "start_bit": 1, "length": 1},
    "siren": {"id": 0x100, "start_bit": 2, "length": 1},
    "doors_open": {"id": 0x100, "start_bit": 8, "length": 4},
    "reverse": {"id": 0x100, "start_bit": 3, "length": 1},
    "wheel_fl_mps": {"id": 0x200, "start_bit": 7, "length": 16, "byte_order": "motorola",
                     "scale": 0.01, "unknown": [0xFFFF]},
    "odometer_m": {"id": 0x201, "start_bit": 0, "length": 32, "scale": 100},
}  # fmt: skip


@contextmanager
def bus(**changes: object) -> Iterator[tuple[CanCar, "can.BusABC"]]:
    """The driver, and the wire at the other end."""
    name = f"bus-{os.getpid()}-{uuid.uuid4()}"
    config = CanPlatformConfig.model_validate(
        {"kind": "can", "interface": "virtual", "channel": name, "silent_after_s": 0.5} | changes
    )
    with (
        closing(CanCar.open("car", config, SystemClock())) as car,
        can.Bus(interface="virtual", channel=name) as wire,
    ):
        yield car, wire


def put(wire: "can.BusABC", frame_id: int, data: str, **marks: bool) -> None:
    marks = {"is_extended_id": False} | marks
    wire.send(can.Message(arbitration_id=frame_id, data=bytes.fromhex(data), **marks))


def last_state(
    car: CanCar, within_s: float = 1.0, *, until: dict[str, object] | None = None
) -> VehicleState:
    def enough(found: list[PlatformSample]) -> bool:
        state = found[-1] if found and isinstance(found[-1], VehicleState) else None
        return state is not None and all(
            getattr(state, name) == value for name, value in (until or {}).items()
        )

    found = samples_until(car, enough, within_s)
    return [each for each in found if isinstance(each, VehicleState)][-1]


def test_raw_signals_are_read_and_nothing_is_written() -> None:
    with bus(obd=False, signals=SIGNALS) as (car, wire):
        put(wire, 0x100, "0301000000000000")
        put(wire, 0x200, "04d2000000000000")
        put(wire, 0x201, "40e2010000000000")
        put(wire, 0x200, "ffff000000000000")  # not known
        put(wire, 0x7E8, "03410d3200000000")  # an answer to somebody else
        put(wire, 0x200, "04d2000000000000", is_extended_id=True)  # of somebody else
        found = samples_until(car, lambda them: has(VehicleState, Odometry)(them), 2.0)
        state = next(each for each in found if isinstance(each, VehicleState))
        assert (state.ignition, state.light_bar, state.siren) == (True, True, False)
        assert state.doors_open
        put(wire, 0x100, "09")  # too short for the doors; reverse
        put(wire, 0x200, "04d2000000000000")
        found += samples_until(car, lambda _them: False, 0.3)
        assert car.counters()["signal_too_short"] == 1
        assert wire.recv(0.2) is None, "obd: false, and something was written"
    speeds = [each.speed_mps for each in found if isinstance(each, Odometry)]
    assert speeds == [pytest.approx(12.34), pytest.approx(-12.34)]


def answer(
    wire: "can.BusABC", *, extended: bool, for_s: float, car: CanCar
) -> list[PlatformSample]:
    """Be a car that drives at 50 km/h and answers with ids of one length only."""
    found = []

    def serve(them: list[PlatformSample]) -> bool:
        found.extend(them[len(found) :])
        asked = wire.recv(0)
        if asked is not None and asked.is_extended_id == extended and asked.data[0] == 2:
            known = {0x00: "064100001A0000", 0x0D: "03410d32", 0x0C: "04410c1af8"}
            told = known.get(asked.data[2]) if asked.data[1] == 1 else None
            if told is not None:
                sender = 0x18DAF110 if extended else 0x7E8
                put(wire, sender, told.ljust(16, "0"), is_extended_id=extended)
        return False

    samples_until(car, serve, for_s)
    return found


@pytest.mark.parametrize("extended", [False, True], ids=["11 bits", "29 bits"])
def test_obd_finds_the_length_of_the_ids(extended: bool) -> None:
    with bus(obd_ids="auto") as (car, wire):
        found = answer(wire, extended=extended, for_s=4.0, car=car)
    speeds = [each.speed_mps for each in found if isinstance(each, Odometry)]
    assert len(speeds) >= 3
    assert set(speeds) == {50 / 3.6}
    states = [each for each in found if isinstance(each, VehicleState)]
    assert states[-1].mode == "engine on"


def test_a_silent_bus_is_told_and_its_ignition_is_not_known() -> None:
    with bus(signals=SIGNALS) as (car, wire):
        put(wire, 0x100, "0100000000000000")
        assert last_state(car, until={"ignition": True}).ignition is True
        state = last_state(car, 3.0, until={"troubles": ("can_silent",)})
        assert (state.ignition, state.troubles) == (None, ("can_silent",))


def test_a_car_that_said_off_and_falls_silent_sleeps_and_is_not_woken() -> None:
    with bus(signals=SIGNALS) as (car, wire):
        put(wire, 0x100, "0000000000000000")
        assert last_state(car, until={"ignition": False}).ignition is False
        while wire.recv(0) is not None:
            pass
        state = last_state(car, 1.5, until={"ignition": "waits the time out"})
        assert (state.ignition, state.troubles) == (False, ())
        assert wire.recv(0.1) is None, "a sleeping car was asked"


def test_what_the_controller_says_of_the_bus_is_a_fault_with_a_cure() -> None:
    with bus(obd=False, signals=SIGNALS) as (car, wire):
        put(wire, 0x084, "0030000000000000", is_error_frame=True)
        assert (
            "can_error_passive"
            in last_state(car, until={"troubles": ("can_error_passive",)}).troubles
        )
        put(wire, 0x040, "0000000000000000", is_error_frame=True)
        both = ("can_bus_off", "can_error_passive")
        state = last_state(car, until={"troubles": both})
        assert state.troubles == both
        carrier = Carrier("car", car._config, DriverHealth("car", "platform"))
        carrier.note(state)
        findings = carrier_findings(carrier, state.mono_s)
        assert [each.code for each in findings] == list(both)
        assert "restart-ms" in findings[0].action
        put(wire, 0x100, "0040000000000000", is_error_frame=True)  # restarted
        put(wire, 0x004, "0040000000000000", is_error_frame=True)  # active again
        put(wire, 0x100, "0100000000000000")
        assert last_state(car, until={"troubles": ()}).troubles == ()
        assert car.counters()["bus_off"] == 1


def test_nothing_but_errors_is_a_wrong_bitrate() -> None:
    with bus(obd=False, signals=SIGNALS) as (car, wire):
        for _ in range(30):
            put(wire, 0x088, "0000040000000000", is_error_frame=True)
        wanted = ("can_wrong_bitrate",)
        assert last_state(car, 3.0, until={"troubles": wanted}).troubles == wanted


def test_garbage_on_the_bus_is_counted_and_costs_nothing() -> None:
    with bus() as (car, wire):
        for data in ("", "00", "10", "30", "ff" * 8, "0f41", "2141", "1003410d32"):
            put(wire, 0x7E8, data)
        put(wire, 0x7E9, single_frame(b"\x41\x99\x01").hex())
        found = answer(wire, extended=False, for_s=1.5, car=car)
        assert car.counters()["bad_answer"] >= 6
    assert any(isinstance(each, Odometry) for each in found)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ('[{"flags":["NOARP"],"linkinfo":{"info_kind":"can"}}]', "restart-ms 100"),
        (
            '[{"flags":["UP"],"linkinfo":{"info_kind":"can","info_data":'
            '{"bittiming":{"bitrate":250000}}}}]',
            "runs at 250000",
        ),
        ('[{"flags":["UP"],"linkinfo":{"info_kind":"bridge"}}]', "no CAN bus"),
    ],
    ids=["down", "bitrate", "bridge"],
)
def test_a_bus_that_is_set_up_wrongly_is_refused_with_the_command(told: str, says: str) -> None:
    with pytest.raises(DeviceUnavailableError, match=says):
        judge("can0", 500_000, told.encode())


@pytest.mark.parametrize("told", ["", "{}", "[]", '[{"linkinfo": 3}]', '[{"flags":["UP"]}]'])
def test_what_ip_does_not_tell_is_no_fault(told: str) -> None:
    judge("can0", 500_000, told.encode())


def test_a_bus_that_may_not_be_asked_about_is_not_called_missing(monkeypatch) -> None:
    """As under systemd without AF_NETLINK: `ip` fails, and the bus is there."""
    monkeypatch.setattr(can_link.subprocess, "run", lambda *_args, **_more: Refused)
    can_link.check_link("lo", 500_000)


class Refused:
    returncode, stdout = 2, b""


def test_a_bus_that_is_not_there_names_what_to_do() -> None:
    config = CanPlatformConfig.model_validate({"kind": "can", "channel": "can77"})
    with pytest.raises(DeviceUnavailableError, match="can77"):
        CanCar.open("car", config, SystemClock())
