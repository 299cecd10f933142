"""S-CFG-3: configurations of all kinds, flashed in a row onto a unit that runs."""

import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

import yaml

from config.slots import SlotsFile, read_slots
from edge.bundles.refusal import BundleError
from edge.demo.loopback_broker import LoopbackBroker, find_mosquitto
from edge.flashing.engine import flash
from edge.flashing.unit import unit_of
from edge.local.asking import NoUnitError, ask
from tests.bundle_maker import NOW, trust_of
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import simulated_receiver
from tests.fakes import ManualClock
from tests.flashing_stand import WISH, made
from tests.launched_unit import LaunchedUnit, launched
from tests.torture.fuzzed_configs import GOOD, REFUSED, UNHEALTHY, Maker
from tests.torture.trials import NotRun, Stage, held, trial

PAUSE_S = 10.0
OVER_WITHIN_S = 60.0
TRIAL_S = 15
BUSY = 3  # times longer, where others take the processor


@dataclass(slots=True)
class Bench:
    """A running unit with its hub, and a way to flash it."""

    home: Path
    port: Path
    unit: LaunchedUnit
    hub: PlainHub
    serial: int = 0
    words: str = ""  # of the newest refusal

    @property
    def slots(self) -> SlotsFile:
        return read_slots(self.home / "state" / "slots")

    def answers(self) -> bool:
        try:
            ask(self.home / "state", "ping")
        except NoUnitError:
            return False
        return True

    def flash(self, text: str) -> tuple[str, float]:
        """How it ended (refused, committed, rolled_back), and how long that took, in seconds."""
        self.serial += 1
        bundle = made({"unit.yaml": text.encode()}, "config", self.serial, "anna")
        began_s = time.monotonic()
        while True:
            until(self.answers, 60, "the unit does not answer")
            try:
                flash(
                    BytesIO(bundle), unit_of(self.home / "unit.yaml"), WISH, clock=ManualClock(NOW)
                )
                break
            except BundleError as refusal:
                self.words = f"{refusal.code}: {refusal}"
                if refusal.code not in ("busy", "wrong_state"):  # it starts anew just now
                    return "refused", time.monotonic() - began_s
                held(time.monotonic() - began_s < OVER_WITHIN_S, self.words)
                time.sleep(0.2)
        until(lambda: self.slots.trial is None, OVER_WITHIN_S + 30, "the trial does not end")
        held(self.slots.ended[-1].content.serial == self.serial, "a trial left no trace")
        self.words = self.slots.ended[-1].text
        return self.slots.ended[-1].outcome, time.monotonic() - began_s

    # --- what the hub has ---

    def pauses_s(self) -> tuple[float, float]:
        """The longest between two positions: by when they were measured, and by when they came."""
        told = sorted(
            (datetime.fromisoformat(content["time"]).timestamp(), at)
            for at, leaf, content in list(self.hub.heard)
            if leaf == "position"
        )
        times, came = [each for each, _ in told], sorted(at for _, at in told)
        return _longest(times), _longest(came)

    def gaps(self) -> int:
        """Sequences that the hub never had, of all up to the newest."""
        found = {int(each["sequence"]) for _, _, each in list(self.hub.heard) if "sequence" in each}
        return max(found) - len(found)


def _longest(moments: list[float]) -> float:
    return max(after - before for before, after in itertools.pairwise(moments))


