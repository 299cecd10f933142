"""A camera that turns itself, over HTTP: the login, where it is told to be, and bad answers."""

import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.actuators import OnvifVia
from drivers.actuators.actuator import ActuatorReport, Silence
from drivers.actuators.mounted import MountedActuator
from drivers.actuators.onvif import OnvifMount, degrees, share, turned_into
from drivers.actuators.soap import SCHEMA, Soap, digest
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import SystemClock
from drivers.platforms.orders import Aim
from drivers.samples import Done
from tests.onvif_camera import ENVELOPE, Camera, onvif_camera


def via(folder: Path, port: int, login: str = "admin:secret") -> OnvifVia:
    path = folder / "camera.credentials"
    path.write_text(login + "\n")
    path.chmod(0o600)
    return OnvifVia(kind="onvif", host="127.0.0.1", net_port=port, credentials_file=path)


def opened(config: OnvifVia) -> MountedActuator:
    return MountedActuator(OnvifMount.open(config), SystemClock())


def test_the_digest_is_that_of_the_profile() -> None:
    # By openssl dgst -sha1 over the same bytes.
    nonce, created = b"0123456789abcdef", "2026-11-22T12:00:00Z"
    assert digest(nonce, created, "secret") == "d1oWQppWR4bEGYigtQS1UP54HMY="


def test_it_goes_where_it_is_told_and_says_where_it_is(tmp_path: Path) -> None:
    camera = Camera()
    with onvif_camera(camera) as port:
        mount = opened(via(tmp_path, port))
        mount.ask(1, Aim(pan_deg=-90.0, tilt_deg=-45.0, zoom=0.25))
        assert mount.read() == Done(token=1, ok=True)
        report = mount.read()
        mount.ask(2, Aim(tilt_deg=0.0))
        mount.ask(3, Aim(preset="gate"))
        mount.ask(4, Silence())
        answers = [mount.read() for _ in range(3)]

    assert isinstance(report, ActuatorReport)
    assert report.measured
    assert (report.pan_deg, report.tilt_deg, report.zoom) == (-90.0, -45.0, 0.25)
    assert camera.position == [-0.5, 0.0, 0.25], "only the tilt was asked to change"
    assert camera.preset == "gate"
    assert [one.ok for one in answers if isinstance(one, Done)] == [True, True, False]


def test_a_camera_that_moves_by_radio_time_of_its_own_is_logged_in_to(tmp_path: Path) -> None:
    for camera in (Camera(login=None), Camera()):
        with onvif_camera(camera) as port:
            opened(via(tmp_path, port))
        assert camera.asked[0] == "GetSystemDateAndTime"


def test_what_is_wrong_is_told_with_the_cure(tmp_path: Path) -> None:
    with onvif_camera(Camera()) as port:
        with pytest.raises(DeviceUnavailableError, match="refuses the login"):
            opened(via(tmp_path, port, "admin:wrong"))
        other = via(tmp_path, port).model_copy(update={"profile": "third"})
        with pytest.raises(DeviceUnavailableError, match=r"no profile 'third'.*there is: main"):
            opened(other)
    with pytest.raises(DeviceUnavailableError, match="does not answer"):
        opened(via(tmp_path, port))
    with (
        onvif_camera(Camera(turns=False)) as port,
        pytest.raises(DeviceUnavailableError, match="cannot turn"),
    ):
        opened(via(tmp_path, port))


def test_a_camera_that_goes_is_a_loss(tmp_path: Path) -> None:
    with onvif_camera(Camera()) as port:
        mount = opened(via(tmp_path, port))
    with pytest.raises(DeviceLostError, match="check its cable"):
        mount.ask(1, Aim(pan_deg=0.0))
    mount.close()


IN_DEGREES = (
    '<tptz:PTZStatus><tt:Position><tt:PanTilt x="90" y="10" space="http://www.onvif.org/ver10/tptz'
    '/PanTiltSpaces/SphericalPositionSpace"/></tt:Position></tptz:PTZStatus>'
)


