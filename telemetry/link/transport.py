"""The seam between our delivery logic and whatever MQTT library carries it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from config.addresses import BrokerAddress, broker_address
from config.models import HubConfig
from telemetry.bell import Bell

ProtocolVersion = Literal["5", "3.1.1"]

# The largest packet that is taken from a broker: the largest message, and its head.
MAX_DOWN_BYTES = 256 * 1024 + 4096


class TransportError(Exception):
    """The transport could not do this; the connection is, or will be, reported lost."""


class TransportConfigError(Exception):
    """The link cannot be set up as configured: the text says what is wrong and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireMessage:
    """One message to publish, QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False
    content_type: str | None = None  # MQTT 5 only, as are the next
    expiry_s: int | None = None  # the broker drops it if it could not deliver it in time
    user_properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What things are called where a person can put them right: here in a unit's file."""

    client: str = "the unit"
    url: str = "hub.url"
    username: str = "hub.username"
    password_file: str = "hub.password_file"  # noqa: S105 - a setting's name
    ca: str = "hub.tls.ca"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """Where to connect, as whom."""

    host: str
    port: int
    client_id: str
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    keepalive_s: int = 15
    clean_start: bool = False
    session_expiry_s: int = 86_400
    fallbacks: tuple[BrokerAddress, ...] = ()  # other nodes of the same cluster
    names: Names = field(default_factory=Names)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def nodes(self) -> "tuple[LinkOptions, ...]":
        """The same for each node of the cluster, this one first."""
        others = (
            replace(self, host=node.host, port=node.port, tls=node.tls) for node in self.fallbacks
        )
        return (self, *others)


def link_options(config: HubConfig, client_id: str) -> LinkOptions:
    """The options of a unit."""
    broker = broker_address(config.url)
    return LinkOptions(
        host=broker.host,
        port=broker.port,
        client_id=client_id,
        tls=broker.tls,
        ca=config.tls.ca,
        cert=config.tls.cert,
        key=config.tls.key,
        username=config.username,
        password_file=config.password_file,
        keepalive_s=config.keepalive_s,
        session_expiry_s=config.session_expiry_s,
        fallbacks=tuple(broker_address(url) for url in config.fallback_urls),
    )


# --- what a transport reports ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reached:
    """TCP, and TLS where configured, stand; the broker has not answered yet."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection."""

    protocol: ProtocolVersion
    receive_maximum: int = 65_535  # QoS 1 messages it lets be unacknowledged (MQTT 5, 3.2.2.3.3)
    maximum_packet_bytes: int | None = None
    retain: bool = True  # the broker keeps retained messages


@dataclass(frozen=True, slots=True)
class Refused:
    """No connection came about."""

    cause: str  # for counting and tests: refused, dns, tls, credentials, protocol, timeout, ...
    text: str  # for a technician


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection stood, and does not any more."""

    text: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """PUBACK. A code of 0x80 or more means that the broker did NOT take the message."""

    token: int
    code: int

    @property
    def taken(self) -> bool:
        return self.code < 0x80


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message from the broker."""

    topic: str
    payload: bytes
    retained: bool
    qos: int = 1
    content_type: str | None = None  # these two: MQTT 5 only
    user_properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """SUBACK with a failure: we shall not hear this topic."""

    topic: str
    text: str


TransportEvent = Reached | Connected | Refused | Lost | Acknowledged | Arrived | SubscriptionRefused


class Transport(Protocol):
    """One MQTT client. Used by one thread; never blocks; reports through `events`.

    It keeps no queue of its own: what is not acknowledged when the connection ends is forgotten.
    """

    def start(
        self, options: LinkOptions, protocol: ProtocolVersion, will: WireMessage | None
    ) -> None:
        """Begin to connect. Ends in Connected or Refused. Raises TransportConfigError."""

    def events(self) -> list[TransportEvent]:
        """What happened since the last call."""

    def wait(self, timeout_s: float) -> None:
        """Return when something happened, or the bell was rung, or the time is over."""

    def publish(self, message: WireMessage) -> int:
        """Send with QoS 1; the token comes back in Acknowledged. Raises TransportError."""

    def subscribe(self, topics: tuple[str, ...]) -> None:
        """Ask for these topics with QoS 1. Raises TransportError."""

    def disconnect(self) -> None:
        """Say goodbye, so that the broker does not publish the will."""

    def abandon(self) -> None:
        """Drop the connection, or the attempt, without a word. Never raises, never blocks."""

    @property
    def bell(self) -> Bell:
        """Ends a `wait`; whoever has news for the thread that waits may ring it."""

    @property
    def idle(self) -> bool:
        """Nothing is left of the last connection: `start` may be called."""