def until(condition: object, within_s: float, text: str) -> None:
    held(callable(condition), "no condition")
    ends_s = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        held(time.monotonic() < ends_s, text)
        time.sleep(0.05)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    mosquitto = find_mosquitto()
    if mosquitto is None:
        raise NotRun("needs mosquitto")
    (folder / "state").mkdir()
    trust = folder / "state" / "trust.json"
    trust.write_text(trust_of("anna", "bert").model_dump_json(exclude_none=True))
    trust.chmod(0o600)
    with (
        LoopbackBroker(folder, mosquitto) as broker,
        PlainHub(broker.port) as hub,
        simulated_receiver(folder, "--speed", "0.05") as port,
    ):
        content = {
            "unit": {"id": "dog-07", "kind": "robot_dog"},
            "gnss": {"main": {"kind": "serial", "port": str(port), "baud": 9600}},
            "hub": {"url": broker.url},
            "state_dir": str(folder / "state"),
            "perception": {"enabled": False},
            "position": {"patrol_every_s": 1, "parked_every_s": 1},
            "flash": {"trial_s": TRIAL_S},
        }
        (folder / "unit.yaml").write_text(yaml.safe_dump(content))
        with launched(folder / "unit.yaml", folder) as unit:
            hub.wait_for(lambda h: len(h.of("position")) >= 3, 60)
            yield Bench(folder, port, unit, hub)


def chosen(count: int, dice: random.Random) -> list[tuple[str, Maker]]:
    """Some good, many bad; each maker at least once where there is room."""
    shares = [("good", GOOD, 0.4), ("unhealthy", UNHEALTHY, 0.15), ("refused", REFUSED, 0.45)]
    found: list[tuple[str, Maker]] = []
    for name, makers, share in shares:
        turns = itertools.cycle(makers)
        found += [(name, next(turns)) for _ in range(max(1, round(count * share)))]
    dice.shuffle(found)
    return found


@trial("S-CFG-3", "fuzzed configurations flashed in a row: the position goes on, nothing is lost")
def fuzzed(stage: Stage) -> str:
    count = int(os.environ.get("FUZZED_FLASHES", "0")) or stage.sized(20, 100)
    return run(stage.folder, count)


@trial("S-CFG-3s", "the same with a few", short=True)
def fuzzed_shortly(stage: Stage) -> str:
    return run(stage.folder, 4, pause_s=4 * PAUSE_S)  # other tests take the processor meanwhile


def _is_busy() -> bool:
    """Others want more than half of what this computer can do."""
    return os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)


def run(folder: Path, count: int, pause_s: float = PAUSE_S) -> str:
    dice = random.Random(6)
    ends = Counter[str]()
    longest_s = 0.0
    with bench(folder) as stand:
        for number, (kind, maker) in enumerate(chosen(count, dice), start=1):
            text = maker(dice, stand.port, folder)
            ended, took_s = stand.flash(text)
            what = f"{number}: {maker.__name__} {ended} after {took_s:.0f} s ({stand.words})"
            ends[f"{kind} {ended}"] += 1
            held(took_s <= OVER_WITHIN_S * (BUSY if _is_busy() else 1), what)
            held((ended == "committed") == (kind == "good") or maker.__name__ == "damaged", what)
            held(not stand.unit.codes, f"{what}: the process ended")
            longest_s = max(longest_s, took_s if ended == "rolled_back" else 0.0)
        until(stand.answers, 60, "the unit does not answer")
        heard = len(stand.hub.of("position"))
        until(lambda: len(stand.hub.of("position")) > heard + 3, 60, "no position any more")
        until(lambda: stand.gaps() == 0, 30, f"{stand.gaps()} messages are lost")
        measured_s, came_s = stand.pauses_s()
        if measured_s > pause_s and _is_busy():
            told = ", ".join(f"{name} {number}" for name, number in sorted(ends.items()))
            raise NotRun(
                f"others take the processor: the position paused for {measured_s:.1f} s, "
                f"which says nothing; all else held: {told}, no message missing"
            )
        held(measured_s <= pause_s, f"the position paused for {measured_s:.1f} s")
    told = ", ".join(f"{name} {number}" for name, number in sorted(ends.items()))
    return (
        f"{count} flashed ({told}) onto one process: position never older than {measured_s:.1f} s "
        f"({came_s:.1f} s until it came, when the hub itself was moved), taken back within "
        f"{longest_s:.0f} s, {len(stand.hub.heard)} messages, none missing"
    )
