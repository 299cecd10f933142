"""Asks a network camera whether it is there, before OpenCV does.

OpenCV opens one source at a time and says nothing but "no" when it fails. So a camera that does
not answer is found out here, with a plain socket, where it holds up nobody; and when OpenCV fails
on one that does answer, its status line (RFC 9112, RFC 2326) tells why.
"""

import socket
import time

from drivers.base import DeviceUnavailableError
from drivers.cameras.url import CameraUrl

MAX_STATUS_BYTES = 256
LOGIN_CURE = "put the camera's user:password into credentials_file"


def check_answers(url: CameraUrl, timeout_s: float) -> None:
    """Return if something speaks HTTP or RTSP there. Raises DeviceUnavailableError if not.

    Behind TLS only the connection is tried.
    """
    method = "OPTIONS" if url.scheme.startswith("rtsp") else "HEAD"
    _ask(url, method, timeout_s)


def refusal(url: CameraUrl, timeout_s: float) -> str:
    """Why this camera, which answers, gives no pictures: cause and cure in one line."""
    method = "DESCRIBE" if url.scheme.startswith("rtsp") else "GET"
    status = _ask(url, method, timeout_s)
    if status in (401, 403):
        if url.login is None:
            return f"{url} asks for a user and a password; {LOGIN_CURE}"
        return f"{url} refuses the user or the password; {LOGIN_CURE} and check them"
    if status in (404, 454):
        return f"{url} does not exist on that camera; look up the path in its manual"
    if status is not None and status >= 400:
        return f"{url} answers with error {status}; restart the camera, or check the path"
    return (
        f"{url} answers, but gives no pictures that can be read within {timeout_s:g} s; check the "
        "path in its manual, and whether it sends more than a picture now and then"
    )


def too_slow(url: CameraUrl, took_s: float) -> str:
    """What to say of one that takes too long for its first two pictures."""
    return (
        f"{url} sent fewer than two pictures in {took_s:.0f} s; raise its frame rate, "
        "or open_timeout_s"
    )


def _ask(url: CameraUrl, method: str, timeout_s: float) -> int | None:
    """The status code of one request; None behind TLS."""
    until_s = time.monotonic() + timeout_s
    try:
        with socket.create_connection((url.host, url.port), timeout_s) as connection:
            if url.scheme.endswith("s"):
                return None
            connection.settimeout(max(0.1, until_s - time.monotonic()))
            connection.sendall(_request(url, method))
            return _status(_first_line(connection, until_s), url)
    except TimeoutError:
        cause, cure = "does not answer", "check power, cable and address"
    except socket.gaierror:
        cause, cure = "has a host name nobody knows", "check the name, or write the IP address"
    except ConnectionRefusedError:
        cause, cure = "refuses the connection", "is the port right, and the stream switched on?"
    except (OSError, UnicodeError) as error:
        text = error.strerror if isinstance(error, OSError) else None
        cause, cure = f"cannot be reached ({text or 'bad host name'})", "check network and address"
    raise DeviceUnavailableError(f"{url} {cause}; {cure}")


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
    return data.partition(b"\n")[0]


def _status(line: bytes, url: CameraUrl) -> int:
    words = line.split()
    if len(words) >= 2 and words[0].startswith((b"HTTP/", b"RTSP/", b"ICY")) and words[1].isdigit():
        return int(words[1])
    kind = url.scheme.upper()
    raise DeviceUnavailableError(
        f"{url} does not speak {kind}; is the port right, and is it {kind}?"
    )
