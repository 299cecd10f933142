"""Which MQTT library carries the messages: `delivery.transport`."""

from typing import Literal

from config.language import tell
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import Transport, TransportConfigError


def open_transport(library: Literal["paho", "awscrt"], protocol: str) -> Transport:
    """A transport that does not connect yet. Raises TransportConfigError with the cure.

    `protocol` is `hub.protocol`.
    """
    if library == "paho":
        return PahoTransport()
    if protocol == "3.1.1":
        raise TransportConfigError(
            tell(
                "delivery.transport: awscrt speaks MQTT 5 only, and hub.protocol is 3.1.1; "
                "write delivery.transport: paho, or hub.protocol: '5'"
            )
        )
    try:
        from telemetry.link.awscrt_transport import AwscrtTransport
    except ModuleNotFoundError as error:
        raise TransportConfigError(
            tell(
                "delivery.transport: awscrt is not installed; run pip install "
                "'patrol-edge[awscrt]', or write delivery.transport: paho"
            )
        ) from error
    return AwscrtTransport()
