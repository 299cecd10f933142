"""What is wrong with an address: a broker, a camera, a host, a device. Texts name the cure.

Each function gives the value back, or raises ValueError with what to write instead. No text here
repeats what stands before an @, which is where passwords are.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from config.wording import shown

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
USUAL_PORTS = {"mqtt": 1883, "mqtts": 8883}
# What other programs call the same two.
BROKER_SCHEMES = {
    "tcp": "mqtt", "ssl": "mqtts", "tls": "mqtts", "mqtt+ssl": "mqtts", "mqtt+tls": "mqtts",
}  # fmt: skip


def broker_url(text: str) -> str:
    """mqtt://host[:port] or mqtts://host[:port]."""
    parts = _split(text, "mqtts://hub.example:8883")
    if parts.scheme not in USUAL_PORTS:
        scheme = BROKER_SCHEMES.get(parts.scheme, "mqtts")
        host = _bare_host(text)
        raise ValueError(
            f"{shown(text)} is no MQTT address; write {scheme}://{host}:{USUAL_PORTS[scheme]}"
        )
    if "@" in text:
        raise ValueError(
            "a user or password in the URL would be seen by everybody; "
            "write username: and password_file: beside url:"
        )
    _check_host(parts, text)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        rest = text.split("://", 1)[1].split("/", 1)[0]
        raise ValueError(
            f"{shown(text)} goes on after the port; write {parts.scheme}://{rest} "
            "(the topic's beginning goes in root:)"
        )
    return text.rstrip("/")


def stream_url(text: str) -> str:
    """rtsp(s):// or http(s):// with a host, and without a user or password."""
    parts = _split(text, "rtsp://192.168.1.20/stream1")
    if parts.scheme not in ("rtsp", "rtsps", "http", "https"):
        raise ValueError(f"{shown(text)} is no camera address; write rtsp://... or http://...")
    if "@" in text.partition("?")[0]:  # also after a /, which a password may hold
        raise ValueError(
            "a user or password in the URL would be seen by everybody; "
            "write credentials_file: with a file that holds user:password"
        )
    _check_host(parts, text)
    return text


def host_name(text: str) -> str:
    """A host name or an IP address, without scheme and port."""
    if is_host(text):
        return text
    bare = _bare_host(text)
    raise ValueError(f"{shown(text)} is no host; write {bare} here, and the port in port:")


def serial_port(text: str) -> str:
    """A device's path, or one of pyserial's URLs."""
    if text.startswith("/") or "://" in text:
        return text
    if re.fullmatch(r"(?i)com\d+", text):
        raise ValueError(f"{shown(text)} is a name of Windows; look in /dev/serial/by-id/")
    raise ValueError(f"{shown(text)} is no path; write /dev/{text.strip('./')}")


def video_device(text: str) -> str:
    """A device's path."""
    if text.startswith("/"):
        return text
    name = f"video{text}" if text.isdecimal() else text.strip("./")
    raise ValueError(f"{shown(text)} is no path; write /dev/{name}, or its /dev/v4l/by-id/ name")


def _split(text: str, example: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # an unfinished [IPv6 address
        raise ValueError(f"{shown(text)} is no address; write one like {example}") from None


def is_host(text: str) -> bool:
    """True for a host name or an IP address."""
    if NAME.fullmatch(text):
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _has_port(parts: SplitResult) -> bool:
    """True if the port is missing, which is fine, or usable."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _check_host(parts: SplitResult, text: str) -> None:
    if not _has_port(parts):
        raise ValueError(
            f"{shown(text)} has no usable port; write a whole number from 1 to 65535 after the :"
        )
    if not is_host(parts.hostname or ""):
        raise ValueError(f"{shown(text)} lacks a host; write {parts.scheme}://HOST:PORT")


def _bare_host(text: str) -> str:
    """The host in what somebody wrote, for an example; HOST if it cannot be told."""
    found = re.sub(r"^[A-Za-z0-9+]*:?//", "", text)
    found = re.split(r"[/?#]", found.rpartition("@")[2])[0]
    found = re.sub(r":\d*$", "", found)
    return found if is_host(found) else "HOST"
