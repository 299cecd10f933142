"""The doctor's lines about the broker: reached, let in, in time, with its rights."""

from pathlib import Path

import pytest

from edge.doctor import broker
from tests.broker import MOSQUITTO, Broker, free_port
from tests.examined import Examined, of, states
from tests.mqtt_server import FakeBroker, Manners

NEEDS_MOSQUITTO = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)


def found(examined: Examined, url: str, **sections: object) -> dict[str, str]:
    return states(list(broker.examine(examined.case(url, **sections))))


@NEEDS_MOSQUITTO
def test_a_broker_that_is_well(examined: Examined) -> None:
    with Broker() as one:
        told = found(examined, one.url)
    address = f"127.0.0.1:{one.port}"
    assert told == {
        address: "ok", "round trip": "ok", "may write": "ok", "may hear": "ok", "hub": "none"
    }  # fmt: skip


@NEEDS_MOSQUITTO
def test_an_older_broker_is_asked_in_its_own_version(examined: Examined) -> None:
    with Broker() as one:
        told = found(examined, one.url, hub={"url": one.url, "protocol": "3.1.1"})
    assert told["may write"] == "none", "nobody can know"
    assert told["round trip"] == "ok"


def test_nobody_is_there(examined: Examined) -> None:
    port = free_port()
    lines = list(broker.examine(examined.case(f"mqtt://127.0.0.1:{port}")))
    assert states(lines) == {f"127.0.0.1:{port}": "link_down"}
    assert lines[0].cure


def test_somebody_is_there_and_says_nothing(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(broker, "ANSWER_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        told = found(examined, f"mqtt://127.0.0.1:{port}")
    assert told == {f"127.0.0.1:{port}": "link_down"}


def test_it_disturbs_neither_unit_nor_hub(examined: Examined) -> None:
    """A client id of its own, no will, no session left behind; empty messages, not retained."""
    server = FakeBroker()
    found(examined, f"mqtt://127.0.0.1:{server.port}")
    greeting = server.greetings[0]
    assert greeting.client_id == "car-07-doctor"
    assert greeting.clean_start
    assert not greeting.session_expiry_s
    assert greeting.will_topic is None
    assert len(server.heard) == 7
    assert all(one.payload == b"" and not one.retain for one in server.heard)


def test_a_broker_that_takes_nothing_and_one_that_forbids(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "ANSWER_S", 1.5)
    silent = FakeBroker(Manners(puback=lambda _heard: None))
    told = found(examined, f"mqtt://127.0.0.1:{silent.port}")
    assert told["round trip"] == "delivery_stalled"
    assert told["may write"] == "none", "no answer is no permission"
    strict = FakeBroker(Manners(puback=lambda _heard: 0x87, suback=0x87))
    told = found(examined, f"mqtt://127.0.0.1:{strict.port}")
    assert (told["may write"], told["may hear"]) == ("message_refused", "topic_unheard")


@NEEDS_MOSQUITTO
def test_a_wrong_password(examined: Examined, tmp_path: Path) -> None:
    import subprocess

    passwords, own = tmp_path / "passwords", tmp_path / "password"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "car-07", "right"], check=True)
    passwords.chmod(0o644)
    own.write_text("wrong")
    own.chmod(0o600)
    with Broker([f"password_file {passwords}", "allow_anonymous false"]) as one:
        hub = {"url": one.url, "username": "car-07", "password_file": str(own)}
        case = examined.case(one.url, hub=hub)
        line = next(iter(broker.examine(case)))
        assert line.code == "link_down"
        assert "password" in f"{line.text} {line.cure}"
        own.write_text("right")
        assert found(examined, one.url, hub=hub)["round trip"] == "ok"


@NEEDS_MOSQUITTO
def test_rights_that_are_missing_are_named(examined: Examined, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic write patrol/v1/car-07/position\ntopic read patrol/v1/car-07/ack\n")
    acl.chmod(0o644)
    with Broker([f"acl_file {acl}"]) as one:
        lines = list(broker.examine(examined.case(one.url)))
    told = of(lines, "may write")
    assert told.code == "message_refused"
    assert "patrol/v1/car-07/event" in told.text
    assert "position" not in told.text
    assert "acl" in (told.cure or "")
    if of(lines, "may hear").code is not None:  # mosquitto grants, and stays silent, before 2.0
        assert of(lines, "may hear").code == "topic_unheard"


@NEEDS_MOSQUITTO
def test_a_slow_link(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "SLOW_MS", 0.0)
    with Broker() as one:
        assert found(examined, one.url)["round trip"] == "link_slow"


def test_a_certificate_that_has_ended(examined: Examined, tmp_path: Path) -> None:
    (tmp_path / "unit.pem").write_text("no certificate")
    (tmp_path / "unit.key").write_text("no key")
    for name in ("unit.pem", "unit.key"):
        (tmp_path / name).chmod(0o600)
    tls = {"cert": str(tmp_path / "unit.pem"), "key": str(tmp_path / "unit.key")}
    port = free_port()
    lines = list(
        broker.examine(
            examined.case(
                f"mqtts://127.0.0.1:{port}", hub={"url": f"mqtts://127.0.0.1:{port}", "tls": tls}
            )
        )
    )
    assert lines[0].code in ("certificate_wrong", "certificate_unusable")
    assert lines[0].cure
