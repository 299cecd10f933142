"""MQTT through the AWS common runtime: a second library behind the seam, in C, for MQTT 5 only.

The optional extra `patrol-edge[awscrt]`, and the only module that imports it. It is told to leave
to us what is ours: it keeps nothing for a later connection, it does not reconnect, and it adds no
metrics of its own to the user name.
"""

import select
from collections import deque
from concurrent.futures import Future
from functools import lru_cache
from typing import Any

from awscrt import io, mqtt5
from awscrt.exceptions import AwsCrtError

from config.language import tell
from telemetry.bell import PollBell
from telemetry.link.awscrt_errors import error_name, why_refused
from telemetry.link.refusals import (
    why_ended,
    why_not_accepted,
    words,
)
from telemetry.link.security import password, tls_context
from telemetry.link.transport import (
    MAX_DOWN_BYTES,
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    Lost,
    ProtocolVersion,
    SubscriptionRefused,
    TransportConfigError,
    TransportError,
    TransportEvent,
    WireMessage,
)

CONNECT_TIMEOUT_MS = 5_000
NEVER_MS = 24 * 3_600_000  # its own reconnecting: long before, it is stopped


class _Session:
    """One client's life, as the library's thread tells it: each callback appends, and no more."""

    def __init__(self, bell: PollBell, options: LinkOptions, client_options: Any) -> None:
        self._bell = bell
        self._options = options
        self.events: deque[TransportEvent] = deque()
        self.connected = False
        self.ended = False  # nothing more will come of it
        self.abandoned = False
        client_options.on_publish_callback_fn = self._arrived
        client_options.on_lifecycle_event_connection_success_fn = self._accepted
        client_options.on_lifecycle_event_connection_failure_fn = self._failed
        client_options.on_lifecycle_event_disconnection_fn = self._disconnected
        client_options.on_lifecycle_event_stopped_fn = self._stopped
        self.client = mqtt5.Client(client_options)
        self.client.start()

    def report(self, event: TransportEvent) -> None:
        if not self.abandoned:
            self.events.append(event)
        self._bell.set()

    def _accepted(self, data: mqtt5.LifecycleConnectSuccessData) -> None:
        settings = data.negotiated_settings
        self.connected = True
        self.report(
            Connected(
                "5",
                settings.receive_maximum_from_server or 65_535,
                settings.maximum_packet_size_to_server,
                retain=settings.retain_available is not False,
            )
        )

    def _failed(self, data: mqtt5.LifecycleConnectFailureData) -> None:
        if self.ended:
            return
        self.ended = True
        if data.connack_packet is not None:
            reason = words(data.connack_packet.reason_code.name)
            self.report(why_not_accepted(reason, self._options))
        else:
            self.report(why_refused(data.exception, self._options))

    def _disconnected(self, data: mqtt5.LifecycleDisconnectData) -> None:
        if self.ended:
            return
        self.ended = True
        packet, address = data.disconnect_packet, self._options.address
        why = why_ended(words(packet.reason_code.name)) if packet else error_name(data.exception)
        self.report(
            Lost(tell("the connection to {address} ended: {why}", address=address, why=why))
        )

    def _stopped(self, _data: mqtt5.LifecycleStoppedData) -> None:
        self.ended = True
        self._bell.set()

    def _arrived(self, data: mqtt5.PublishReceivedData) -> None:
        packet = data.publish_packet
        pairs = tuple((each.name, each.value) for each in packet.user_properties or ())
        payload = packet.payload or b""
        payload = payload.encode() if isinstance(payload, str) else bytes(payload)
        if len(payload) > MAX_DOWN_BYTES:
            # It tells the broker our Maximum Packet Size, and takes larger ones all the same.
            self.ended = True
            self.report(Lost(f"{self._options.address} sent a message of {len(payload)} bytes"))
            return
        self.report(
            Arrived(
                packet.topic,
                payload,
                bool(packet.retain),
                int(packet.qos),
                packet.content_type,
                pairs,
            )
        )


