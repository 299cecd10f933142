"""A long outage, a full quota, a start with a long queue."""

import math
import signal
import statistics
import time
from pathlib import Path

from edge.reporting.delivery_findings import outbox_findings
from telemetry.contract.envelope import Draft, Sender
from telemetry.contract.unit import Position
from telemetry.outbox.outbox import Outbox
from telemetry.outbox.rows import POSITIONS, Change, NewRow
from telemetry.outbox.store import Store
from telemetry.outbox.thinning import TrackPoint, track_point
from tests.broker import MOSQUITTO, Broker
from tests.e2e.unit_process import UnitProcess, write_unit_file
from tests.fakes import ManualClock
from tests.torture.trials import NotRun, Stage, held, trial
from tests.unit.test_thinning import worst_m
from tests.unit_under_test import wait_for

MIB = 2**20
OUTAGE_S = 72 * 3600
ALERT_EVERY_S = 60
SENDER = Sender(unit="dog-1", boot_id="boot")


class Ride:
    """A unit that patrols: a position a second, an alert a minute, all by our clock."""

    def __init__(self, path: Path, max_bytes: int = 512 * MIB) -> None:
        self.clock = ManualClock()
        self.outbox = Outbox(path, SENDER, self.clock, max_bytes)
        self.track: list[tuple[float, float]] = []  # where it was, second by second
        self._seconds = 0
        self._place = (50.0, 8.0)
        self.longest_step_s = 0.0
        self.outbox.work(0)

    def second(self) -> Draft:
        """Streets of 300 m, at 8 m/s, with bends in them."""
        street, along_m = divmod(self._seconds * 8.0, 300.0)
        course = math.radians(90 * (street % 4) + 10 * math.sin(along_m / 40))
        self._seconds += 1
        lat_deg, lon_deg = self._place
        self._place = (
            lat_deg + 8.0 * math.cos(course) / 111_319,
            lon_deg + 8.0 * math.sin(course) / 71_555,
        )
        data = Position(lat_deg=self._place[0], lon_deg=self._place[1], source="gnss", fix="3d")
        return Draft.of(data, self.clock.utc(), "gnss")

    def put(self, draft: Draft, priority: int | None = None) -> None:
        if priority is not None:
            draft = Draft(data=draft.data, time=draft.time, time_quality="gnss", priority=priority)
        self.outbox.put(draft, durable=False)

    def work(self) -> None:
        began_s = time.thread_time()  # whoever else uses this computer is not to blame
        self.outbox.work(0)
        self.longest_step_s = max(self.longest_step_s, time.thread_time() - began_s)


def rss_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / MIB


@trial("R-OUT-1", "72 hours without a link fit on the disk, and cost no memory and no alert")
def long_outage(stage: Stage) -> str:
    path = stage.folder / "outbox.db"
    ride = Ride(path)
    before_mib = rss_mib()
    for second in range(OUTAGE_S):
        ride.clock.advance(1)
        draft = ride.second()
        ride.put(draft)
        if second % ALERT_EVERY_S == 0:
            ride.put(draft, 1)
        if second % 50 == 49:  # as often as the worker's group fills, nearly
            ride.work()
    grown_mib = rss_mib() - before_mib
    ride.work()
    stats = ride.outbox.stats()
    body_bytes = len(ride.outbox._keeper.read(POSITIONS, 0, 2**62, 1)[0].body)
    ride.outbox.close()
    size = sum(p.stat().st_size for p in stage.folder.glob("outbox.db*"))
    alerts = OUTAGE_S // ALERT_EVERY_S
    held(stats.by_priority == (0, alerts, 0, OUTAGE_S, 0), f"stored: {stats.by_priority}")
    held(not stats.drops, f"dropped: {stats.drops}")
    held(grown_mib <= 30, f"the process grew by {grown_mib:.0f} MiB")
    opened_s = _opens(path)
    held(size <= 120e6 * max(1.0, body_bytes / 300), f"{size / 1e6:.0f} MB on the disk")
    held(opened_s <= 1, f"opening takes {opened_s:.2f} s")
    return (
        f"{stats.depth} stored, {body_bytes} B each: {size / 1e6:.0f} MB on disk, "
        f"{grown_mib:.1f} MiB of memory, {alerts} alerts, 0 lost, opens in {opened_s:.2f} s"
    )


def _opens(path: Path) -> float:
    outbox = Outbox(path, SENDER, ManualClock(), 512 * MIB)
    began_s = time.perf_counter()
    outbox.work(0)
    took_s = time.perf_counter() - began_s
    held(outbox.stats().depth > 0, "nothing is found again")
    outbox.close()
    return took_s


