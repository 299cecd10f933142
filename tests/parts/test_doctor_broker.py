"""The doctor's lines about the broker: each step well, and each step failing for real."""

import json
import socket
import threading
from pathlib import Path

import pytest

from config.language import localized
from edge.doctor import broker, broker_login, broker_talk, broker_way
from edge.doctor.line import Line
from tests.broker import MOSQUITTO, Broker, free_port
from tests.certificates import make_authority, make_dated
from tests.examined import Examined, of, states
from tests.mqtt_server import FakeBroker, Manners

SESSION = "01920000-0000-7000-8000-000000000001"
TIME = "2026-11-27T07:00:00Z"
NEEDS_MOSQUITTO = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)


def found(examined: Examined, url: str, **sections: object) -> dict[str, str]:
    return states(list(broker.examine(examined.case(url, **sections))))


PLAIN = ("DNS", "TCP", "login", "subscribe", "publish", "ack", "round trip")


@NEEDS_MOSQUITTO
def test_a_broker_that_is_well(examined: Examined) -> None:
    with Broker() as one:
        told = found(examined, one.url)
    assert told == dict.fromkeys(PLAIN, "ok") | {"hub": "none"}


@NEEDS_MOSQUITTO
def test_an_older_broker_is_asked_in_its_own_version(examined: Examined) -> None:
    with Broker() as one:
        told = found(examined, one.url, hub={"url": one.url, "protocol": "3.1.1"})
    assert told["publish"] == "none", "nobody can know"
    assert told["round trip"] == "ok"


# --- each step, failing ---


def failing(examined: Examined, url: str, **sections: object) -> Line:
    """The first fault; what comes before it is well, and what comes after is not tried."""
    lines = list(broker.examine(examined.case(url, **sections)))
    at = next(n for n, line in enumerate(lines) if line.state == "fault")
    assert all(line.state == "ok" for line in lines[:at] if line.name in broker.STEPS)
    assert {line.text for line in lines[at + 1 :]} <= {"not tried"}
    assert [line.name for line in lines if line.name in broker.STEPS] == [
        step for step in broker.STEPS if step != "TLS" or url.startswith("mqtts")
    ]
    assert lines[at].cure
    return lines[at]


def test_a_name_that_nobody_knows(examined: Examined) -> None:
    line = failing(examined, "mqtt://no-such-hub.invalid:1883")
    assert (line.name, line.code) == ("DNS", "broker_unknown")
    assert "no-such-hub.invalid" in line.text
    assert "name server" in (line.cure or "")


def test_a_name_server_that_says_nothing(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_way, "NAME_WITHIN_S", 0.2)

    def late(*_args: object, **_named: object) -> None:
        threading.Event().wait(0.5)
        raise OSError("too late")

    monkeypatch.setattr(socket, "getaddrinfo", late)
    assert failing(examined, "mqtt://hub.example:1883").code == "broker_unknown"


def test_nobody_is_there(examined: Examined) -> None:
    line = failing(examined, f"mqtt://127.0.0.1:{free_port()}")
    assert (line.name, line.code) == ("TCP", "broker_closed")


