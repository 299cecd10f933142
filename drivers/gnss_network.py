"""NMEA 0183 from the network: a TCP server to connect to, or datagrams sent to this unit."""

from config.models import TcpGnssConfig, UdpGnssConfig
from drivers.clock import Clock
from drivers.gnss_stream import StreamGnss
from drivers.stream import TcpStream, UdpStream


class TcpGnss:
    """A receiver behind a TCP server, such as a router or a serial-to-Ethernet box."""

    @staticmethod
    def open(config: TcpGnssConfig, clock: Clock) -> StreamGnss:
        """Connect, waiting at most 5 s. Raises DeviceUnavailableError, with the cure."""
        stream = TcpStream.connect(config.host, config.port)
        return StreamGnss(stream, clock, config.max_speed_mps)


class UdpGnss:
    """A receiver that sends its sentences in datagrams."""

    @staticmethod
    def open(config: UdpGnssConfig, clock: Clock) -> StreamGnss:
        """Listen. Raises DeviceUnavailableError, with the cure."""
        return StreamGnss(UdpStream.bind(config.bind, config.port), clock, config.max_speed_mps)
