"""Sirens and loudspeakers: never too long, never too often, off when nobody holds them any more."""

import signal
import time
import wave
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from edge.acting.ration import MOST_USES, WITHIN_S
from tests.acting_scene import ActingScene
from tests.boards import on, simulated
from tests.broker import MOSQUITTO, Broker
from tests.e2e.dispatcher import Dispatcher
from tests.e2e.unit_process import UnitProcess, running_unit, write_unit_file
from tests.fakes import ManualClock
from tests.torture.trials import NotRun, Stage, held, trial
from tests.unit_under_test import wait_for
from tests.witness_socket import WitnessSocket

UNIT = "car-07"
LONGEST_S = 30.0
OFF_WITHIN_S = 5.0
CLIP_S = 25
TOLD_WITHIN_S = 0.3
REFRESH_S = 11.0  # six sirens a minute are allowed


@trial("S-CMD-2", "siren and loudspeaker: 30 s, three times in ten minutes, off without a hub")
def limited(stage: Stage) -> str:
    if MOSQUITTO is None:
        raise NotRun("needs mosquitto (apt-get install mosquitto)")
    jumps = _never_too_often(stage.folder / "jumps", stage.sized(400, 4000))
    with ExitStack() as stack:
        witness = stack.enter_context(WitnessSocket(stage.folder / "w"))
        broker = stack.enter_context(Broker())
        hub = stack.enter_context(Dispatcher(broker.port))
        port, control = stack.enter_context(simulated(stage.folder))
        unit_file = _unit_file(stage.folder, broker.url, witness.path, port)
        log = stage.folder / "log"
        with running_unit(unit_file, log) as unit:
            hub.wait_until_online(UNIT)
            longest_s, lamp_s = _held_on(hub, witness)
            silent_s = _off_without_a_word(hub, witness, broker)
            killed_s, board_s = _off_without_a_unit(hub, witness, unit, control)
        with running_unit(unit_file, log):
            hub.wait_until_online(UNIT)
            again = hub.final(hub.order(UNIT, "siren", on=True))
            held(again.get("code") == "limit", f"a fourth time after a restart: {again}")
            _play(hub, witness)
            again = hub.final(hub.order(UNIT, "play", clip="hail"))
            held(again.get("code") == "limit", f"a fourth clip after a restart: {again}")
        for name in ("horn", "mouth"):
            times = witness.times(name)
            held(len(times) == MOST_USES, f"{name} was on {len(times)} times")
    return (
        f"asked for again and again: on for {longest_s:.2f} s (control, a light: {lamp_s:.0f} s); "
        f"off {silent_s:.2f} s after the broker fell silent, {killed_s:.2f} s after SIGKILL, on a "
        f"board {board_s:.2f} s; a fourth time refused after a restart, too; {jumps}"
    )


