"""One connection through paho. The only module that imports it.

What its tracker and our tests taught (paho 2.2), and what is done about it:

- its own thread and its callers wait for each other's locks, at worst for ever: it has no thread
  here, and all of it runs in the thread that uses the transport, on a socket that never blocks;
- its queue in memory is replayed with other packet ids, past every window, on reconnect: a client
  object lives for one connection only, and is given nothing while that does not stand;
- a negative PUBACK counts as published: the reason code is read here;
- an exception in a callback, or a packet that it cannot parse, ends its loop: callbacks append and
  no more, and what the loop raises becomes `Lost`.
"""

import socket
import ssl
import struct
from functools import lru_cache
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.language import said, tell
from telemetry.link.packet_socket import BadPacketError, PacketSocket
from telemetry.link.refusals import why_ended, why_not_accepted, why_unreachable
from telemetry.link.security import password
from telemetry.link.transport import (
    MAX_DOWN_BYTES,
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    Lost,
    ProtocolVersion,
    Refused,
    SubscriptionRefused,
    TransportConfigError,
    TransportError,
    TransportEvent,
    WireMessage,
)

# A broker of MQTT 3.1.1 cannot be told our limit, and would send again after each hang-up.
MAX_UNTOLD_BYTES = 8 * 1024 * 1024
PAHO_WINDOW = 1000  # paho's own limit stays above ours, or it would queue
# What paho's parser raises for bytes that it did not expect, beside what it means to raise.
_UNREADABLE = (
    struct.error,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    MQTTException,
)


class PahoClient(Client):
    """paho, on a socket that is open already."""

    packets: PacketSocket

    def _create_socket(self) -> Any:
        return self.packets


class PahoSession:
    """One client object on one connection. Each callback appends an event, and no more."""

    def __init__(
        self,
        client: PahoClient,
        link: socket.socket,
        options: LinkOptions,
        protocol: ProtocolVersion,
    ) -> None:
        self.client = client
        self._options = options
        self._protocol = protocol
        self.events: list[TransportEvent] = []
        self.connected = False
        self.ended = False
        self._topics: dict[int, tuple[str, ...]] = {}
        self.packets = client.packets = PacketSocket(
            link, MAX_DOWN_BYTES if protocol == "5" else MAX_UNTOLD_BYTES
        )
        client.on_connect = self._connect
        client.on_disconnect = self._disconnect
        client.on_publish = self._published
        client.on_message = self._message
        client.on_subscribe = self._subscribed
        # With this set, paho leaves the writing to whoever watches the socket.
        client.on_socket_register_write = _leave_it

    def greet(self) -> None:
        """Send CONNECT."""
        if self._protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
            properties.SessionExpiryInterval = self._options.session_expiry_s
            properties.MaximumPacketSize = MAX_DOWN_BYTES
            self.client.connect(
                self._options.host,
                self._options.port,
                self._options.keepalive_s,
                clean_start=self._options.clean_start,
                properties=properties,
            )
        else:
            self.client.connect(self._options.host, self._options.port, self._options.keepalive_s)

    def work(self) -> None:
        """Read, write, keep alive. Whatever goes wrong ends the session, with the reason."""
        try:
            more = True
            while more and not self.ended:
                more = self.packets.fill()
                # Each call reads as many packets as paho has messages on the wire, at least one.
                while self.packets.readable and not self.ended:
                    self.client.loop_read()
            self.client.loop_misc()
            self.send()
        except ssl.SSLError as error:
            # With TLS 1.3 a broker refuses our certificate only after the handshake.
            refused = why_unreachable(error, self._options)
            self._end(refused.text, refused)
        except (BadPacketError, OSError) as error:
            self._end(said(error))
        except _UNREADABLE as error:
            self._end(f"the other side may not be an MQTT broker ({error or type(error).__name__})")

    def send(self) -> None:
        """All that paho has written, in few pieces. Raises OSError."""
        if self.client.want_write():
            self.client.loop_write()
        self.packets.flush()

    def publish(self, message: WireMessage) -> int:
        """Hand over to paho; the token. Raises TransportError."""
        properties = _properties(message) if self._protocol == "5" else None
        try:
            info = self.client.publish(
                message.topic, message.payload, 1, message.retain, properties
            )
        except (ValueError, OSError, MQTTException) as error:
            raise TransportError(str(error)) from error
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise TransportError(f"not sent: {info.rc.name}")
        return info.mid

    def subscribe(self, topics: tuple[str, ...]) -> None:
        """Raises TransportError."""
        code, mid = self.client.subscribe([(topic, 1) for topic in topics])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise TransportError(f"not subscribed: {code}")
        self._topics[mid] = topics

    def say_goodbye(self) -> None:
        self.client.disconnect()
        self.work()

    def _end(self, why: str, refused: Refused | None = None) -> None:
        if self.ended:
            return
        self.ended = True
        self.packets.close()
        address = self._options.address
        if self.connected:
            self.events.append(
                Lost(tell("the connection to {address} ended: {why}", address=address, why=why))
            )
        else:
            # A broker that does not like the greeting may hang up without a word.
            text = tell(
                "{address} hung up before it accepted the unit: {why}", address=address, why=why
            )
            self.events.append(refused or Refused("closed", text))

    # --- callbacks ---

    def _connect(
        self, _client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, props: Any
    ) -> None:
        if reason.is_failure:
            self.ended = True
            self.events.append(why_not_accepted(str(reason), self._options))
            return
        self.connected = True
        self.events.append(
            Connected(
                self._protocol,
                getattr(props, "ReceiveMaximum", 65_535),
                getattr(props, "MaximumPacketSize", None),
                retain=getattr(props, "RetainAvailable", 1) != 0,
            )
        )

    def _disconnect(
        self, _client: Client, _userdata: Any, flags: DisconnectFlags, reason: ReasonCode, _p: Any
    ) -> None:
        by_broker = flags.is_disconnect_packet_from_server
        self._end(why_ended(str(reason)) if by_broker else str(reason))

    def _published(
        self, _client: Client, _userdata: Any, mid: int, reason: ReasonCode, _props: Any
    ) -> None:
        self.events.append(Acknowledged(mid, reason.value))

    def _message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.events.append(_arrived(message))

    def _subscribed(
        self, _client: Client, _userdata: Any, mid: int, reasons: list[ReasonCode], _props: Any
    ) -> None:
        for topic, reason in zip(self._topics.get(mid, ()), reasons, strict=False):
            if reason.is_failure:
                self.events.append(SubscriptionRefused(topic, str(reason)))


