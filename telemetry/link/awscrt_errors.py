"""The errors of the AWS common runtime, by their names, in our words."""

import socket

from config.language import tell
from telemetry.link.refusals import tls_not_shaken, why_unreachable
from telemetry.link.transport import LinkOptions, Refused

_AS_WORDED: dict[str, type[OSError]] = {
    "AWS_IO_SOCKET_CONNECTION_REFUSED": ConnectionRefusedError,
    "AWS_IO_SOCKET_TIMEOUT": TimeoutError,
    "AWS_ERROR_MQTT_TIMEOUT": TimeoutError,
    "AWS_ERROR_MQTT5_CONNACK_TIMEOUT": TimeoutError,
    "AWS_IO_DNS_QUERY_FAILED": socket.gaierror,
    "AWS_IO_DNS_INVALID_NAME": socket.gaierror,
    "AWS_IO_DNS_NO_ADDRESS_FOR_HOST": socket.gaierror,
}
_HUNG_UP = {"AWS_IO_SOCKET_CLOSED", "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"}


def why_refused(error: BaseException | None, options: LinkOptions) -> Refused:
    """What its error while connecting means, and what to do."""
    name = error_name(error)
    if name in _AS_WORDED:
        return why_unreachable(_AS_WORDED[name](), options)
    if "TLS" in name:
        return tls_not_shaken(name, options.address)
    if name in _HUNG_UP and options.tls:
        return why_unreachable(ConnectionResetError(), options)
    if name in _HUNG_UP or "MQTT" in name:
        text = tell(
            "{address} hung up before it accepted the unit ({name})",
            address=options.address,
            name=name,
        )
        return Refused("closed", text)
    return why_unreachable(OSError(0, name), options)


def error_name(error: BaseException | None) -> str:
    """`AWS_IO_SOCKET_CLOSED` and the like."""
    return str(getattr(error, "name", None) or error or "no reason given")
