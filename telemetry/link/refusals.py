"""Why there is no connection, in words a technician can act on."""

import socket
import ssl

from telemetry.link.transport import LinkOptions, Names, Refused

# MQTT 3.1.1, 3.2.2.3, and MQTT 5, 3.2.2.2: the reasons in a CONNACK that a technician can cure.
_CREDENTIALS = {
    "Bad user name or password",
    "Bad username or password",
    "Not authorized",
    "Bad authentication method",
}
_PROTOCOL = {"Unsupported protocol version"}


def why_unreachable(error: BaseException | None, options: LinkOptions) -> Refused:
    """What an error while connecting means, and what to do."""
    address, names = options.address, options.names
    if isinstance(error, ssl.SSLError):
        return _tls_trouble(error, address, names)
    match error:
        case ConnectionRefusedError():
            return Refused("refused", f"connection refused: is the broker running at {address}?")
        case socket.gaierror():
            text = f"the name {options.host} is not known: is {names.url} right, is DNS reachable?"
            return Refused("dns", text)
        case ConnectionResetError() | BrokenPipeError() if options.tls:
            text = f"{address} hung up during the TLS handshake: is it the TLS port?"
            return Refused("tls", text)
        case TimeoutError():
            text = f"no answer from {address}: is the network up, the port open?"
            return Refused("timeout", text)
    detail = getattr(error, "strerror", None) or error
    return Refused("network", f"{address} is not reachable: {detail}")


def _tls_trouble(error: ssl.SSLError, address: str, names: Names) -> Refused:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused(
            "tls",
            f"the certificate of {address} is not trusted ({error.verify_message}): does "
            f"{names.ca} name the authority that signed it, and is the clock right?",
        )
    reason = (error.reason or str(error)).replace("_", " ").lower()
    return tls_not_shaken(reason, address)


def tls_not_shaken(reason: str, address: str) -> Refused:
    """The handshake failed, and neither side says more than this."""
    return Refused(
        "tls",
        f"TLS with {address} failed ({reason}): is it the TLS port, and does the broker accept "
        "the unit's certificate?",
    )


# MQTT 5, 3.14.2.1: why a broker hangs up, where a technician can do something about it.
_ENDINGS = {
    "Session taken over": "another client connected with the same id: do two units share unit.id?",
    "Server shutting down": "the broker is being stopped",
    "Not authorized": "the broker does not allow this unit to do that: check its access rules",
    "Quota exceeded": "the broker's quota for this unit is used up",
    "Packet too large": "a message was larger than the broker takes",
    "Keep alive timeout": "the broker heard nothing for too long: is the link very slow?",
    "Receive maximum exceeded": "the broker counts more unacknowledged messages than it allows",
}


def words(name: str) -> str:
    """`NOT_AUTHORIZED` as the standard writes it: `Not authorized`."""
    return name.replace("_", " ").capitalize()


def why_ended(reason: str) -> str:
    """What the reason in a broker's DISCONNECT means."""
    meaning = _ENDINGS.get(reason)
    return f"{reason} ({meaning})" if meaning else reason


def why_not_accepted(reason: str, options: LinkOptions) -> Refused:
    if reason in _CREDENTIALS:
        names = options.names
        return Refused(
            "credentials",
            f"{options.address} refuses {names.client} ({reason.lower()}): check {names.username}, "
            f"{names.password_file} or the certificate, and that the broker knows {names.client}",
        )
    if reason in _PROTOCOL:
        return Refused("protocol", f"{options.address} does not speak this version of MQTT")
    return Refused("not_accepted", f"{options.address} refuses the connection: {reason}")


# MQTT 5, 3.4.2.1: why a broker does not take a message.
_NOT_TAKEN = {
    0x80: ("unspecified error", "see the broker's log"),
    0x83: ("a reason of its own", "see the broker's log"),
    0x87: ("not authorized", "check the broker's access rules for this unit"),
    0x90: ("topic not allowed", "check hub.root, and the broker's rules for topics"),
    0x91: ("packet id in use", "the broker and the unit disagree; it passes with a reconnect"),
    0x97: ("quota exceeded", "raise the broker's quota for this unit, or send less"),
    0x99: ("payload format invalid", "the broker checks payloads: update its schema"),
}


def why_not_taken(code: int, options: LinkOptions) -> str:
    """What a negative PUBACK means, and what to do. The message stays on the disk."""
    meaning, cure = _NOT_TAKEN.get(code, ("unknown reason", "see the broker's log"))
    return f"{options.address} does not take our messages (0x{code:02x}, {meaning}): {cure}"
