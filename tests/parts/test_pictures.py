"""Pictures over real brokers: they arrive whole and once, after events, and never when locked."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.hub import Keeping, ReferenceHub
from telemetry.hub.ledger import Arrival
from telemetry.link.libraries import open_transport
from telemetry.link.picture_flow import PictureFlow
from telemetry.pictures.picture import Picture, Rank
from telemetry.pictures.spool import PictureSpool
from tests.broker import MOSQUITTO, Broker
from tests.link import Link, Weather
from tests.pictures import picture
from tests.unit_under_test import UnitUnderTest, position, running, wait_for

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")
MIB = 2**20
KIB = 1024


class Sender:
    """A unit with a spool; a thread keeps the spool as the runtime's worker does."""

    def __init__(self, folder: Path, unit: UnitUnderTest, *, kbit_s: int | None = None) -> None:
        self.spool = PictureSpool(folder / "pictures", 4 * MIB)
        self.unlocked = False
        self.flow = PictureFlow(self.spool, self._may_leave, kbit_s, 240 * KIB)
        self.asked: list[Picture] = []
        self.spool.work()  # what an earlier run has left is known from here on
        self.spool.attach(unit.publisher.bell)
        unit.publisher.carry_pictures(self.flow)
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _may_leave(self, each: Picture) -> bool:
        self.asked.append(each)
        return each.redacted or self.unlocked

    def _keep(self) -> None:
        while not self._stop.wait(0.05):
            self.spool.work()

    def put(self, *pictures: Picture) -> None:
        for each in pictures:
            assert self.spool.put(each)

    def empty(self, timeout_s: float = 10.0) -> bool:
        return wait_for(lambda: self.spool.stats().waiting == 0, timeout_s)

    def stop(self) -> None:
        self._stop.set()
        self._keeper.join(5)


class Ear:
    """A reference hub that keeps pictures in a folder."""

    def __init__(self, broker: Broker, folder: Path, **options: Any) -> None:
        self.heard: list[Arrival] = []
        self.folder = folder
        self.hub = ReferenceHub(
            broker.url,
            keeping=Keeping(pictures=folder),
            on_arrival=self.heard.append,
            **options,
        )
        self.hub.start()
        assert self.hub.wait_connected(5), self.hub.snapshot().last_error

    def pictures(self) -> list[Arrival]:
        return [each for each in self.heard if each.leaf == "snapshot"]

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*.jpg"))


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running_broker:
        yield running_broker


@pytest.fixture
def ear(broker: Broker, tmp_path: Path) -> Iterator[Ear]:
    ear = Ear(broker, tmp_path / "hub")
    yield ear
    ear.hub.stop()


@pytest.mark.parametrize(
    ("library", "protocol"), [("paho", "5"), ("paho", "3.1.1"), ("awscrt", "5")]
)
def test_a_picture_arrives_whole_and_is_checked_and_kept(
    library: Any, protocol: Any, broker: Broker, ear: Ear, tmp_path: Path
) -> None:
    if library == "awscrt":
        pytest.importorskip("awscrt")
    sent = picture(size_bytes=60_000)
    options: dict[str, Any] = {"hub": {"protocol": protocol}, "transport": library}
    carrier = open_transport(library, protocol)
    options["hub"]["url"] = broker.url
    with running(tmp_path, broker.port, carrier=carrier, **options) as unit:
        sender = Sender(tmp_path, unit)
        sender.put(sent)
        assert sender.empty()
        assert wait_for(ear.files)
        sender.stop()
    (arrival,) = ear.pictures()
    assert arrival.verdict == "accepted", arrival.reason
    assert arrival.payload == sent.jpeg
    assert arrival.topic.endswith(f"/snapshot/{sent.properties.episode}")
    (path,) = ear.files()
    assert path.read_bytes() == sent.jpeg
    assert path.name.startswith(sent.properties.episode)