@pytest.mark.parametrize("told", ["", IN_DEGREES], ids=["nothing", "in another space"])
def test_a_camera_that_does_not_say_where_it_looks_is_not_turned_by_half(
    tmp_path: Path, told: str
) -> None:
    camera = Camera()
    with onvif_camera(camera) as port:
        mount = opened(via(tmp_path, port))
        camera.raw = ENVELOPE.format(
            f"<tptz:GetStatusResponse>{told}</tptz:GetStatusResponse>"
        ).encode()
        mount.ask(1, Aim(tilt_deg=-10.0))
        answer = mount.read()
    assert isinstance(answer, Done)
    assert (answer.ok, "give both pan and tilt" in answer.text) == (False, True)
    assert camera.position == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("year", ["9999", "0001", "1" * 30, "x"])
def test_a_clock_that_cannot_be_is_not_believed(year: str) -> None:
    soap, told = Soap("127.0.0.1", 80, ("admin", "secret")), Tree.Element("answer")
    utc = Tree.SubElement(told, f"{{{SCHEMA}}}UTCDateTime")
    parts = {"Year": year, "Month": "12", "Day": "31", "Hour": "23", "Minute": "59", "Second": "59"}
    for name, text in parts.items():
        Tree.SubElement(utc, f"{{{SCHEMA}}}{name}").text = text
    soap.set_time(told)
    security = Tree.Element("security")
    soap._sign(security, "admin", "secret")
    stamped = security[0][-1].text
    assert stamped is not None
    assert abs(datetime.fromisoformat(stamped) - datetime.now(UTC)).total_seconds() < 60


def test_an_answer_that_drips_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.actuators.soap.WITHIN_S", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n")
            try:
                while True:
                    connection.sendall(b"<")
                    time.sleep(0.05)
            except OSError:
                return

    camera = threading.Thread(target=drip)
    camera.start()
    began_s = time.monotonic()
    with pytest.raises(DeviceUnavailableError, match="does not answer"):
        opened(via(tmp_path, listener.getsockname()[1]))
    assert time.monotonic() - began_s < 3.0
    camera.join(5)
    listener.close()


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x ['
    + b"".join(
        b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"x" * 100) for n in range(12)
    )
    + b"]><x>&e11;</x>"
)


@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>login</html>", b"<a", BOMB, b"\xff" * 100],
    ids=["none", "page", "torn", "bomb", "bytes"],
)
def test_an_answer_that_is_no_soap_is_told(tmp_path: Path, raw: bytes) -> None:
    with (
        onvif_camera(Camera(raw=raw)) as port,
        pytest.raises(DeviceUnavailableError, match=r"no SOAP|empty envelope"),
    ):
        opened(via(tmp_path, port))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=300), wrap=st.booleans())
def test_any_answer_is_taken_or_told(tmp_path: Path, raw: bytes, wrap: bool) -> None:
    camera = Camera()
    with onvif_camera(camera) as port:
        mount = opened(via(tmp_path, port))
        camera.raw = ENVELOPE.encode().replace(b"{}", raw) if wrap else raw
        try:
            report = mount.read()
        except DeviceLostError:
            return
    assert isinstance(report, ActuatorReport)


@given(st.floats(-180, 180))
def test_an_angle_survives_the_range(angle_deg: float) -> None:
    assert degrees(share(angle_deg, (-180, 180)), (-180, 180)) == pytest.approx(angle_deg, abs=1e-6)


def test_a_direction_beyond_the_range_is_the_same_one_within() -> None:
    assert turned_into(200.0, (-180.0, 180.0)) == -160.0
    assert turned_into(-10.0, (0.0, 350.0)) == 350.0
    assert turned_into(100.0, (-90.0, 90.0)) == 100.0
    assert share(100.0, (-90.0, 90.0)) == 1.0
