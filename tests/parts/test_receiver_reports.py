"""What the hub hears of receivers: from bytes on a pseudo-terminal to the health report."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from drivers.gnss.outlets import PtyOutlet
from drivers.gnss.route import demo_route
from drivers.gnss.simulator import Corrections, GnssSimulator, SimulatorPlan
from edge.app import App
from edge.reporting.health import HealthDesk
from edge.running.worker import Beat, WorkOf
from edge.work import Work
from telemetry.contract.unit import Health
from tests.parts.test_reports import app_with, on_the_wire
from tests.workers import working

PLAN = SimulatorPlan(
    route=demo_route().route(),
    rate_hz=5,
    constellations=("GP", "GB"),
    heading=True,
    corrections=Corrections(),
)


@contextmanager
def reading(app: App, outlets: dict[str, Callable[[], None]]) -> Iterator[None]:
    """The receivers' own workers, while somebody speaks at each of their ports."""
    work = Work(app.parts, app.parts.writer)

    def speaking(say: Callable[[], None]) -> WorkOf:
        def speak(_beat: Beat, stop: threading.Event) -> None:
            while not stop.wait(0.2):
                say()

        return speak

    gnss = app.parts.settings.gnss
    readers = {name: partial(work.run_gnss, name, gnss[name]) for name in outlets}
    speakers = {f"{name}'s sky": speaking(say) for name, say in outlets.items()}
    with working(readers | speakers):
        yield


def reported(app: App, until: Callable[[Health], bool], within_s: float = 20.0) -> Health:
    """The first health report that is as expected, or the last one."""
    app.parts.settings.state_dir.mkdir(parents=True, exist_ok=True)  # as the outbox does
    desk, ends_s = HealthDesk(app.parts), time.monotonic() + within_s
    while True:
        desk.tell_again()
        draft = desk.due()
        assert draft is not None
        heard = on_the_wire(draft)
        assert isinstance(heard, Health)
        if until(heard) or time.monotonic() > ends_s:
            return heard
        time.sleep(0.2)


def unit(folder: Path, **outlets: PtyOutlet) -> App:
    gnss = {
        name: {"kind": "serial", "port": outlet.name, "silent_after_s": 2, "heading_offset_deg": 90}
        for name, outlet in outlets.items()
    }
    return app_with(folder, perception={"enabled": False}, gnss=gnss)


def codes(health: Health) -> set[str]:
    return {fault.code for fault in health.faults}


def test_signals_corrections_and_who_is_in_charge_are_in_the_health_report(
    tmp_path: Path,
) -> None:
    roof, spare = PtyOutlet(tmp_path / "roof"), PtyOutlet(tmp_path / "spare")
    app = unit(tmp_path, roof=roof, spare=spare)
    one, two = (GnssSimulator(PLAN, datetime.now(UTC)) for _ in range(2))
    with reading(
        app, {"roof": lambda: roof.write(one.burst()), "spare": lambda: spare.write(two.burst())}
    ):
        heard = reported(app, lambda h: [bool(r.signals) for r in h.receivers] == [True] * 2)
        position = app.parts.whereabouts.at(time.monotonic())
    first, second = heard.receivers
    assert (first.name, first.in_charge, second.in_charge) == ("roof", True, False)
    assert (first.fix, first.base, first.corrections_age_s) == ("rtk_fixed", "0042", 1.0)
    assert [each.constellation for each in first.signals] == ["beidou", "gps"]
    assert all(each.tracked == each.in_view > each.used > 0 for each in first.signals)
    assert all(each.cn0_dbhz and each.cn0_dbhz > 30 for each in first.signals)
    assert not {code for code in codes(heard) if code.startswith("gnss_")}
    assert position is not None
    epoch = position.epoch
    assert epoch.heading_deg is not None
    assert epoch.course_deg is not None
    assert abs((epoch.heading_deg - epoch.course_deg - 90 + 180) % 360 - 180) < 0.1
    roof.close()
    spare.close()


def test_what_speaks_instead_of_a_receiver_is_a_fault_with_its_name(tmp_path: Path) -> None:
    outlet = PtyOutlet(tmp_path / "roof")
    app = unit(tmp_path, roof=outlet)
    rtcm = bytes.fromhex("d300133ed7d30202980edeef34b4bd62ac0941986f33360b98")
    with reading(app, {"roof": lambda: outlet.write(rtcm * 4)}):
        heard = reported(app, lambda h: "gnss_wrong_data" in codes(h))
    (fault,) = [fault for fault in heard.faults if fault.code == "gnss_wrong_data"]
    assert fault.component == "roof"
    assert "RTCM" in fault.text
    outlet.close()


def test_last_years_date_is_a_fault_and_no_time(tmp_path: Path) -> None:
    outlet = PtyOutlet(tmp_path / "roof")
    app = unit(tmp_path, roof=outlet)
    plan = SimulatorPlan(route=PLAN.route, rate_hz=5, days_back=366)
    simulator = GnssSimulator(plan, datetime.now(UTC))
    with reading(app, {"roof": lambda: outlet.write(simulator.burst())}):
        heard = reported(app, lambda h: "gnss_date_wrong" in codes(h))
        quality = app.parts.timebase.now()[1]
    assert "gnss_date_wrong" in codes(heard)
    assert quality != "gnss"
    outlet.close()
