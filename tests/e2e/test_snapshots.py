"""A whole unit, its camera and a stranger's hub: pictures with events and on request, and who may
see faces."""

import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.hub import Keeping, ReferenceHub
from telemetry.commands.journal import journal_files
from tests.broker import MOSQUITTO, Broker
from tests.clips import street_clip
from tests.e2e.plain_hub import PlainHub
from tests.e2e.test_commands import claims, end_of, say, unit_file  # noqa: F401 - a fixture
from tests.e2e.unit_process import running_unit, write_unit_file
from tests.unit_under_test import wait_for

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture
def pictures(broker: Broker, tmp_path: Path) -> Iterator[Path]:
    """Where a reference hub keeps what it finds good; the plain hub acknowledges."""
    folder = tmp_path / "pictures"
    hub = ReferenceHub(broker.url, keeping=Keeping(pictures=folder), acknowledge=False)
    hub.start()
    assert hub.wait_connected(10)
    yield folder / "car-07"
    assert hub.snapshot().refusals == {}
    hub.stop()


def test_pictures_come_with_events_and_on_request_and_only_an_order_shows_faces(
    broker: Broker,
    unit_file: Path,  # noqa: F811 - the fixture; it has made the keyring
    pictures: Path,
    tmp_path: Path,
) -> None:
    camera = {"kind": "file", "path": str(street_clip()), "loop": True}
    unit_file = write_unit_file(
        tmp_path,
        broker.url,
        cameras={"front": camera},
        media={"snapshots": "all"},
        perception={"max_fps": 4},
    )
    with PlainHub(broker.port) as hub:
        with running_unit(unit_file, tmp_path / "log") as unit:
            of_an_event(hub, pictures)
            assert asked(hub, pictures)["redacted"] is True
            forged(hub)
            assert asked(hub, pictures)["redacted"] is True
            unlocked(hub)
            assert asked(hub, pictures)["redacted"] is False
            unit.process.send_signal(signal.SIGKILL)
            unit.process.wait()
        before = {event["bootid"] for event in hub.of("event")}
        with running_unit(unit_file, tmp_path / "log") as unit:
            hub.wait_for(lambda h: {event["bootid"] for event in h.of("event")} != before, 30)
            assert hub.of("state")[-1]["data"]["unlocked"] == []
            assert asked(hub, pictures)["redacted"] is True
            assert unit.terminate() < 5
    assert "Traceback" not in (tmp_path / "log").read_text()
    on_record(tmp_path / "state")


def of_an_event(hub: PlainHub, pictures: Path) -> None:
    """The picture of a detection bears its episode's name."""
    hub.wait_for(lambda h: any(e["data"]["phase"] == "new" for e in h.of("event")), 30)
    assert wait_for(lambda: list(pictures.glob("*.jpg")), 10)
    episodes = {event["data"]["episode"] for event in hub.of("event")}
    for path in pictures.glob("*.jpg"):
        assert path.name[:36] in episodes
        image = cv2.imread(str(path))
        assert image.shape == (272, 640, 3)
        assert path.stat().st_size <= 64 * 1024


def asked(hub: PlainHub, pictures: Path) -> dict[str, Any]:
    """Ask for a picture; it has come, and is what the answer says."""
    wanted = claims("snapshot", camera="front", reason="to see")
    reply = end_of(hub, say(hub, wanted))
    assert reply["status"] == "succeeded", reply
    result: dict[str, Any] = reply["result"]
    assert result["episode"] == wanted["id"]
    assert wait_for(lambda: list(pictures.glob(f"{wanted['id']}-*.jpg")), 10)
    (path,) = pictures.glob(f"{wanted['id']}-*.jpg")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == result["sha256"]
    return result


def forged(hub: PlainHub) -> None:
    stranger = Ed25519PrivateKey.generate()
    wanted = claims("media.unlock", cameras=["front"], reason="curious")
    say(hub, wanted, stranger)
    hub.wait_for(
        lambda h: any(e["data"].get("what") == "command_forged" for e in h.of("event")), 20
    )


def unlocked(hub: PlainHub) -> None:
    wanted = claims("media.unlock", cameras=["front"], reason="case 7", for_s=600)
    reply = end_of(hub, say(hub, wanted))
    assert reply["status"] == "succeeded", reply
    hub.wait_for(lambda h: h.of("state")[-1]["data"]["unlocked"] == ["front"], 20)
    hub.wait_for(
        lambda h: any(f["code"] == "media_unlocked" for f in h.of("health")[-1]["data"]["faults"]),
        20,
    )


def on_record(state_dir: Path) -> None:
    text = "".join(path.read_text() for path in journal_files(state_dir / "journal"))
    assert '"case 7"' in text
    assert text.count('"picture"') == 4
    assert text.count('"redacted":false') + text.count('"redacted": false') == 1
    spooled = list((state_dir / "pictures").glob("*"))
    assert all(b'"redacted": "true"' in path.read_bytes() for path in spooled)
