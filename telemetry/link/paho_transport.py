"""MQTT through paho. The only module that imports it.

What its tracker and our tests taught (paho 2.2): a client object lives for one connection only, so
its queue in memory is never replayed (with other packet ids, past every window) on reconnect; the
callbacks append to a deque and do nothing else, since one that waits for a lock deadlocks it; and
a negative PUBACK counts as published for paho, so the reason code is read here.
"""

import socket
import sys
import threading
from collections import deque
from contextlib import suppress
from functools import lru_cache
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from telemetry.link.refusals import why_not_accepted, why_unreachable
from telemetry.link.security import password, tls_context
from telemetry.link.transport import (
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    Lost,
    ProtocolVersion,
    Reached,
    Refused,
    SubscriptionRefused,
    TransportConfigError,
    TransportError,
    TransportEvent,
    WireMessage,
)

CONNECT_TIMEOUT_S = 5.0
PAHO_WINDOW = 1000  # paho's own limit stays above ours, or it would queue
USER_TIMEOUT_MS = 10_000


class _Connection:
    """One paho client's life, as its thread tells it: each callback appends, and no more."""

    def __init__(
        self, bell: threading.Event, options: LinkOptions, protocol: ProtocolVersion
    ) -> None:
        self._bell = bell
        self._options = options
        self._protocol = protocol
        self.events: deque[TransportEvent] = deque()
        self.thread: threading.Thread | None = None
        self.connected = False
        self.refused = False
        self.abandoned = False
        self.ended = False
        self.topics: dict[int, tuple[str, ...]] = {}

    def hook_into(self, client: Client) -> None:
        client.on_pre_connect = self._pre_connect
        client.on_socket_open = self._socket_open
        client.on_connect_fail = self._connect_fail
        client.on_connect = self._connect
        client.on_disconnect = self._disconnect
        client.on_publish = self._published
        client.on_message = self._message
        client.on_subscribe = self._subscribed

    def _report(self, event: TransportEvent) -> None:
        if not self.abandoned:
            self.events.append(event)
        self._bell.set()

    def _refuse(self, event: Refused) -> None:
        if not self.refused:
            self.refused = True
            self._report(event)

    def _pre_connect(self, _client: Client, _userdata: Any) -> None:
        self.thread = threading.current_thread()

    def _socket_open(self, _client: Client, _userdata: Any, link: Any) -> None:
        # Small messages must not wait for each other (Nagle), and a peer that no longer answers
        # must not hold the connection open.
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        self._report(Reached())

    def _connect_fail(self, _client: Client, _userdata: Any) -> None:
        # paho calls this from its `except OSError`, and does not hand the error over.
        self._refuse(why_unreachable(sys.exc_info()[1], self._options))
        self.ended = True

    def _connect(
        self, client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, props: Any
    ) -> None:
        if self.abandoned:
            client.disconnect()
        elif reason.is_failure:
            self._refuse(why_not_accepted(str(reason), self._options))
        else:
            self.connected = True
            receive_maximum = getattr(props, "ReceiveMaximum", 65_535)
            packet_bytes = getattr(props, "MaximumPacketSize", None)
            self._report(Connected(self._protocol, receive_maximum, packet_bytes))

    def _disconnect(
        self, _client: Client, _userdata: Any, _flags: DisconnectFlags, reason: ReasonCode, _p: Any
    ) -> None:
        address = self._options.address
        if self.connected:
            self._report(Lost(f"the connection to {address} ended: {reason}"))
        else:
            self._refuse(Refused("closed", f"{address} hung up before it accepted the unit"))
        self.ended = True

    def _published(
        self, _client: Client, _userdata: Any, mid: int, reason: ReasonCode, _props: Any
    ) -> None:
        self._report(Acknowledged(mid, reason.value))

    def _message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._report(_arrived(message))

    def _subscribed(
        self, _client: Client, _userdata: Any, mid: int, reasons: list[ReasonCode], _props: Any
    ) -> None:
        for topic, reason in zip(self.topics.get(mid, ()), reasons, strict=False):
            if reason.is_failure:
                self._report(SubscriptionRefused(topic, str(reason)))