@trial(
    "R-OUT-3", "a full quota costs diagnostics and detail of the track, never an alert", short=True
)
def full_quota(stage: Stage) -> str:
    path = stage.folder / "outbox.db"
    ride = Ride(path, 8 * MIB)
    alerts = 0
    for second in range(stage.sized(16_000, 100_000)):
        ride.clock.advance(1)
        draft = ride.second()
        ride.track.append(ride._place)
        ride.put(draft)
        if second % 5 == 0:
            ride.put(draft, 4)
        if second % 20 == 0:
            ride.put(draft, second // 20 % 3)
            alerts += 1
        if second % 50 == 49:
            ride.work()
    held(
        wait_for(lambda: (ride.work(), not ride.outbox._desk.disk.trimming)[1], 30),
        "still trimming",
    )
    return _judged(ride, path, alerts)


def _judged(ride: Ride, path: Path, alerts: int) -> str:
    stats = ride.outbox.stats()
    rows = ride.outbox._keeper.read(POSITIONS, 0, 2**62, 10**6)
    told = [finding.code for finding in outbox_findings(stats)]
    ride.outbox.close()
    size_mib = sum(p.stat().st_size for p in path.parent.glob("outbox.db*")) / MIB
    points = [point for row in rows if (point := track_point(row.sequence, row.body))]
    start_s = points[0].time_s
    full = [
        TrackPoint(number, start_s + number, lat, lon)
        for number, (lat, lon) in enumerate(ride.track)
    ]
    away_m = worst_m(full, points)
    held(sum(stats.by_priority[:3]) == alerts, f"{stats.by_priority}: {alerts} were urgent")
    held(size_mib <= 8, f"{size_mib:.1f} MiB on the disk")
    held("outbox_dropping" in told, "no fault tells of it")
    held(stats.drops["full_diagnostics"] > 0 and stats.drops["full_positions_thinned"] > 0, "order")
    held(away_m <= stats.tolerance_m, f"{away_m:.1f} m away, told: {stats.tolerance_m} m")
    held(ride.longest_step_s <= 0.1, f"a step takes {ride.longest_step_s * 1000:.0f} ms")
    return (
        f"{alerts} urgent, 0 lost; {stats.drops['full_diagnostics']} diagnostics dropped; "
        f"{len(full)} positions thinned to {len(points)}, {away_m:.1f} m away at most "
        f"(told: {stats.tolerance_m:g} m); longest step {ride.longest_step_s * 1000:.0f} ms"
    )


@trial("R-BOOT-1", "killed with 260,000 messages stored, it sends again within 5 s")
def boots_with_a_long_queue(stage: Stage) -> str:
    if MOSQUITTO is None:
        raise NotRun("mosquitto is not installed")
    state = stage.folder / "state"
    state.mkdir()
    _long_queue(state / "outbox.db", 260_000)
    took_s = []
    with Broker(["max_queued_messages 100000"]) as broker:
        unit_file = write_unit_file(stage.folder, broker.url)
        for _ in range(stage.sized(3, 20)):
            took_s.append(_first_publish(unit_file, stage.folder, broker.port))
    held(max(took_s) <= 5, f"the first message came after {max(took_s):.1f} s")
    return (
        f"260,000 stored, {len(took_s)} kills: first message after "
        f"{statistics.median(took_s):.1f} s, {max(took_s):.1f} s at most"
    )


def _long_queue(path: Path, rows: int) -> None:
    store = Store.open(path, 512 * MIB)
    body = b'"id":"x","source":"/units/car-07","data":{}' + b" " * 260
    for start in range(0, rows, 5000):
        batch = [NewRow(3, "position", f"{start + n:036}", 0, body) for n in range(5000)]
        store.commit(Change(put=batch))
    store.close()


def _first_publish(unit_file: Path, folder: Path, port: int) -> float:
    """From the start of the process to its first stored message at the broker."""
    heard: list[float] = []
    with Listener(port, "patrol/v1/+/position", heard):
        unit = UnitProcess(unit_file, folder / "log")
        came = wait_for(lambda: heard, 30)
        unit.process.send_signal(signal.SIGKILL)
        unit.process.wait(10)
    held(came, f"nothing came: {unit.log_text()[-300:]}")
    return heard[0] - unit.started_at


class Listener:
    """Notes when messages come, at a broker."""

    def __init__(self, port: int, topic: str, heard: list[float]) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._client = Client(CallbackAPIVersion.VERSION2, "listener")
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_message = lambda *_: heard.append(time.monotonic())
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> None:
        self._client.loop_start()

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
