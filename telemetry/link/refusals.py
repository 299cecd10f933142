"""Why there is no connection, in words a technician can act on."""

import socket
import ssl

from config.language import tell
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
            return Refused(
                "refused",
                tell("connection refused: is the broker running at {address}?", address=address),
            )
        case socket.gaierror():
            text = tell(
                "the name {host} is not known: is {url} right, is DNS reachable?",
                host=options.host,
                url=names.url,
            )
            return Refused("dns", text)
        case ConnectionResetError() | BrokenPipeError() if options.tls:
            text = tell(
                "{address} hung up during the TLS handshake: is it the TLS port?", address=address
            )
            return Refused("tls", text)
        case TimeoutError():
            text = tell(
                "no answer from {address}: is the network up, the port open?", address=address
            )
            return Refused("timeout", text)
    detail = getattr(error, "strerror", None) or error
    return Refused(
        "network", tell("{address} is not reachable: {detail}", address=address, detail=detail)
    )


def _tls_trouble(error: ssl.SSLError, address: str, names: Names) -> Refused:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused(
            "tls",
            tell(
                "the certificate of {address} is not trusted ({verify_message}): does {ca} "
                "name the authority that signed it, and is the clock right?",
                address=address,
                verify_message=error.verify_message,
                ca=names.ca,
            ),
        )
    reason = (error.reason or str(error)).replace("_", " ").lower()
    return tls_not_shaken(reason, address)


def tls_not_shaken(reason: str, address: str) -> Refused:
    """The handshake failed, and neither side says more than this."""
    return Refused(
        "tls",
        tell(
            "TLS with {address} failed ({reason}): is it the TLS port, and does the "
            "broker accept the unit's certificate?",
            address=address,
            reason=reason,
        ),
    )


# MQTT 5, 3.14.2.1: why a broker hangs up, where a technician can do something about it.
_ENDINGS = {
    "Session taken over": tell(
        "another client connected with the same id: do two units share unit.id?"
    ),
    "Server shutting down": tell("the broker is being stopped"),
    "Not authorized": tell(
        "the broker does not allow this unit to do that: check its access rules"
    ),
    "Quota exceeded": tell("the broker's quota for this unit is used up"),
    "Packet too large": tell("a message was larger than the broker takes"),
    "Keep alive timeout": tell("the broker heard nothing for too long: is the link very slow?"),
    "Receive maximum exceeded": tell(
        "the broker counts more unacknowledged messages than it allows"
    ),
}


def words(name: str) -> str:
    """`NOT_AUTHORIZED` as the standard writes it: `Not authorized`."""
    return name.replace("_", " ").capitalize()


def why_ended(reason: str) -> str:
    """What the reason in a broker's DISCONNECT means."""
    meaning = _ENDINGS.get(reason)
    return tell("{reason} ({meaning})", reason=reason, meaning=meaning) if meaning else reason


def why_not_accepted(reason: str, options: LinkOptions) -> Refused:
    if reason in _CREDENTIALS:
        names = options.names
        return Refused(
            "credentials",
            tell(
                "{address} refuses {client} ({reason}); check {username}, {password_file} or "
                "the certificate, and that the broker knows {client}",
                address=options.address,
                client=names.client,
                reason=reason.lower(),
                username=names.username,
                password_file=names.password_file,
            ),
        )
    if reason in _PROTOCOL:
        return Refused(
            "protocol",
            tell("{address} does not speak this version of MQTT", address=options.address),
        )
    return Refused(
        "not_accepted",
        tell("{address} refuses the connection: {reason}", address=options.address, reason=reason),
    )


# MQTT 5, 3.4.2.1: why a broker does not take a message.
_NOT_TAKEN = {
    0x80: (tell("unspecified error"), tell("see the broker's log")),
    0x83: (tell("a reason of its own"), tell("see the broker's log")),
    0x87: (tell("not authorized"), tell("check the broker's access rules for this unit")),
    0x90: (tell("topic not allowed"), tell("check hub.root, and the broker's rules for topics")),
    0x91: (
        tell("packet id in use"),
        tell("the broker and the unit disagree; it passes with a reconnect"),
    ),
    0x97: (tell("quota exceeded"), tell("raise the broker's quota for this unit, or send less")),
    0x99: (tell("payload format invalid"), tell("the broker checks payloads: update its schema")),
}


def why_not_taken(code: int, options: LinkOptions) -> str:
    """What a negative PUBACK means, and what to do. The message stays on the disk."""
    meaning, cure = _NOT_TAKEN.get(code, (tell("unknown reason"), tell("see the broker's log")))
    return tell(
        "{address} does not take our messages (0x{code:02x}, {meaning}): {cure}",
        address=options.address,
        code=code,
        meaning=meaning,
        cure=cure,
    )
