"""NMEA 0183 from the network: a TCP server to connect to, or datagrams sent to this unit."""

from config.devices import TcpGnssConfig, UdpGnssConfig
from drivers.clock import Clock
from drivers.gnss.stream import StreamGnss
from drivers.stream import TcpStream, UdpStream


def open_tcp(config: TcpGnssConfig, clock: Clock) -> StreamGnss:
    """A receiver behind a TCP server, such as a router or a serial-to-Ethernet box.

    Connects, as TcpStream does. Raises DeviceUnavailableError, with the cure.
    """
    stream = TcpStream.connect(config.host, config.port)
    return StreamGnss(stream, clock, config.max_speed_mps)


def open_udp(config: UdpGnssConfig, clock: Clock) -> StreamGnss:
    """A receiver that sends its sentences in datagrams.

    Listens. Raises DeviceUnavailableError, with the cure.
    """
    return StreamGnss(UdpStream.bind(config.bind, config.port), clock, config.max_speed_mps)
