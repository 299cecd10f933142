"""A real broker cluster loses a node under load: three RabbitMQs, quorum queues, two readers."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import LACKING, Cluster, Node, installed
from tests.torture.trials import NotRun, Stage, held, trial
from tests.unit_under_test import UnitUnderTest, position, wait_for

LEAVES = ("status", "state", "position", "health", "event", "reply")
EVERY_S = 0.01  # a message of each unit
BEFORE_S, AFTER_S = 1.5, 4.0  # load before and after a kill
DRAINED_S = 90.0
ALERT = 1
UNITS = 3


@dataclass(slots=True)
class Load:
    """One unit, and a thread that gives it messages until told to stop."""

    unit: UnitUnderTest
    safe: set[str] = field(default_factory=set)  # ids that the unit was told are on its disk
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(EVERY_S):
            number += 1
            receipt = self.unit.put(position(number, ALERT))
            if receipt.stored:
                self.safe.add(receipt.id)

    def drained(self) -> bool:
        return self.unit.outbox.pending() == 0


class Readers:
    """Processes that share one queue, each with its own record."""

    def __init__(self, folder: Path, queue: str, nodes: list[Node], count: int) -> None:
        self._records = [folder / f"{queue}-{number}.jsonl" for number in range(count)]
        self._errors = (folder / f"{queue}.log").open("ab")
        ports = [str(node.stomp_port) for node in nodes]
        reader = [sys.executable, "-m", "tests.stomp_hub"]
        self._processes = [
            subprocess.Popen(
                [*reader, str(record), queue, *ports[number:], *ports[:number]], stderr=self._errors
            )
            for number, record in enumerate(self._records)
        ]

    def heard(self) -> list[list[str]]:
        """The ids that each reader has written down, repetitions included; without status."""
        return [
            [line["id"] for line in map(json.loads, whole_lines(record)) if line["sequence"]]
            for record in self._records
        ]

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._errors.close()


def whole_lines(record: Path) -> list[str]:
    text = record.read_text(encoding="utf-8") if record.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


def define_queues(cluster: Cluster, folder: Path, home: Node) -> None:
    """`hub` for the units, replicated; `naive` for the control, on one node, as brokers did."""

    def queue(name: str, kind: str) -> dict[str, object]:
        wanted = {"x-queue-type": kind}
        return {"name": name, "vhost": "/", "durable": True, "auto_delete": False,
                "arguments": wanted}  # fmt: skip

    def bindings(name: str, root: str) -> list[dict[str, object]]:
        return [
            {"source": "amq.topic", "vhost": "/", "destination": name, "destination_type": "queue",
             "routing_key": f"{root}.v1.*.{leaf}", "arguments": {}}
            for leaf in LEAVES
        ]  # fmt: skip

    content = {
        "queues": [queue("hub", "quorum"), queue("naive", "classic")],
        "bindings": [*bindings("hub", "patrol"), *bindings("naive", "naive")],
    }
    path = folder / "definitions.json"
    path.write_text(json.dumps(content))
    cluster.ctl("import_definitions", str(path), node=home)


@contextlib.contextmanager
def loads(cluster: Cluster, folder: Path) -> Iterator[list[Load]]:
    """A unit at each node, with the others to fall back to; the last one is the naive control."""

    def unit(name: str, first: int, **settings: object) -> Load:
        nodes = cluster.nodes[first:] + cluster.nodes[:first]
        hub = {"fallback_urls": [node.url for node in nodes[1:]]}
        root = {"root": "naive/v1"} if name == "naive" else {}
        return Load(
            UnitUnderTest(folder / name, nodes[0].mqtt_port, unit=name, hub=hub | root, **settings)
        )

    found = [unit(f"dog-{number}", number, resend_after_s=2) for number in range(UNITS)]
    found.append(unit("naive", 0, ack="broker"))
    try:
        up = wait_for(lambda: all(load.unit.publisher.connected for load in found), 60)
        held(up, f"a unit did not connect: {[load.unit.publisher.stats() for load in found]}")
        yield found
    finally:
        for load in found:
            load.stop()
            load.unit.stop(politely=False)


@trial("R-CLU-1", "a node of the broker's cluster is killed under load: nothing is lost")
def a_node_dies(stage: Stage) -> str:
    if not installed():
        raise NotRun(LACKING)
    kills = stage.sized(1, 9)
    with Cluster() as cluster, contextlib.ExitStack() as stack:
        home = cluster.nodes[1]
        define_queues(cluster, stage.folder, home)
        readers = Readers(stage.folder, "hub", cluster.nodes, 2)
        stack.callback(readers.stop)
        units = stack.enter_context(loads(cluster, stage.folder))
        away = [
            kill_one(cluster, units, cluster.nodes[(1 + number) % len(cluster.nodes)])
            for number in range(kills)
        ]
        lost = control_lost(cluster, stage.folder, units[-1])
        return judged(units[:-1], readers.heard(), kills, max(away), lost)


def kill_one(cluster: Cluster, units: list[Load], victim: Node) -> float:
    """Kill -9 under load, wait until all is delivered without it, bring it back.

    Returns the seconds until the last unit had something acknowledged again.
    """
    for load in units:
        load.start()
    time.sleep(BEFORE_S)
    victim.kill()
    before = [load.unit.publisher.stats().acked for load in units]
    killed_s = time.monotonic()
    # 50 more: what was under way when the node died does not count as being back.
    back = wait_for(
        lambda: all(
            load.unit.publisher.connected and load.unit.publisher.stats().acked > acked + 50
            for load, acked in zip(units, before, strict=True)
        ),
        DRAINED_S,
    )
    away_s = time.monotonic() - killed_s
    held(back, f"no way past the dead node: {[load.unit.publisher.stats() for load in units]}")
    time.sleep(max(0.0, AFTER_S - away_s))
    for load in units:
        load.stop()
    held(
        wait_for(lambda: all(load.drained() for load in units), DRAINED_S),
        f"not delivered with two nodes of three: {[u.unit.outbox.pending() for u in units]}",
    )
    victim.start()
    victim.wait()
    held(wait_for(lambda: whole(cluster), DRAINED_S), "the queue's replicas did not come back")
    return away_s


def whole(cluster: Cluster) -> bool:
    """Whether the hub's queue has all its replicas."""
    told = cluster.ctl("list_queues", "name", "online", "--formatter", "json")
    online = {each["name"]: each["online"] for each in json.loads(told)}
    return len(online["hub"]) == len(cluster.nodes)