class PahoTransport:
    """See `telemetry.link.transport`. `bell` is rung by paho's thread when something happened;
    whoever else has news for the thread in `wait` may ring it too."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._client: Client | None = None
        self._now: _Connection | None = None
        self._protocol: ProtocolVersion = "5"

    def start(
        self, options: LinkOptions, protocol: ProtocolVersion, will: WireMessage | None
    ) -> None:
        client = _make_client(options, protocol)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        connection = _Connection(self._bell, options, protocol)
        connection.hook_into(client)
        if protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
            properties.SessionExpiryInterval = options.session_expiry_s
            client.connect_async(
                options.host,
                options.port,
                options.keepalive_s,
                clean_start=options.clean_start,
                properties=properties,
            )
        else:
            client.connect_async(options.host, options.port, options.keepalive_s)
        self._client, self._now, self._protocol = client, connection, protocol
        client.loop_start()

    def events(self) -> list[TransportEvent]:
        now = self._now
        if now is None:
            return []
        found = [now.events.popleft() for _ in range(len(now.events))]
        if now.thread is not None and not now.thread.is_alive() and not now.ended:
            # paho's thread dies of what it cannot parse, and nobody would tell us.
            now.ended = True
            text = "the MQTT client stopped: the other side may not be an MQTT broker"
            found.append(Lost(text) if now.connected else Refused("not_mqtt", text))
        return found

    def wait(self, timeout_s: float) -> None:
        self._bell.wait(timeout_s)
        self._bell.clear()

    def publish(self, message: WireMessage) -> int:
        client = self._connected()
        properties = None
        if self._protocol == "5":
            properties = _properties(message.content_type, message.expiry_s)
        try:
            info = client.publish(message.topic, message.payload, 1, message.retain, properties)
        except (ValueError, OSError) as error:
            raise TransportError(str(error)) from error
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise TransportError(f"not sent: {info.rc.name}")
        return info.mid

    def subscribe(self, topics: tuple[str, ...]) -> None:
        code, mid = self._connected().subscribe([(topic, 1) for topic in topics])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None or self._now is None:
            raise TransportError(f"not subscribed: {code}")
        self._now.topics[mid] = topics

    def disconnect(self) -> None:
        if self._client is not None:
            self._client.disconnect()

    def abandon(self) -> None:
        client, self._client = self._client, None
        if client is None or self._now is None:
            return
        self._now.abandoned = True
        # A thread that waits for the network ends when its socket does. One that still waits for
        # a name server hears of it in _connect, should it ever get there.
        link: Any = client.socket()
        if link is not None:
            with suppress(OSError, ValueError):
                link.shutdown(socket.SHUT_RDWR)

    @property
    def bell(self) -> threading.Event:
        return self._bell

    @property
    def idle(self) -> bool:
        now = self._now
        return now is None or now.ended or (now.thread is not None and not now.thread.is_alive())

    def _connected(self) -> Client:
        if self._client is None or self._now is None or not self._now.connected or self._now.ended:
            raise TransportError("not connected")
        return self._client


@lru_cache(maxsize=8)
def _properties(content_type: str | None, expiry_s: int | None) -> Properties | None:
    """Made once for all messages: it costs as much as the rest of a publish."""
    if content_type is None and expiry_s is None:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
    if content_type is not None:
        properties.ContentType = content_type
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
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


def _make_client(options: LinkOptions, protocol: ProtocolVersion) -> Client:
    try:
        options.host.encode("idna")  # paho's thread would die of it
    except UnicodeError as error:
        raise TransportConfigError(f"{options.host!r} is no host name; correct hub.url") from error
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if protocol == "5" else MQTTProtocolVersion.MQTTv311,
        clean_session=None if protocol == "5" else options.clean_start,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(PAHO_WINDOW)
    if options.tls:
        client.tls_set_context(tls_context(options))
    if options.username is not None or options.password_file is not None:
        client.username_pw_set(options.username, password(options))
    return client
