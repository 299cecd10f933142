"""Asks a network camera whether it is there, before OpenCV does.

OpenCV opens one source at a time and says nothing but "no" when it fails. So a camera that does
not answer is found out here, with a plain socket, where it holds up nobody; and when OpenCV fails
on one that does answer, its status line (RFC 9112, RFC 2326) tells why.
"""

import re
import socket
import time
from dataclasses import dataclass

from config.language import tell
from drivers.base import DeviceUnavailableError
from drivers.cameras.url import CameraUrl

MAX_STATUS_BYTES = 256
MAX_BODY_BYTES = 4 * 2**20
JPEG_BEGINS = re.compile(rb"\xff(?=\xd8\xff)")
LOGIN_CURE = tell("put the camera's user:password into credentials_file")


def check_answers(url: CameraUrl, timeout_s: float) -> None:
    """Return if something speaks HTTP or RTSP there. Raises DeviceUnavailableError if not.

    Behind TLS only the connection is tried.
    """
    method = "OPTIONS" if url.scheme.startswith("rtsp") else "HEAD"
    _ask(url, method, timeout_s)


def refusal(url: CameraUrl, timeout_s: float) -> str:
    """Why this camera, which answers, gives no pictures: cause and cure in one line."""
    method = "DESCRIBE" if url.scheme.startswith("rtsp") else "GET"
    answer = _ask(url, method, timeout_s)
    status = None if answer is None else answer.status
    if status in (401, 403):
        if url.login is None:
            return tell("{url} asks for a user and a password; {cure}", url=url, cure=LOGIN_CURE)
        return tell(
            "{url} refuses the user or the password; {cure} and check them",
            url=url,
            cure=LOGIN_CURE,
        )
    if status in (404, 454):
        return tell("{url} does not exist on that camera; look up the path in its manual", url=url)
    if status is not None and status >= 400:
        return tell(
            "{url} answers with error {status}; restart the camera, or check the path",
            url=url,
            status=status,
        )
    if answer is not None and answer.pictures == 1:
        return too_slow(url, timeout_s)
    return tell(
        "{url} answers, but gives no pictures that can be read; check the path in its manual",
        url=url,
    )


def too_slow(url: CameraUrl, took_s: float) -> str:
    """What to say of one that takes too long for its first two pictures."""
    return tell(
        "{url} sent fewer than two pictures in {took_s:.0f} s; raise its frame rate, "
        "or open_timeout_s",
        url=url,
        took_s=took_s,
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request."""

    status: int
    pictures: int = 0  # JPEGs that began in the body of a GET, two at most


def _ask(url: CameraUrl, method: str, timeout_s: float) -> Answer | None:
    """The answer to one request; None behind TLS."""
    until_s = time.monotonic() + timeout_s
    try:
        with socket.create_connection((url.host, url.port), timeout_s) as connection:
            if url.scheme.endswith("s"):
                return None
            connection.settimeout(max(0.1, until_s - time.monotonic()))
            connection.sendall(_request(url, method))
            data = _first_line(connection, until_s)
            status = _status(data.partition(b"\n")[0], url)
            wanted = method == "GET" and status == 200
            return Answer(status, _pictures(connection, data, until_s) if wanted else 0)
    except TimeoutError:
        cause, cure = tell("does not answer"), tell("check power, cable and address")
    except socket.gaierror:
        cause = tell("has a host name nobody knows")
        cure = tell("check the name, or write the IP address")
    except ConnectionRefusedError:
        cause = tell("refuses the connection")
        cure = tell("is the port right, and the stream switched on?")
    except (OSError, UnicodeError) as error:
        text = error.strerror if isinstance(error, OSError) else None
        cause = tell("cannot be reached ({why})", why=text or "bad host name")
        cure = tell("check network and address")
    raise DeviceUnavailableError(tell("{what} {cause}; {cure}", what=url, cause=cause, cure=cure))


def _request(url: CameraUrl, method: str) -> bytes:
    rtsp = url.scheme.startswith("rtsp")
    target = f"{url.scheme}://{url.authority}{url.path}" if rtsp else url.path
    lines = [f"{method} {target} {'RTSP/1.0' if rtsp else 'HTTP/1.0'}"]
    lines.append("CSeq: 1" if rtsp else f"Host: {url.authority}")
    authorization = url.basic_authorization()
    if authorization is not None and method in ("GET", "DESCRIBE"):
        lines.append(f"Authorization: {authorization}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _first_line(connection: socket.socket, until_s: float) -> bytes:
    data = b""
    while b"\n" not in data and len(data) < MAX_STATUS_BYTES:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        piece = connection.recv(MAX_STATUS_BYTES)
        if not piece:
            break
        data += piece
    return data


def _pictures(connection: socket.socket, data: bytes, until_s: float) -> int:
    """How many JPEGs begin (ITU-T T.81, SOI and the marker after it) until then; two are enough."""
    found = read = 0
    while found < 2 and read < MAX_BODY_BYTES:
        found += len(JPEG_BEGINS.findall(data))
        connection.settimeout(max(0.01, until_s - time.monotonic()))
        try:
            piece = connection.recv(65_536)
        except OSError:  # a time-out, too
            break
        if not piece:
            break
        read += len(piece)
        data = data[-2:] + piece  # a marker may be cut in two
    return min(found, 2)


def _status(line: bytes, url: CameraUrl) -> int:
    words = line.split()
    if len(words) >= 2 and words[0].startswith((b"HTTP/", b"RTSP/", b"ICY")) and words[1].isdigit():
        return int(words[1])
    kind = url.scheme.upper()
    raise DeviceUnavailableError(
        tell(
            "{url} does not speak {kind}; is the port right, and is it {kind}?", url=url, kind=kind
        )
    )