def test_what_waits_goes_after_a_restart_and_an_outage(
    broker: Broker, ear: Ear, tmp_path: Path
) -> None:
    before = PictureSpool(tmp_path / "pictures", MIB)
    waiting = [picture(seed=number) for number in range(3)]
    for each in waiting:
        before.put(each)
    with running(tmp_path, broker.port) as unit:
        sender = Sender(tmp_path, unit)
        assert sender.empty()
        assert wait_for(lambda: not list((tmp_path / "pictures").iterdir()))
        assert wait_for(lambda: len(ear.pictures()) == 3)
        sender.stop()
    assert [a.payload for a in ear.pictures()] == [each.jpeg for each in reversed(waiting)]


def test_a_flapping_link_costs_no_picture_and_no_event(
    broker: Broker, ear: Ear, tmp_path: Path
) -> None:
    sent = [picture(size_bytes=30_000, seed=number) for number in range(8)]
    link = Link(broker.port, Weather(kbit_s=4000, delay_s=0.01))
    with link, running(tmp_path, link.port, resend_after_s=1.0) as unit:
        sender = Sender(tmp_path, unit)
        for number, each in enumerate(sent):
            sender.put(each)
            unit.put(position(number))
            if number in (2, 5):
                link.reset()
        assert sender.empty(20)
        assert wait_for(lambda: unit.outbox.pending() == 0)
        assert wait_for(lambda: len(ear.files()) == len(sent))
        sender.stop()
    good = [a for a in ear.pictures() if a.verdict == "accepted"]
    assert {a.payload for a in good} == {each.jpeg for each in sent}
    assert len(good) == len(sent)  # repeats are known as such
    assert {a.verdict for a in ear.pictures()} <= {"accepted", "duplicate"}


def test_an_unredacted_picture_leaves_only_while_unlocked_and_is_gone_otherwise(
    broker: Broker, ear: Ear, tmp_path: Path
) -> None:
    raw, shown = picture(redacted=False, seed=1), picture(redacted=False, seed=2)
    with running(tmp_path, broker.port) as unit:
        sender = Sender(tmp_path, unit)
        sender.put(raw)
        assert sender.empty()
        assert sender.spool.stats().drops == {"locked": 1}
        sender.unlocked = True
        sender.put(shown)
        assert sender.empty()
        assert wait_for(ear.pictures)
        sender.stop()
    assert [a.payload for a in ear.pictures()] == [shown.jpeg]


def test_no_picture_goes_while_no_hub_listens(broker: Broker, tmp_path: Path) -> None:
    """The broker would take it, and nobody would have it."""
    with running(tmp_path, broker.port) as unit:
        sender = Sender(tmp_path, unit)
        sender.put(picture())
        assert wait_for(lambda: sender.asked, 5)  # nobody subscribed: it comes back, and waits
        time.sleep(0.3)
        assert sender.spool.stats().waiting == 1
        sender.stop()
    with running(tmp_path, broker.port) as unit:
        ear = Ear(broker, tmp_path / "hub")
        sender = Sender(tmp_path, unit)
        assert sender.empty()
        assert wait_for(lambda: len(ear.files()) == 1)
        sender.stop()
        ear.hub.stop()


def test_a_hub_that_said_goodbye_gets_none_until_it_is_back(broker: Broker, tmp_path: Path) -> None:
    ear = Ear(broker, tmp_path / "hub")
    with running(tmp_path, broker.port) as unit:
        assert wait_for(lambda: unit.publisher.stats().hub_online)
        ear.hub.stop()
        assert wait_for(lambda: unit.publisher.stats().hub_online is False)
        sender = Sender(tmp_path, unit)
        sender.put(picture())
        time.sleep(0.5)
        assert not sender.asked
        back = Ear(broker, tmp_path / "hub")
        assert sender.empty()
        assert wait_for(lambda: len(back.files()) == 1)
        sender.stop()
        back.hub.stop()


