"""What is wrong with an address: a broker, a camera, a host, a device. Texts name the cure.

Each function gives the value back, or raises ValueError with what to write instead. No text here
repeats what stands before an @, which is where passwords are.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from config.language import tell
from config.wording import shown

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
LABEL_LONGEST = 63  # letters between two dots, RFC 1035 section 2.3.4; longer ones cannot be asked
ZONE = re.compile(r"(?=.{1,15}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")  # a network interface
USUAL_PORTS = {"mqtt": 1883, "mqtts": 8883}
# What other programs call the same two.
BROKER_SCHEMES = {
    "tcp": "mqtt", "ssl": "mqtts", "tls": "mqtts", "mqtt+ssl": "mqtts", "mqtt+tls": "mqtts",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens."""

    host: str  # a name, or an IP address without brackets
    port: int
    tls: bool


def broker_url(text: str) -> str:
    """mqtt://host[:port] or mqtts://host[:port], in lower case and without anything around it."""
    parts = _broker_parts(text.strip())
    host = _host_in(parts)
    port = "" if parts.port is None else f":{parts.port}"
    if ":" in host:
        host = f"[{host.replace('%', '%25')}]"
    return f"{parts.scheme}://{host}{port}"


def broker_address(url: str) -> BrokerAddress:
    """What a broker's URL says; the port is 1883, or with TLS 8883, where it says none."""
    parts = _broker_parts(url.strip())
    port = parts.port or USUAL_PORTS[parts.scheme]
    return BrokerAddress(_host_in(parts), port, tls=parts.scheme == "mqtts")


def _broker_parts(text: str) -> SplitResult:
    parts = _split(text, "mqtts://hub.example:8883")
    if parts.scheme not in USUAL_PORTS:
        scheme = BROKER_SCHEMES.get(parts.scheme, "mqtts")
        host = _bare_host(text)
        raise ValueError(
            tell(
                "{text} is no MQTT address; write {scheme}://{host}:{port}",
                text=shown(text),
                scheme=scheme,
                host=host,
                port=USUAL_PORTS[scheme],
            )
        )
    if "@" in text:
        raise ValueError(
            tell(
                "a user or password in the URL would be seen by everybody; write username: "
                "and password_file: beside url:"
            )
        )
    _check_host(parts, text)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        rest = text.split("://", 1)[1].split("/", 1)[0]
        raise ValueError(
            tell(
                "{text} goes on after the port; write {scheme}://{rest} (the topic's "
                "beginning goes in root:)",
                text=shown(text),
                scheme=parts.scheme,
                rest=rest,
            )
        )
    return parts


def stream_url(text: str) -> str:
    """rtsp(s):// or http(s):// with a host, and without a user or password."""
    parts = _split(text, "rtsp://192.168.1.20/stream1")
    if parts.scheme not in ("rtsp", "rtsps", "http", "https"):
        raise ValueError(
            tell("{text} is no camera address; write rtsp://... or http://...", text=shown(text))
        )
    if "@" in text.partition("?")[0]:  # also after a /, which a password may hold
        raise ValueError(
            tell(
                "a user or password in the URL would be seen by everybody; write "
                "credentials_file: with a file that holds user:password"
            )
        )
    _check_host(parts, text)
    return text


def host_name(text: str) -> str:
    """A host name or an IP address, without scheme and port."""
    if is_host(text):
        return text
    bare = _bare_host(text)
    raise ValueError(
        tell(
            "{text} is no host; write {bare} here, and the port in port:",
            text=shown(text),
            bare=bare,
        )
    )


def serial_port(text: str) -> str:
    """A device's path, or one of pyserial's URLs."""
    if text.startswith("/") or "://" in text:
        return text
    if re.fullmatch(r"(?i)com\d+", text):
        raise ValueError(
            tell("{text} is a name of Windows; look in /dev/serial/by-id/", text=shown(text))
        )
    raise ValueError(
        tell("{text} is no path; write /dev/{name}", text=shown(text), name=text.strip("./"))
    )


def video_device(text: str) -> str:
    """A device's path."""
    if text.startswith("/"):
        return text
    name = f"video{text}" if text.isdecimal() else text.strip("./")
    raise ValueError(
        tell(
            "{text} is no path; write /dev/{name}, or its /dev/v4l/by-id/ name",
            text=shown(text),
            name=name,
        )
    )


def _split(text: str, example: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # an unfinished [IPv6 address
        raise ValueError(
            tell(
                "{text} is no address; write one like {example}", text=shown(text), example=example
            )
        ) from None


def is_host(text: str) -> bool:
    """True for a host name or an IP address."""
    if NAME.fullmatch(text):
        return all(1 <= len(label) <= LABEL_LONGEST for label in text.split("."))
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    _, percent, zone = text.partition("%")
    return not percent or ZONE.fullmatch(zone) is not None


def _has_port(parts: SplitResult) -> bool:
    """True if the port is missing, which is fine, or usable."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _check_host(parts: SplitResult, text: str) -> None:
    if not _has_port(parts):
        raise ValueError(
            tell(
                "{text} has no usable port; write a whole number from 1 to 65535 after the :",
                text=shown(text),
            )
        )
    host = _host_in(parts)
    if host and not is_host(host):
        raise ValueError(
            tell(
                "{text} has no usable host; write a name of letters, digits and -, each part "
                "between dots 1 to {longest} long, or an IP address",
                text=shown(text),
                longest=LABEL_LONGEST,
            )
        )
    if not host:
        raise ValueError(
            tell(
                "{text} lacks a host; write {scheme}://HOST:PORT",
                text=shown(text),
                scheme=parts.scheme,
            )
        )


def _host_in(parts: SplitResult) -> str:
    """In lower case. RFC 6874 writes the % before an IPv6 zone as %25; the system wants it bare."""
    address, percent, zone = (parts.hostname or "").partition("%")
    return address + percent + (zone[2:] if zone[:2] == "25" and len(zone) > 2 else zone)


def _bare_host(text: str) -> str:
    """The host in what somebody wrote, for an example; HOST if it cannot be told."""
    found = re.sub(r"^[A-Za-z0-9+]*:?//", "", text)
    found = re.split(r"[/?#]", found.rpartition("@")[2])[0]
    found = re.sub(r":\d*$", "", found)
    return found if is_host(found) else "HOST"