def _leave_it(_client: Client, _userdata: Any, _sock: Any) -> None:
    """See where it is set."""


class _Packed(Properties):
    """Packed once for all messages: else it costs as much as the rest of a publish."""

    def __init__(self, properties: Properties) -> None:
        super().__init__(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
        object.__setattr__(self, "_bytes", properties.pack())  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        packed: bytes = object.__getattribute__(self, "_bytes")
        return packed


@lru_cache(maxsize=8)
def _cached(content_type: str | None, expiry_s: int | None) -> Properties | None:
    if content_type is None and expiry_s is None:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
    if content_type is not None:
        properties.ContentType = content_type
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    return _Packed(properties)


def _properties(message: WireMessage) -> Properties | None:
    if not message.user_properties:
        return _cached(message.content_type, message.expiry_s)
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
    if message.content_type is not None:
        properties.ContentType = message.content_type
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    for pair in message.user_properties:
        properties.UserProperty = pair
    return properties


def _of_will(will: WireMessage, protocol: ProtocolVersion) -> Properties | None:
    if protocol != "5" or will.content_type is None:
        return None
    properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho's
    properties.ContentType = will.content_type
    return properties


def _arrived(message: MQTTMessage) -> Arrived:
    properties = message.properties
    return Arrived(
        message.topic,
        bytes(message.payload),
        message.retain,
        message.qos,
        getattr(properties, "ContentType", None),
        tuple(getattr(properties, "UserProperty", ())),
    )


def make_client(
    options: LinkOptions, protocol: ProtocolVersion, will: WireMessage | None
) -> PahoClient:
    try:
        options.host.encode("idna")
    except UnicodeError as error:
        raise TransportConfigError(
            tell("{host!r} is no host name; correct hub.url", host=options.host)
        ) from error
    client = PahoClient(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if protocol == "5" else MQTTProtocolVersion.MQTTv311,
        clean_session=None if protocol == "5" else options.clean_start,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(PAHO_WINDOW)
    if will is not None:
        client.will_set(will.topic, will.payload, 1, will.retain, _of_will(will, protocol))
    if options.username is not None or options.password_file is not None:
        client.username_pw_set(options.username, password(options))
    return client