def control_lost(cluster: Cluster, folder: Path, naive: Load) -> int:
    """What the naive unit was told is delivered, and no reader will ever see."""
    reader = Readers(folder, "naive", cluster.nodes, 1)
    try:

        def empty() -> bool:
            told = cluster.ctl("list_queues", "name", "messages", "--formatter", "json")
            return {each["name"]: each["messages"] for each in json.loads(told)}["naive"] == 0

        held(wait_for(empty, DRAINED_S), "the control's queue is not read")
        return len(naive.safe - set(reader.heard()[0]))
    finally:
        reader.stop()


def judged(
    units: list[Load], heard: list[list[str]], kills: int, away_s: float, control: int
) -> str:
    safe = set().union(*(load.safe for load in units))
    everything = [each for record in heard for each in record]
    lost = safe - set(everything)
    held(not lost, f"{len(lost)} of {len(safe)} accepted messages never reached a reader")
    held(all(heard), f"the readers did not share the work: {list(map(len, heard))}")
    held(control > 0, "the naive control lost nothing: this trial proves nothing")
    repeats = len(everything) - len(set(everything))
    return (
        f"{kills} kill -9 of a node of 3, {len(safe)} accepted by {len(units)} units, 0 lost, "
        f"{repeats} raw repeats, all units back within {away_s:.1f} s, "
        f"control (one-node queue, broker's word) lost {control}"
    )
