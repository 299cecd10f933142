"""R-KILL-5: a real unit is killed at any moment of an order to flash, and started again."""

import random
import threading
import time
from contextlib import ExitStack
from typing import Any

from config.slots import read_slots
from tests.broker import Broker
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import simulated_receiver, write_unit_file
from tests.hub_desk import Desk
from tests.launched_unit import LaunchedUnit, launched
from tests.torture.trials import NotRun, Stage, held, trial

FINAL = ("rejected", "succeeded", "failed", "expired", "cancelled")
WHOLE_S = 16.0  # what an order takes here, about
SETTLE_S = 60.0


@trial("R-KILL-5", "a unit killed at any moment of a flash tells its end once, and rightly")
def killed_while_flashing(stage: Stage) -> str:
    count, dice = stage.sized(4, 60), random.Random(5)
    ended: dict[str, int] = {}
    with ExitStack() as stack:
        bench = Bench(stage, stack)
        bench.flash(1, None)
        for number in range(count):
            moment_s = ((number + dice.random()) / count) ** 2 * WHOLE_S  # more of them early
            code = bench.flash(number + 2, moment_s)
            ended[code] = ended.get(code, 0) + 1
        sequences = {int(m["sequence"]) for _, _, m in bench.hub.heard if "sequence" in m}
    held(sequences == set(range(1, max(sequences) + 1)), "messages are missing")
    told = ", ".join(f"{many} {code}" for code, many in sorted(ended.items()))
    return (
        f"{count} kills within an order ({told}): one last reply each, and what is in use is what "
        f"it says; {len(sequences)} messages without a gap"
    )


class Bench:
    """A unit under its service, a broker, a hub that hears all, and the desk that orders."""

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        folder = stage.folder
        broker = stack.enter_context(Broker())
        if broker.kind != "mosquitto":
            raise NotRun("mosquitto is not installed")
        self.desk = Desk(folder, broker.url)
        self.desk.prepare(folder / "state")
        self.slots = folder / "state/slots"
        self.hub = stack.enter_context(PlainHub(broker.port))
        port = stack.enter_context(simulated_receiver(folder, "--speed", "0.05"))
        unit_file = write_unit_file(
            folder, broker.url, perception={"enabled": False}, flash={"trial_s": 30},
            gnss={"main": {"kind": "serial", "port": str(port), "baud": 9600}},
        )  # fmt: skip
        self.unit: LaunchedUnit = stack.enter_context(launched(unit_file, folder))
        self.hub.wait_for(lambda h: bool(h.of("position") and h.of("health")), 60)

    def flash(self, serial: int, kill_after_s: float | None) -> str:
        """How the order ended, and that it was told so once."""
        known = set(self._ends())
        killer = threading.Timer(kill_after_s or 0.0, self.unit.kill)
        if kill_after_s is not None:
            killer.start()
        told = self.desk.hub("flash", "car-07", self.desk.bundle(serial, "{}\n"), "--json")
        killer.join() if kill_after_s is not None else None
        where = f"serial {serial}, killed after {kill_after_s} s"
        reply = told.report["units"][0]
        code = str(reply["code"] or ("succeeded" if told.code == 0 else "unanswered"))
        content = self._settled()
        held(code in ("succeeded", "interrupted"), f"{where}: {told.out}")
        held(
            (content.serial == serial) == (code == "succeeded"),
            f"{where}: told {code}, and serial {content.serial} is in use",
        )
        time.sleep(2.0)  # were there another last reply, it would come now
        new = {name: ids for name, ids in self._ends().items() if name not in known}
        held(len(new) == 1, f"{where}: {len(new)} orders have ended")
        held(all(len(ids) == 1 for ids in new.values()), f"{where}: last replies {new}")
        return code

    def _settled(self) -> Any:
        """What is in use when nothing is on trial any more."""
        ends_s = time.monotonic() + SETTLE_S
        while read_slots(self.slots).trial is not None:
            held(time.monotonic() < ends_s, "the trial does not end")
            time.sleep(0.2)
        return read_slots(self.slots).lane("config").content

    def _ends(self) -> dict[str, set[str]]:
        """By order, the ids of last replies that are no repeats."""
        found: dict[str, set[str]] = {}
        for message in self.hub.of("reply"):
            data = message["data"]
            first = data["status"] in FINAL and not data.get("repeat")
            if first and data["name"] == "config.apply":
                found.setdefault(data["command"], set()).add(message["id"])
        return found
