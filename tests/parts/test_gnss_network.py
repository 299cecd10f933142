"""TCP, UDP and gpsd as sources: connected for real, refused, cut off, and spoken to wrongly."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.devices import GpsdGnssConfig, TcpGnssConfig, UdpGnssConfig
from drivers.base import DeviceLostError, DeviceUnavailableError, Driver
from drivers.clock import SystemClock
from drivers.factory import open_gnss
from drivers.gnss.gpsd import GpsdStream
from drivers.gnss.nmea_framing import frame
from drivers.gnss.outlets import Outlet, PtyOutlet, TcpOutlet
from drivers.gnss.route import demo_route
from drivers.gnss.simulator import GnssSimulator, SimulatorPlan
from drivers.samples import GnssEpoch

RMC = frame("GNRMC,120000.00,A,4807.038,N,01131.000,E,10.0,77.5,221126,,,A,V")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def talking(outlet: Outlet, rate_hz: float = 10) -> Iterator[None]:
    """A simulated receiver that writes to the outlet meanwhile."""
    plan = SimulatorPlan(route=demo_route().route(), rate_hz=rate_hz)
    simulator = GnssSimulator(plan, datetime(2026, 11, 22, tzinfo=UTC))
    stop = threading.Event()

    def talk() -> None:
        while not stop.wait(1 / rate_hz):
            outlet.write(simulator.burst())

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        yield
    finally:
        stop.set()
        talker.join()


def first_fix(gnss: Driver[GnssEpoch], within_s: float = 5.0) -> GnssEpoch | None:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if (epoch := gnss.read()) is not None:
            return epoch
    return None


# --- TCP -------------------------------------------------------------------------------------


def test_tcp_until_the_server_goes() -> None:
    server = TcpOutlet(0)
    config = TcpGnssConfig(kind="tcp", host="127.0.0.1", port=server.port)
    with closing(open_gnss(config, SystemClock())) as gnss:
        with talking(server):
            assert first_fix(gnss) is not None
        server.close()
        with pytest.raises(DeviceLostError, match=r"closed the connection|gone"):
            first_fix(gnss)


def test_tcp_where_nobody_listens() -> None:
    config = TcpGnssConfig(kind="tcp", host="127.0.0.1", port=free_port())
    with pytest.raises(DeviceUnavailableError, match="refused"):
        open_gnss(config, SystemClock())


@pytest.mark.parametrize("host", ["a" * 70, "a..b", "x\0y", "\udc80", "no-such-host.invalid"])
def test_a_host_that_cannot_be_is_told(host: str) -> None:
    for config in (
        TcpGnssConfig.model_construct(kind="tcp", host=host, port=4001),
        GpsdGnssConfig.model_construct(kind="gpsd", host=host, port=2947),
    ):
        with pytest.raises(DeviceUnavailableError, match="IP address"):
            open_gnss(config, SystemClock())
    with pytest.raises(DeviceUnavailableError, match="bind"):
        open_gnss(UdpGnssConfig.model_construct(kind="udp", bind=host, port=4001), SystemClock())


def test_a_client_that_goes_or_does_not_read_does_not_stop_the_server() -> None:
    with closing(TcpOutlet(0)) as server:
        gone = socket.create_connection(("127.0.0.1", server.port))
        deaf = socket.create_connection(("127.0.0.1", server.port))
        server.write(RMC)
        gone.close()
        for _ in range(200):
            server.write(RMC * 500)
        assert deaf.recv(len(RMC)) == RMC
        deaf.close()


def test_a_port_taken_is_told() -> None:
    with closing(TcpOutlet(0)) as server, pytest.raises(DeviceUnavailableError, match="port"):
        TcpOutlet(server.port)


# --- UDP -------------------------------------------------------------------------------------


def test_udp_datagrams_without_a_line_end_and_of_two_senders() -> None:
    port = free_port(socket.SOCK_DGRAM)
    config = UdpGnssConfig(kind="udp", port=port)
    with closing(open_gnss(config, SystemClock())) as gnss:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"$GNRMC,1200", ("127.0.0.1", port))
            sender.sendto(RMC.rstrip(), ("127.0.0.1", port))
        epoch = first_fix(gnss)
        assert epoch is not None
        assert epoch.lat_deg == pytest.approx(48.1173)
        assert gnss.counters()["no_checksum"] == 1


def test_udp_address_of_another_computer() -> None:
    config = UdpGnssConfig(kind="udp", bind="192.0.2.1", port=free_port(socket.SOCK_DGRAM))
    with pytest.raises(DeviceUnavailableError, match="bind"):
        open_gnss(config, SystemClock())


# --- gpsd ------------------------------------------------------------------------------------

VERSION = b'{"class":"VERSION","release":"3.25","rev":"3.25","proto_major":3,"proto_minor":15}\r\n'


@contextmanager
def daemon(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that deals with one client as `answer` says, in place of gpsd."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = server.accept()
        with client:
            answer(client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(server.getsockname()[1])
    finally:
        thread.join(5)
        server.close()


def test_gpsd_notes_are_left_out_and_sentences_read() -> None:
    asked = []

    def answer(client: socket.socket) -> None:
        client.sendall(VERSION)
        asked.append(client.recv(1000))
        client.sendall(b'{"class":"DEVICES","devices":[]}\r\n{"class":"TPV","lat":1.0,"lon":2')
        time.sleep(0.05)
        client.sendall(b".0}\r\n" + RMC + b'{"class":"SKY"}\r\n')
        client.recv(1)

    with daemon(answer) as port:
        config = GpsdGnssConfig(kind="gpsd", host="127.0.0.1", port=port, device="/dev/ttyACM0")
        with closing(open_gnss(config, SystemClock())) as gnss:
            epoch = first_fix(gnss)
            assert epoch is not None
            assert epoch.lat_deg == pytest.approx(48.1173)
            assert set(gnss.counters()) == {"sentences", "epochs", "fixes"}
    assert asked[0].startswith(b"?WATCH={")
    assert b'"device": "/dev/ttyACM0"' in asked[0]


@pytest.mark.parametrize(
    ("greeting", "told"),
    [(b"SSH-2.0-OpenSSH_9.2\r\n", "not as gpsd|closed"), (b"", "closed|gone")],
)
def test_what_is_no_gpsd_is_told(greeting: bytes, told: str) -> None:
    with daemon(lambda client: client.sendall(greeting)) as port:
        config = GpsdGnssConfig(kind="gpsd", host="127.0.0.1", port=port)
        with pytest.raises(DeviceUnavailableError, match=told):
            open_gnss(config, SystemClock())


@pytest.mark.parametrize(
    "note",
    [
        b'{"class":"ERROR","message":"Can\'t open requested device"}',
        b'{"class":"DEVICE","path":"/dev/ttyACM0","activated":0}',
    ],
)
def test_a_device_that_gpsd_has_lost_is_lost(note: bytes) -> None:
    def answer(client: socket.socket) -> None:
        client.sendall(VERSION)
        client.recv(1000)
        client.sendall(note + b"\r\n")
        client.recv(1)

    with daemon(answer) as port:
        config = GpsdGnssConfig(kind="gpsd", host="127.0.0.1", port=port)
        with (
            closing(open_gnss(config, SystemClock())) as gnss,
            pytest.raises(DeviceLostError, match="gpsd"),
        ):
            first_fix(gnss)


class Scripted:
    """A connection that gives what it was given."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, wait_s: float) -> bytes:
        data, self.data = self.data[:50], self.data[50:]
        return data

    def close(self) -> None:
        pass


