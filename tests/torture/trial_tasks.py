"""Tasks and the call for help, under kills and without a link."""

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from edge.local.asking import NoUnitError, ask
from telemetry.contract.uuid7 import uuid7
from tests.broker import MOSQUITTO, Broker
from tests.dispatched_kills import kill_again_and_again, until_it_breaks
from tests.e2e.dispatcher import Dispatcher
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import running_unit, simulated_receiver, write_unit_file
from tests.torture.trial_disk import small_disk
from tests.torture.trials import Broken, NotRun, Stage, held, trial

SOS = "patrol.event.sos.v1"
WITHIN_S = 1.0
ANSWER_S = 0.5
UNIT = "car-07"


@trial("R-TASK-1", "killed at any moment, a task's state and its events agree")
def killed_in_the_middle(stage: Stage) -> str:
    kills = stage.sized(12, 300)
    found = kill_again_and_again(stage.folder / "ours", kills)
    held(not found.broken, f"{len(found.broken)} disagree: {found.broken[:3]}")
    held(found.lost == 0, f"{found.lost} of {found.promised} answered steps lost")
    naive = until_it_breaks(stage.folder / "naive", stage.sized(8, 20), 12)
    if naive is None:
        raise Broken("the control, which saves first and tells then, never disagreed")
    return (
        f"{found.kills} kills, {found.promised} steps answered, 0 lost, 0 disagree, "
        f"{found.repeats} events repeated under their id; control: {len(naive.broken)} disagree, "
        f"{naive.lost} lost, of {naive.promised} steps"
    )