def _unit_file(folder: Path, url: str, witness: Path, board: Path) -> Path:
    here = {"kind": "simulated", "told_to": str(witness)}
    clips = folder / "clips"
    clips.mkdir()
    with wave.open(str(clips / "hail.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * CLIP_S))
    return write_unit_file(
        folder,
        url,
        perception={"enabled": False},
        security={"commands": "unsigned"},
        boards={"payload": {"port": str(board)}},
        acting={"clips_dir": str(clips)},
        actuators={
            "horn": {"kind": "siren", "via": here},
            "lamp": {"kind": "light", "via": dict(here)},
            "mouth": {"kind": "speaker", "via": dict(here)},
            "roof": {
                "kind": "siren",
                "via": {"kind": "board", "board": "payload", "channel": "siren"},
            },
        },
    )


def _held_on(hub: Dispatcher, witness: WitnessSocket) -> tuple[float, float]:
    """The siren and a light, asked for again and again for longer than a siren may be on."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < LONGEST_S + 4:
        if not witness.times("horn") or witness.is_on("horn"):
            hub.order(UNIT, "siren", on=True, max_on_s=30)
        hub.order(UNIT, "light", on=True, max_on_s=30)
        time.sleep(REFRESH_S)
    lamp_s, longest_s = witness.longest_s("lamp"), witness.longest_s("horn")
    held(not witness.is_on("horn"), "the siren is still on")
    held(longest_s <= LONGEST_S, f"the siren was on for {longest_s:.2f} s")
    held(longest_s > LONGEST_S - 2, f"only for {longest_s:.2f} s: nothing was tried")
    held(lamp_s > LONGEST_S, f"the control was on for {lamp_s:.1f} s: it would not be seen")
    hub.final(hub.order(UNIT, "light", on=False))
    return longest_s, lamp_s


def _on_again(hub: Dispatcher, witness: WitnessSocket) -> None:
    done = hub.final(hub.order(UNIT, "siren", on=True, max_on_s=30))
    held(done["status"] == "succeeded" and witness.is_on("horn"), f"it did not go on: {done}")


def _off_without_a_word(hub: Dispatcher, witness: WitnessSocket, broker: Broker) -> float:
    """The broker is there, and says nothing any more: no connection is lost."""
    _on_again(hub, witness)
    _play(hub, witness)
    broker.signal(signal.SIGSTOP)
    began_s = time.monotonic()
    took_s = [witness.off_after_s(name, began_s, 3 * OFF_WITHIN_S) for name in ("horn", "mouth")]
    broker.signal(signal.SIGCONT)
    return _in_time(took_s, "without the hub")


def _play(hub: Dispatcher, witness: WitnessSocket) -> None:
    done = hub.final(hub.order(UNIT, "play", clip="hail"))
    sounds = wait_for(lambda: witness.is_on("mouth"), 2.0)
    held(done["status"] == "succeeded" and sounds, f"it did not play: {done}")


def _in_time(took_s: list[float | None], when: str) -> float:
    """The longest."""
    for each in took_s:
        held(each is not None and each <= OFF_WITHIN_S, f"off after {each} s {when}")
    return max(each or 0.0 for each in took_s)


def _off_without_a_unit(
    hub: Dispatcher, witness: WitnessSocket, unit: UnitProcess, control: Path
) -> tuple[float, float]:
    """Killed: what this computer drives is let go, what a board drives is its dead-man's."""
    hub.wait_until_online(UNIT)
    _on_again(hub, witness)
    _play(hub, witness)
    held(wait_for(lambda: "siren" in on(control), 2.0), "the board's siren did not go on")
    began_s = time.monotonic()
    unit.process.kill()
    took_s = [witness.off_after_s(name, began_s, 3 * OFF_WITHIN_S) for name in ("horn", "mouth")]
    off = wait_for(lambda: "siren" not in on(control), 3 * OFF_WITHIN_S)
    board_s = time.monotonic() - began_s
    held(off and board_s <= OFF_WITHIN_S, f"the board's is off after {board_s:.1f} s")
    return _in_time(took_s, "after SIGKILL"), board_s


def _never_too_often(folder: Path, tries: int) -> str:
    """Tried every few seconds, over restarts and while the time of day jumps."""
    folder.mkdir()
    clock, begun = ManualClock(), list[float]()
    scene = ActingScene(folder, clock)
    for number in range(tries):
        if scene.ask("horn", for_s=3.0) is None:
            begun.append(clock.mono_s())
        scene.later(4.0)
        clock.jump_utc((-1) ** number * 86_400.0 * (number % 7))
        if number % 5 == 4:
            scene = ActingScene(folder, clock)
    crowded = [
        first
        for first, later in zip(begun, begun[MOST_USES:], strict=False)
        if later - first < WITHIN_S
    ]
    held(not crowded, f"four times within ten minutes, {len(crowded)} times over")
    span_s = tries * 4.0
    held(len(begun) >= MOST_USES * span_s / WITHIN_S, f"only {len(begun)} times: nothing was tried")
    return f"{tries} tries with {tries // 5} restarts and jumps of the clock: {len(begun)} times"


@trial("R-ACT-1", "what an actuator does is told within 300 ms of the command")
def told_at_once(stage: Stage) -> str:
    if MOSQUITTO is None:
        raise NotRun("needs mosquitto (apt-get install mosquitto)")
    here = {"kind": "simulated"}
    with Broker() as broker, Dispatcher(broker.port) as hub:
        unit_file = write_unit_file(
            stage.folder,
            broker.url,
            perception={"enabled": False},
            security={"commands": "unsigned"},
            actuators={
                name: {"kind": kind, "via": dict(here)}
                for name, kind in (("lamp", "light"), ("bar", "beacon"), ("gate", "relay"))
            },
        )
        with running_unit(unit_file, stage.folder / "log"):
            hub.wait_until_online(UNIT)
            took_s = sorted(_told_after_s(hub, number) for number in range(stage.sized(40, 400)))
            refused_s = _refused_after_s(hub)
    slow_s = took_s[len(took_s) * 95 // 100]
    held(slow_s <= TOLD_WITHIN_S, f"p95 {slow_s * 1000:.0f} ms from command to state")
    held(refused_s <= 0.2, f"refused after {refused_s * 1000:.0f} ms")
    return (
        f"{len(took_s)} commands, to the state at the hub p50 {median(took_s) * 1000:.0f} ms, "
        f"p95 {slow_s * 1000:.0f} ms, at most {took_s[-1] * 1000:.0f} ms; "
        f"refused after {refused_s * 1000:.0f} ms"
    )


def _told_after_s(hub: Dispatcher, number: int) -> float:
    """From the command until the state at the hub says so."""
    level = 0.2 + (number % 30) / 50
    began_s = time.monotonic()
    hub.order(UNIT, "light", on=True, level=level, max_on_s=60)

    def shown(_hub: Any) -> bool:
        told = hub.of("state")[-1]["data"]["actuators"]
        return any(each["name"] == "lamp" and abs(each["level"] - level) < 1e-6 for each in told)

    held(wait_for(lambda: shown(hub), 10.0), "the state never said so")
    took_s = time.monotonic() - began_s
    time.sleep(1.05)  # sixty a minute are allowed
    return took_s


def _refused_after_s(hub: Dispatcher) -> float:
    took = []
    for _ in range(5):
        began_s = time.monotonic()
        order = hub.order(UNIT, "relay", on=True, relay="none")
        took.append(hub.when("reply", command=order, status="rejected") - began_s)
    return median(took)