def test_nothing_comes_back(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full answers to no SYN (listen(2)), as a firewall that drops."""
    monkeypatch.setattr(broker_way, "CONNECT_WITHIN_S", 0.5)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        line = failing(examined, f"mqtt://127.0.0.1:{address[1]}")
        for one in waiting:
            one.close()
    assert (line.name, line.code) == ("TCP", "broker_unreachable")


def test_somebody_is_there_and_says_nothing(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_talk, "ANSWER_S", 1.0)
    monkeypatch.setattr(broker_way, "SHAKE_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        line = failing(examined, f"mqtt://127.0.0.1:{port}")
        assert (line.name, line.code) == ("login", "broker_mute")
        line = failing(examined, f"mqtts://127.0.0.1:{port}")
        assert (line.name, line.code) == ("TLS", "tls_fails")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    make_authority(folder, "ca")
    make_authority(folder, "stranger")
    return folder


def secure(folder: Path, name: str, *more: str) -> Broker:
    files = [f"certfile {folder / name}.crt", f"keyfile {folder / name}.key"]
    return Broker(["listener {port} 127.0.0.1", *files, *more])


def tls_of(folder: Path, ca: str = "ca") -> dict[str, object]:
    return {"ca": str(folder / f"{ca}.crt")}


@NEEDS_MOSQUITTO
@pytest.mark.parametrize(
    ("days", "host", "ca", "code", "word"),
    [(90.0, "127.0.0.1", "ca", "ok", "90 days left"),
     (3.5, "127.0.0.1", "ca", "broker_certificate_expires", "3 days left"),
     (-2.0, "127.0.0.1", "ca", "broker_certificate_expired", "ended on"),
     (500.0, "127.0.0.1", "ca", "tls_clock", "begins on"),
     (90.0, "127.0.0.1", "stranger", "broker_untrusted", "CN=ca"),
     (90.0, "192.0.2.1", "ca", "broker_misnamed", "192.0.2.1")],
    ids=["well", "ends soon", "ended", "not yet", "another authority", "another name"],
)  # fmt: skip
def test_certificates_of_the_broker(
    examined: Examined, authority: Path, days: float, host: str, ca: str, code: str, word: str
) -> None:
    make_dated(authority, "broker", ends_in_days=days + 0.01, host=host)
    with secure(authority, "broker") as one:
        url = f"mqtts://127.0.0.1:{one.port}"
        case = examined.case(url, hub={"url": url, "tls": tls_of(authority, ca)})
        line = of(list(broker.examine(case)), "TLS")
    assert (line.code or line.state) == code, line
    assert word in line.text
    assert (line.cure is None) == (code == "ok")


@NEEDS_MOSQUITTO
def test_tls_on_a_port_without_it_and_files_that_are_wrong(
    examined: Examined, authority: Path
) -> None:
    with Broker() as one:
        url = f"mqtts://127.0.0.1:{one.port}"
        line = failing(examined, url, hub={"url": url, "tls": tls_of(authority)})
        assert (line.name, line.code) == ("TLS", "tls_fails")
        (authority / "rubbish.crt").write_text("rubbish")
        line = failing(examined, url, hub={"url": url, "tls": tls_of(authority, "rubbish")})
        assert (line.name, line.code) == ("TLS", "tls_files")


@NEEDS_MOSQUITTO
def test_a_broker_that_wants_a_certificate_of_the_unit(examined: Examined, authority: Path) -> None:
    make_dated(authority, "broker", ends_in_days=90)
    more = (f"cafile {authority / 'ca.crt'}", "require_certificate true")
    with secure(authority, "broker", *more) as one:
        url = f"mqtts://127.0.0.1:{one.port}"
        line = failing(examined, url, hub={"url": url, "tls": tls_of(authority)})
    assert (line.name, line.code) == ("login", "broker_refuses"), "TLS 1.3 tells it that late"


@NEEDS_MOSQUITTO
def test_a_hub_that_is_there_and_one_that_is_gone(examined: Examined) -> None:
    for state, told in (("online", "ok"), ("offline", "hub_gone")):
        server = FakeBroker()
        text = {"state": state, "hub": "hub-1", "session": SESSION, "time": TIME}
        server.manners.puback = lambda _heard, text=text, server=server: (
            server.publish("patrol/v1/hub/state", json.dumps(text).encode(), retain=True) or 0
        )
        assert found(examined, f"mqtt://127.0.0.1:{server.port}")["hub"] == told


def test_several_nodes_are_looked_at_together(examined: Examined) -> None:
    ports = [free_port(), free_port()]
    url = f"mqtt://127.0.0.1:{ports[0]}"
    hub = {"url": url, "fallback_urls": [f"mqtt://127.0.0.1:{ports[1]}"]}
    told = found(examined, url, hub=hub)
    assert [told[f"TCP 127.0.0.1:{port}"] for port in ports] == ["broker_closed"] * 2
    assert told[f"then 127.0.0.1:{ports[0]}"] == "none"
    assert len(told) == 6


@pytest.mark.parametrize(("days", "code"), [(30.0, "authority_expires"), (300.0, "ok")])
def test_the_authority_ends_too(
    examined: Examined, authority: Path, days: float, code: str
) -> None:
    make_dated(authority, "old", ends_in_days=days)
    url = f"mqtts://127.0.0.1:{free_port()}"
    hub = {"url": url, "tls": tls_of(authority, "old")}
    assert found(examined, url, hub=hub)["authority"] == code


# --- manners and rights ---


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
    monkeypatch.setattr(broker_talk, "ANSWER_S", 1.5)
    silent = FakeBroker(Manners(puback=lambda _heard: None))
    told = found(examined, f"mqtt://127.0.0.1:{silent.port}")
    assert told["ack"] == "delivery_stalled"
    assert told["publish"] == "none", "no answer is no permission"
    strict = FakeBroker(Manners(puback=lambda _heard: 0x87, suback=0x87))
    told = found(examined, f"mqtt://127.0.0.1:{strict.port}")
    assert (told["publish"], told["subscribe"]) == ("message_refused", "topic_unheard")


@NEEDS_MOSQUITTO
def test_a_wrong_password(
    examined: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    passwords, own = tmp_path / "passwords", tmp_path / "password"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "car-07", "right"], check=True)
    passwords.chmod(0o644)
    own.write_text("wrong")
    own.chmod(0o600)
    with Broker([f"password_file {passwords}", "allow_anonymous false"]) as one:
        hub = {"url": one.url, "username": "car-07", "password_file": str(own)}
        case = examined.case(one.url, hub=hub)
        line = of(list(broker.examine(case)), "login")
        assert line.code == "broker_refuses"
        assert "password" in f"{line.text} {line.cure}"
        assert (line.cure or "").startswith("check hub.username, hub.password_file or")
        monkeypatch.setenv("LANGUAGE", "zh_CN")
        assert localized(line.text) != line.text
        assert localized(line.cure or "") != line.cure
        own.write_text("right")
        assert found(examined, one.url, hub=hub)["round trip"] == "ok"


@NEEDS_MOSQUITTO
def test_rights_that_are_missing_are_named(examined: Examined, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic write patrol/v1/car-07/position\ntopic read patrol/v1/car-07/ack\n")
    acl.chmod(0o644)
    with Broker([f"acl_file {acl}"]) as one:
        lines = list(broker.examine(examined.case(one.url)))
    told = of(lines, "publish")
    assert told.code == "message_refused"
    assert "patrol/v1/car-07/event" in told.text
    assert "position" not in told.text
    assert "acl" in (told.cure or "")
    if of(lines, "subscribe").code is not None:  # mosquitto grants, and stays silent, before 2.0
        assert of(lines, "subscribe").code == "topic_unheard"


@NEEDS_MOSQUITTO
def test_a_slow_link(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_login, "SLOW_MS", 0.0)
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


@NEEDS_MOSQUITTO
def test_a_unit_that_is_let_in_by_its_certificate_stays_so(
    examined: Examined, authority: Path
) -> None:
    """A broker that takes client ids from certificates lets go of the unit for a second login."""
    make_dated(authority, "broker", ends_in_days=90)
    make_dated(authority, "car-07", ends_in_days=90)
    (authority / "car-07.key").chmod(0o600)
    own = {"cert": str(authority / "car-07.crt"), "key": str(authority / "car-07.key")}
    more = (
        f"cafile {authority / 'ca.crt'}",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
    )
    with secure(authority, "broker", *more) as one:
        url = f"mqtts://127.0.0.1:{one.port}"
        hub = {"url": url, "tls": tls_of(authority) | own}
        assert found(examined, url, hub=hub)["login"] == "ok"
        examined.facts = {"link": {"connected": True, "acked": 7}, "faults": []}
        told = found(examined, url, hub=hub)
        assert (told["TLS"], told["login"], told["the unit"]) == ("ok", "none", "ok")
        assert "subscribe" not in told
        examined.facts = {"link": {"connected": False}, "faults": []}
        assert found(examined, url, hub=hub)["login"] == "ok", "then nobody can be pushed off"