@trial("R-SOS-1", "a call for help is at the broker within a second, and first after an outage")
def help_is_heard(stage: Stage) -> str:
    if MOSQUITTO is None:
        raise NotRun("needs mosquitto (apt-get install mosquitto)")
    calls = stage.sized(20, 200)
    with Broker() as broker, simulated_receiver(stage.folder) as port:
        unit_file = write_unit_file(
            stage.folder,
            broker.url,
            gnss={"main": {"kind": "serial", "port": str(port)}},
            perception={"enabled": False},
        )
        state, log = stage.folder / "state", stage.folder / "log"
        with running_unit(unit_file, log) as unit:
            with PlainHub(broker.port) as hub:
                hub.wait_for(lambda h: bool(h.of("position")), 30)
                took_s = [_called(hub, state) for _ in range(calls)]
            broker.kill()
            episode = _called_unheard(state)
            unit.process.kill()
            unit.process.wait()
        with running_unit(unit_file, log):
            waiting = _told_meanwhile(state, stage.sized(40, 400))
            broker.start()
            with PlainHub(broker.port) as hub:
                hub.wait_for(lambda h: _of(h, episode, "new"), 60)
                place = _place_of(hub, episode)
    slow_s = sorted(took_s)[calls * 95 // 100]
    held(slow_s < WITHIN_S, f"p95 {slow_s:.2f} s from call to hub")
    held(place == 0, f"{place} other events came before it")
    return (
        f"{calls} calls, to the hub p50 {median(took_s) * 1000:.0f} ms, "
        f"p95 {slow_s * 1000:.0f} ms; offline, killed, {waiting} events before and after it: "
        "the first event of the new connection"
    )


@trial("R-TASK-2", "an order is answered by the machine within half a second")
def answered_at_once(stage: Stage) -> str:
    if MOSQUITTO is None:
        raise NotRun("needs mosquitto (apt-get install mosquitto)")
    orders = stage.sized(12, 300)
    with Broker() as broker, Dispatcher(broker.port) as hub:
        unit_file = write_unit_file(
            stage.folder,
            broker.url,
            perception={"enabled": False},
            security={"commands": "unsigned"},
        )
        with running_unit(unit_file, stage.folder / "log"):
            hub.wait_until_online(UNIT)
            took = []
            for _ in range(orders):
                took.append(_dispatched(hub))
                time.sleep(stage.sized(0, 3))  # 30 of one kind a minute are allowed
    replies_s, events_s = (sorted(each) for each in zip(*took, strict=True))
    reply_s, event_s = replies_s[orders * 95 // 100], events_s[orders * 95 // 100]
    held(reply_s < ANSWER_S, f"p95 {reply_s * 1000:.0f} ms to the reply")
    held(event_s < ANSWER_S, f"p95 {event_s * 1000:.0f} ms to the event")
    return (
        f"{orders} orders, succeeded after p50 {median(replies_s) * 1000:.0f} ms, p95 "
        f"{reply_s * 1000:.0f} ms; event `assigned` p95 {event_s * 1000:.0f} ms"
    )


def _dispatched(hub: Dispatcher) -> tuple[float, float]:
    """One task, given and taken back. Seconds until the reply, and until the event, are there."""
    task, begun_s = uuid7(datetime.now(UTC)), time.monotonic()
    order = hub.order(UNIT, "task.assign", task=task, place={"lat_deg": 52.5, "lon_deg": 13.4})
    reply_s = hub.when("reply", command=order, status="succeeded")
    event_s = hub.when("event", task=task, state="assigned")
    hub.final(hub.order(UNIT, "task.cancel", task=task))
    return reply_s - begun_s, event_s - begun_s


@trial("R-SOS-2", "a call for help is heard while the disk is full", short=True)
def help_on_a_full_disk(stage: Stage) -> str:
    if MOSQUITTO is None:
        raise NotRun("needs mosquitto (apt-get install mosquitto)")
    with small_disk(stage.folder / "disk", mib=24) as disk, Broker() as broker:
        unit_file = write_unit_file(
            stage.folder, broker.url, perception={"enabled": False}, state_dir=str(disk / "state")
        )
        with PlainHub(broker.port) as hub, running_unit(unit_file, stage.folder / "log"):
            hub.wait_for(lambda h: bool(h.of("health")), 30)
            ballast = disk / "ballast"
            took_s, reserve_kib = [], []
            for _ in range(3):  # what the unit sets free of its reserve is taken away again
                _fill(ballast)
                took_s.append(_called(hub, disk / "state"))
                reserve_kib.append(_free_kib(disk))
            ballast.unlink()
    told = ", ".join(f"{each * 1000:.0f}" for each in took_s)
    return (
        f"heard after {told} ms, the disk filled anew before each call; {reserve_kib} KiB after it"
    )


def _fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    held(_free_kib(ballast.parent) == 0, "the disk is not full")


def _called(hub: PlainHub, state: Path) -> float:
    """One call, heard and ended. Seconds from asking until the hub has it."""
    begun_s = time.monotonic()
    episode = ask(state, "sos.call", {"cause": "button"})["episode"]
    hub.wait_for(lambda h: _of(h, episode, "new"), 20)
    heard_s = next(at for at, _, said in hub.heard if _is(said, episode, "new"))
    ask(state, "sos.cancel")
    hub.wait_for(lambda h: _of(h, episode, "end"), 20)
    return heard_s - begun_s


def _called_unheard(state: Path) -> str:
    _tell_duties(state, 20)
    return str(ask(state, "sos.call", {"cause": "fall"})["episode"])


def _told_meanwhile(state: Path, count: int) -> int:
    """The unit is back, without a link: more happens."""
    deadline_s = time.monotonic() + 30
    while True:
        try:
            held("sos" in ask(state, "duty.show"), "the call did not survive kill -9")
            break
        except NoUnitError:
            held(time.monotonic() < deadline_s, "the unit did not come back")
            time.sleep(0.1)
    _tell_duties(state, count)
    return 20 + count


def _tell_duties(state: Path, count: int) -> None:
    for number in range(count):
        ask(state, "duty.set", {"duty": "on_patrol" if number % 2 else "standby"})


def _of(hub: PlainHub, episode: str, phase: str) -> list[dict[str, Any]]:
    return [said for said in hub.of("event") if _is(said, episode, phase)]


def _is(said: dict[str, Any], episode: str, phase: str) -> bool:
    data = said["data"]
    return said["type"] == SOS and (data["episode"], data["phase"]) == (episode, phase)


def _place_of(hub: PlainHub, episode: str) -> int:
    """How many events came before the first that speaks of the call."""
    events = [said["data"] for said in hub.of("event")]
    return next(place for place, data in enumerate(events) if data.get("episode") == episode)


def _free_kib(folder: Path) -> int:
    """For whoever is not root."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize // 1024