class AwscrtTransport:
    """See `telemetry.link.transport`."""

    def __init__(self) -> None:
        self._bell = PollBell()
        self._poll = select.poll()
        self._poll.register(self._bell.fileno(), select.POLLIN)
        self._session: _Session | None = None
        self._tokens = 0

    def start(
        self, options: LinkOptions, protocol: ProtocolVersion, will: WireMessage | None
    ) -> None:
        if protocol != "5":
            raise TransportConfigError(
                tell(
                    "delivery.transport: awscrt speaks MQTT 5 only, not 3.1.1; use "
                    "delivery.transport: paho, or a broker with MQTT 5 and hub.protocol: '5'"
                )
            )
        self._session = _Session(self._bell, options, _client_options(options, will))

    def events(self) -> list[TransportEvent]:
        session = self._session
        if session is None:
            return []
        return [session.events.popleft() for _ in range(len(session.events))]

    def wait(self, timeout_s: float) -> None:
        if self._poll.poll(timeout_s * 1000):
            self._bell.clear()

    def publish(self, message: WireMessage) -> int:
        session = self._standing()
        packet = mqtt5.PublishPacket(
            topic=message.topic,
            payload=message.payload,
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            retain=message.retain,
            content_type=message.content_type,
            message_expiry_interval_sec=message.expiry_s,
            user_properties=_pairs(message.user_properties),
        )
        self._tokens += 1
        token = self._tokens

        def completed(future: "Future[mqtt5.PublishCompletionData]") -> None:
            if future.exception() is None:
                puback = future.result().puback
                session.report(Acknowledged(token, int(puback.reason_code) if puback else 0))

        try:
            session.client.publish(packet).add_done_callback(completed)
        except (AwsCrtError, ValueError, TypeError, RuntimeError) as error:
            raise TransportError(error_name(error)) from error
        return token

    def subscribe(self, topics: tuple[str, ...]) -> None:
        session = self._standing()
        wanted = [mqtt5.Subscription(topic, mqtt5.QoS.AT_LEAST_ONCE) for topic in topics]

        def completed(future: "Future[mqtt5.SubackPacket]") -> None:
            if future.exception() is None:
                for topic, code in zip(topics, future.result().reason_codes, strict=False):
                    if int(code) >= 0x80:
                        session.report(SubscriptionRefused(topic, words(code.name)))

        try:
            packet = mqtt5.SubscribePacket(wanted)
            session.client.subscribe(packet).add_done_callback(completed)
        except (AwsCrtError, ValueError, TypeError, RuntimeError) as error:
            raise TransportError(f"not subscribed: {error_name(error)}") from error

    def disconnect(self) -> None:
        if self._session is not None:
            self._session.client.stop(
                mqtt5.DisconnectPacket(mqtt5.DisconnectReasonCode.NORMAL_DISCONNECTION)
            )

    def abandon(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.abandoned = True
            session.client.stop()  # without a DISCONNECT the broker publishes the will

    @property
    def bell(self) -> PollBell:
        return self._bell

    @property
    def idle(self) -> bool:
        # One that was abandoned ends by itself; should it hang, nobody waits for it.
        return self._session is None or self._session.ended

    def _standing(self) -> _Session:
        if self._session is None or not self._session.connected or self._session.ended:
            raise TransportError("not connected")
        return self._session


@lru_cache(maxsize=1)
def _bootstrap() -> io.ClientBootstrap:
    """One thread for all connections of the process."""
    group = io.EventLoopGroup(1)
    return io.ClientBootstrap(group, io.DefaultHostResolver(group))


def _client_options(options: LinkOptions, will: WireMessage | None) -> mqtt5.ClientOptions:
    sockets = io.SocketOptions()
    sockets.connect_timeout_ms = CONNECT_TIMEOUT_MS
    again = mqtt5.ClientSessionBehaviorType.REJOIN_ALWAYS
    client_options = mqtt5.ClientOptions(
        host_name=options.host,
        port=options.port,
        bootstrap=_bootstrap(),
        socket_options=sockets,
        tls_ctx=_tls(options) if options.tls else None,
        connect_options=mqtt5.ConnectPacket(
            keep_alive_interval_sec=options.keepalive_s,
            client_id=options.client_id,
            username=options.username,
            password=password(options),
            session_expiry_interval_sec=options.session_expiry_s,
            maximum_packet_size=MAX_DOWN_BYTES,
            will=None if will is None else _will(will),
        ),
        session_behavior=mqtt5.ClientSessionBehaviorType.CLEAN if options.clean_start else again,
        offline_queue_behavior=mqtt5.ClientOperationQueueBehaviorType.FAIL_ALL_ON_DISCONNECT,
        min_reconnect_delay_ms=NEVER_MS,
        max_reconnect_delay_ms=NEVER_MS,
        ping_timeout_ms=options.keepalive_s * 500,
        connack_timeout_ms=CONNECT_TIMEOUT_MS,
    )
    client_options.disable_metrics = True  # an attribute: older releases have no such argument
    return client_options


def _will(message: WireMessage) -> mqtt5.PublishPacket:
    return mqtt5.PublishPacket(
        topic=message.topic,
        payload=message.payload,
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        retain=message.retain,
        content_type=message.content_type,
    )


def _pairs(pairs: tuple[tuple[str, str], ...]) -> list[mqtt5.UserProperty] | None:
    return [mqtt5.UserProperty(name, value) for name, value in pairs] or None


def _tls(options: LinkOptions) -> io.ClientTlsContext:
    tls_context(options)  # finds what is wrong with the files, and says it in our words
    if options.cert is not None and options.key is not None:
        context = io.TlsContextOptions.create_client_with_mtls(
            options.cert.read_bytes(), options.key.read_bytes()
        )
    else:
        context = io.TlsContextOptions()
    if options.ca is not None:
        context.override_default_trust_store(options.ca.read_bytes())
    context.min_tls_ver = io.TlsVersion.TLSv1_2
    try:
        return io.ClientTlsContext(context)
    except AwsCrtError as error:
        raise TransportConfigError(f"hub.tls: awscrt cannot use it ({error.name})") from error