def test_a_picture_that_the_broker_refuses_is_given_up_and_blocks_nothing(
    tmp_path: Path,
) -> None:
    with Broker(["message_size_limit 20000"]) as broker:
        ear = Ear(broker, tmp_path / "hub")
        large, small = picture(Rank.ASKED, size_bytes=60_000, seed=1), picture(seed=2)
        with running(tmp_path, broker.port) as unit:
            sender = Sender(tmp_path, unit)
            sender.put(large, small)
            unit.put(position())
            assert wait_for(lambda: unit.outbox.pending() == 0)
            assert wait_for(lambda: ear.files())
            assert sender.flow.limit_bytes < 60_000
            sender.stop()
        ear.hub.stop()
    assert [a.payload for a in ear.pictures()] == [small.jpeg]


def test_pictures_keep_to_their_share_of_the_link(broker: Broker, ear: Ear, tmp_path: Path) -> None:
    """256 kbit/s are 32 kB/s: five pictures of 16 kB take two seconds, not none."""
    with running(tmp_path, broker.port) as unit:
        sender = Sender(tmp_path, unit, kbit_s=256)
        started_s = time.monotonic()
        sender.put(*(picture(size_bytes=16_000, seed=number) for number in range(5)))
        assert sender.empty()
        took_s = time.monotonic() - started_s
        assert wait_for(lambda: len(ear.pictures()) == 5)
        sender.stop()
    assert took_s > 1.2


def test_a_picture_is_no_larger_than_the_link_carries_in_two_seconds(
    broker: Broker, ear: Ear, tmp_path: Path
) -> None:
    link = Link(broker.port, Weather(kbit_s=256))
    with link, running(tmp_path, link.port) as unit:
        sender = Sender(tmp_path, unit)
        sender.put(*(picture(size_bytes=30_000, seed=number) for number in range(4)))
        assert sender.empty(20)
        limit_bytes = sender.flow.limit_bytes
        sender.stop()
    assert 8 * KIB <= limit_bytes < 140_000  # 64 kB, once the first guess is forgotten


def test_pictures_leave_half_of_a_days_bytes_to_messages(
    broker: Broker, ear: Ear, tmp_path: Path
) -> None:
    with running(tmp_path, broker.port, daily_mib=0.1) as unit:
        sender = Sender(tmp_path, unit)
        for seed in range(3):
            sender.put(picture(size_bytes=30_000, seed=seed))
        assert wait_for(lambda: len(ear.pictures()) == 2)
        unit.put(position())
        assert wait_for(lambda: unit.outbox.pending() == 0)
        assert sender.spool.stats().waiting == 1
        sender.stop()


def test_foreign_pictures_are_judged(broker: Broker, ear: Ear) -> None:
    good = picture()
    receive = ear.hub._ledger.receive
    topic = f"patrol/v1/dog-1/snapshot/{good.properties.episode}"
    properties = good.user_properties()
    other = (("episode", picture().properties.episode), *properties[1:])
    for payload, told, cause in (
        (b"GIF89a", properties, "no jpeg"),
        (good.jpeg[:-2], properties, "no jpeg"),
        (good.jpeg[:-2] + b"\x00\xff\xd9", properties, "wrong sha256"),
        (good.jpeg, other, "wrong episode"),
        (good.jpeg, (("sha256", "x"),), "wrong properties"),
        (b"\xff\xd8\xff" + bytes(300_000) + b"\xff\xd9", (), "too large"),
    ):
        arrival = receive(topic, payload, properties=told)
        assert arrival.verdict == "invalid"
        assert arrival.reason.startswith(cause)
    assert receive(topic, good.jpeg, properties=(*properties, ("new", "1"))).verdict == "accepted"
    assert receive(topic, good.jpeg).verdict == "duplicate"
    assert receive(topic, good.jpeg, retained=True).verdict == "retained"
    assert receive("patrol/v1/dog-1/snapshot/../../x", good.jpeg).verdict == "invalid"