@settings(max_examples=60)
@given(st.binary(max_size=300), st.sampled_from([b'{"class":"ERROR"', b'{"class":"DEVICE",', b"{"]))
def test_nothing_gpsd_sends_makes_it_fail(data: bytes, head: bytes) -> None:
    connection = Scripted(head + data + b"\n" + RMC)
    stream = GpsdStream(connection, None)  # type: ignore[arg-type]  # a stand-in that only reads
    try:
        while connection.data:
            stream.read(0)
    except DeviceLostError:
        return


@pytest.mark.skipif(shutil.which("gpsd") is None, reason="gpsd is not installed here")
def test_the_real_gpsd() -> None:
    outlet, port = PtyOutlet(), free_port()
    command = ["gpsd", "-N", "-n", "-b", "-S", str(port), outlet.name]
    with talking(outlet), subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            epoch = _fix_through_gpsd(port, outlet.name)
        finally:
            process.terminate()
    outlet.close()
    assert epoch is not None
    assert epoch.lat_deg == pytest.approx(52.5175, abs=1e-3)
    assert epoch.speed_mps == pytest.approx(5, abs=0.1)


def _fix_through_gpsd(port: int, device: str) -> GnssEpoch | None:
    config = GpsdGnssConfig(kind="gpsd", host="127.0.0.1", port=port, device=device)
    for _ in range(20):
        try:
            with closing(open_gnss(config, SystemClock())) as gnss:
                if (epoch := first_fix(gnss, 8.0)) is not None:
                    return epoch
        except (DeviceUnavailableError, DeviceLostError):
            time.sleep(0.25)
    return None
