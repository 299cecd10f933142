"""The way to a broker before any MQTT: its name, the connection, TLS and its certificate."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

from config.certificates import (
    PLAUSIBLE_FROM,
    CertificateError,
    PeerCertificate,
    read_peer,
)
from config.language import halves, said, tell
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, ok, warning
from telemetry.link.security import tls_context
from telemetry.link.transport import LinkOptions, TransportConfigError

NAME_WITHIN_S = 8.0
CONNECT_WITHIN_S = 5.0
SHAKE_WITHIN_S = 8.0
EXPIRES_SOON_DAYS = 14  # a broker's people renew theirs by a program, mostly, a month before
NAME_CURE = tell(
    "see that hub.url is written right, and that a name server answers: `resolvectl query`"
)
OPEN_CURE = tell("see that the broker runs, that hub.url has its port, and what a firewall does")
PATH_CURE = tell(
    "see to the network (`ping`, SIM, antenna), and that a firewall lets this port through"
)
TRUST_CURE = tell(
    "hub.tls.ca must be the file of the authority that signed the broker's certificate"
)


def examine(case: Case, node: LinkOptions) -> Iterator[Line]:
    """Ends with the first step that fails."""
    line = _name(case, node)
    yield line
    if line.state == "fault":
        return
    began_s = case.host.clock.mono_s()
    try:
        link = socket.create_connection((node.host, node.port), CONNECT_WITHIN_S)
    except OSError as error:
        yield _unreached(node, error)
        return
    with closing(link):
        took_ms = (case.host.clock.mono_s() - began_s) * 1e3
        told = tell("{address} reached in {took_ms:.0f} ms", address=node.address, took_ms=took_ms)
        yield ok("TCP", told if node.tls else tell("{told}, without TLS", told=told))
        if node.tls:
            yield _tls(case, node, link)


# --- the name ---


def _name(case: Case, node: LinkOptions) -> Line:
    try:
        ipaddress.ip_address(node.host)
    except ValueError:
        return _resolved(case, node)
    return ok("DNS", tell("not needed: {host} is an address", host=node.host))


def _resolved(case: Case, node: LinkOptions) -> Line:
    """In a thread of its own: getaddrinfo(3) cannot be told to hurry."""
    found: list[str] = []
    wrong: list[str] = []

    def ask() -> None:
        try:
            told = socket.getaddrinfo(node.host, node.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            wrong.append(getattr(error, "strerror", None) or str(error))
        else:
            found.extend(dict.fromkeys(str(each[4][0]) for each in told))

    thread = threading.Thread(target=ask, name="doctor.dns", daemon=True)
    began_s = case.host.clock.mono_s()
    thread.start()
    thread.join(NAME_WITHIN_S)
    if found:
        took_ms = (case.host.clock.mono_s() - began_s) * 1e3
        told = tell(
            "{host} is {addresses}, told in {took_ms:.0f} ms",
            host=node.host,
            addresses=", ".join(found[:3]),
            took_ms=took_ms,
        )
        return ok("DNS", told)
    if not wrong:
        text = tell("no name server answers within {limit_s:.0f} s", limit_s=NAME_WITHIN_S)
        return fault("broker_unknown", "DNS", text, NAME_CURE)
    text = tell("the name {host} is not known: {why}", host=node.host, why=wrong[0])
    return fault("broker_unknown", "DNS", text, NAME_CURE)


# --- the connection ---


def _unreached(node: LinkOptions, error: OSError) -> Line:
    match error:
        case ConnectionRefusedError():
            text = tell("{address} refuses the connection", address=node.address)
            return fault("broker_closed", "TCP", text, OPEN_CURE)
        case TimeoutError():
            text = tell(
                "{address} does not answer within {limit_s:.0f} s",
                address=node.address,
                limit_s=CONNECT_WITHIN_S,
            )
            return fault("broker_unreachable", "TCP", text, PATH_CURE)
    why = error.strerror or str(error)
    text = tell("{address} is not reachable: {why}", address=node.address, why=why)
    return fault("broker_unreachable", "TCP", text, PATH_CURE)


# --- TLS ---


def _tls(case: Case, node: LinkOptions, link: socket.socket) -> Line:
    try:
        context = tls_context(node)
    except TransportConfigError as error:
        text, cure = halves(said(error))
        return fault("tls_files", "TLS", text, cure or TRUST_CURE)
    link.settimeout(SHAKE_WITHIN_S)
    try:
        with context.wrap_socket(link, server_hostname=node.host) as shaken:
            return _shaken(case, shaken)
    except ssl.SSLCertVerificationError as error:
        return _untrusted(case, node, error)
    except TimeoutError:
        text = tell("no answer to TLS within {limit_s:.0f} s", limit_s=SHAKE_WITHIN_S)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
        text = tell("TLS with {address} fails: {why}", address=node.address, why=why)
    cure = tell("see that this is the broker's TLS port (8883, mostly), and read the broker's log")
    return fault("tls_fails", "TLS", text, cure)


def _shaken(case: Case, shaken: ssl.SSLSocket) -> Line:
    peer = _peer(shaken.getpeercert(binary_form=True))
    version = (shaken.version() or "TLS").replace("TLSv", "TLS ")
    if peer is None:
        return ok("TLS", version)
    now = case.host.clock.utc()
    left = peer.not_after - now
    told = tell(
        "{version}, certificate for {names}, {days} days left",
        version=version,
        names=_names(peer),
        days=left.days,
    )
    if left < timedelta(days=EXPIRES_SOON_DAYS):
        cure = tell("tell the broker's people: once it has ended, no unit gets in any more")
        return warning("broker_certificate_expires", "TLS", told, cure)
    return ok("TLS", told)


def _untrusted(case: Case, node: LinkOptions, error: ssl.SSLCertVerificationError) -> Line:
    """Which of the reasons it is: each has another cure."""
    peer, now = _seen(node), case.host.clock.utc()
    if peer is not None and now < max(PLAUSIBLE_FROM, peer.not_before):
        text = tell("the broker's certificate begins on {date}", date=f"{peer.not_before:%Y-%m-%d}")
        cure = tell("the clock of this computer is wrong, most likely: see the group clock")
        return fault("tls_clock", "TLS", text, cure)
    if peer is not None and peer.not_after <= now:
        text = tell("the broker's certificate ended on {date}", date=f"{peer.not_after:%Y-%m-%d}")
        cure = tell("tell the broker's people to renew it; if it is new, the clock here is wrong")
        return fault("broker_certificate_expired", "TLS", text, cure)
    why = error.verify_message
    if peer is None or error.verify_code not in (62, 63, 64):  # X509_V_ERR_HOSTNAME/EMAIL/IP_...
        issuer = tell("nobody knows whom") if peer is None else peer.issuer
        text = tell("its certificate, from {issuer}, is not trusted: {why}", issuer=issuer, why=why)
        return fault("broker_untrusted", "TLS", text, TRUST_CURE)
    text = tell(
        "its certificate is for {names}, not for {host}", names=_names(peer), host=node.host
    )
    cure = tell(
        "write hub.url with a name that is in the certificate, or have one made with this name"
    )
    return fault("broker_misnamed", "TLS", text, cure)


def _seen(node: LinkOptions) -> PeerCertificate | None:
    """What it presents, believed or not. Nothing is sent to it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((node.host, node.port), CONNECT_WITHIN_S) as link,
            context.wrap_socket(link, server_hostname=node.host) as shaken,
        ):
            return _peer(shaken.getpeercert(binary_form=True))
    except (OSError, ValueError):
        return None


def _peer(der: bytes | None) -> PeerCertificate | None:
    try:
        return None if der is None else read_peer(der)
    except CertificateError:
        return None


def _names(peer: PeerCertificate) -> str:
    return ", ".join(peer.names[:3]) or tell("nobody")
