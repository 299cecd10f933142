"""Questions to a camera in SOAP 1.2 over HTTP, as far as ONVIF needs it.

The login goes as a WS-Security user name token with a digest (OASIS, UsernameToken Profile 1.0,
3.1), stamped with the camera's own time: its clock is often wrong, and it refuses other times.
"""

import base64
import hashlib
import http.client
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import urlsplit
from xml.etree import ElementTree as Tree

from config.actuators import OnvifVia
from config.language import tell
from drivers.base import DeviceLostError
from drivers.cameras.url import read_login

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DIGEST = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
    "#PasswordDigest"
)
SCHEMA = "http://www.onvif.org/ver10/schema"
LONGEST_BYTES = 512 * 1024
WITHIN_S = 2.0
YEARS = range(1970, 2100)  # a clock that was never set says 1970 or 2000


class SoapFaultError(Exception):
    """The camera understood, and says no; the text is its own."""


class Element:
    """What is asked, as XML."""

    def __init__(self, space: str, name: str, texts: dict[str, str] | None = None) -> None:
        self.node = Tree.Element(f"{{{space}}}{name}")
        for child, words in (texts or {}).items():
            Tree.SubElement(self.node, f"{{{space}}}{child}").text = words

    def child(self, space: str, name: str, /, **attributes: str) -> "Element":
        found = Element.__new__(Element)
        found.node = Tree.SubElement(self.node, f"{{{space}}}{name}", attributes)
        return found


class Soap:
    """One camera. A question that is not answered fails after WITHIN_S."""

    def __init__(self, host: str, port: int, login: tuple[str, str] | None) -> None:
        self._host = host
        self._port = port
        self._login = login
        self._ahead = timedelta()  # the camera's clock before ours

    @classmethod
    def to(cls, config: OnvifVia) -> Self:
        """Raises DeviceUnavailableError where the login cannot be read."""
        login = None if config.credentials_file is None else read_login(config.credentials_file)
        return cls(config.host, config.net_port, login)

    def set_time(self, answer: Tree.Element) -> None:
        """From what GetSystemDateAndTime says; as it is where it says nothing sensible."""
        utc = first(answer, SCHEMA, "UTCDateTime")
        parts = [
            inner(utc, SCHEMA, part)
            for part in ("Year", "Month", "Day", "Hour", "Minute", "Second")
        ]
        try:
            year, month, day, hour, minute, second = (int(part) for part in parts)
            theirs = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        except (ValueError, OverflowError):
            return
        if theirs.year in YEARS:
            self._ahead = theirs - datetime.now(UTC)

    def path_of(self, address: str) -> str:
        """Of a service's address: behind a router its host is often another one than ours."""
        try:
            return urlsplit(address).path or "/"
        except ValueError:
            return "/"

    def ask(self, path: str, body: Element, *, plain: bool = False) -> Tree.Element:
        """The body of the answer. `plain`: without the login.

        Raises SoapFaultError, DeviceLostError.
        """
        status, data = self._post(path, self._envelope(body, plain=plain))
        try:
            found = Tree.fromstring(data).find(f"{{{ENVELOPE}}}Body")  # noqa: S314 - see below
        except (Tree.ParseError, ValueError, LookupError) as error:
            # expat itself (2.4.1 and later) stops documents that unfold without end.
            raise DeviceLostError(
                tell(
                    "{host} answers with status {status} and no SOAP: is ONVIF switched on?",
                    host=self._host,
                    status=status,
                )
            ) from error
        if found is None:
            raise DeviceLostError(tell("{host} answers with an empty envelope", host=self._host))
        fault = found.find(f"{{{ENVELOPE}}}Fault")
        if fault is not None or status >= 400:
            raise SoapFaultError(self._why(status, fault))
        return found

    def _why(self, status: int, fault: Tree.Element | None) -> str:
        words = " ".join("".join([] if fault is None else fault.itertext()).split())
        if status == 401 or "NotAuthorized" in words:
            return f"{self._host} refuses the login: see credentials_file"
        return f"{self._host} refuses: {words[:200] or f'status {status}'}"

    def _post(self, path: str, content: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=WITHIN_S)
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        try:
            connection.request("POST", path, content, headers)
            answer = connection.getresponse()
            return answer.status, _content(answer, time.monotonic() + WITHIN_S)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DeviceLostError(
                tell(
                    "{host}:{port} does not answer: check its cable and address",
                    host=self._host,
                    port=self._port,
                )
            ) from error
        finally:
            connection.close()

    def _envelope(self, body: Element, *, plain: bool) -> bytes:
        envelope = Tree.Element(f"{{{ENVELOPE}}}Envelope")
        if self._login is not None and not plain:
            header = Tree.SubElement(envelope, f"{{{ENVELOPE}}}Header")
            self._sign(Tree.SubElement(header, f"{{{SECURITY}}}Security"), *self._login)
        Tree.SubElement(envelope, f"{{{ENVELOPE}}}Body").append(body.node)
        return bytes(Tree.tostring(envelope, encoding="utf-8", xml_declaration=True))

    def _sign(self, security: Tree.Element, user: str, password: str) -> None:
        nonce = os.urandom(16)
        created = (datetime.now(UTC) + self._ahead).strftime("%Y-%m-%dT%H:%M:%SZ")
        token = Tree.SubElement(security, f"{{{SECURITY}}}UsernameToken")
        Tree.SubElement(token, f"{{{SECURITY}}}Username").text = user
        secret = Tree.SubElement(token, f"{{{SECURITY}}}Password", Type=DIGEST)
        secret.text = digest(nonce, created, password)
        Tree.SubElement(token, f"{{{SECURITY}}}Nonce").text = base64.b64encode(nonce).decode()
        Tree.SubElement(token, f"{{{UTILITY}}}Created").text = created


def _content(answer: http.client.HTTPResponse, ends_s: float) -> bytes:
    """What comes until then, of a camera that may let its answer drip. Raises OSError."""
    content = b""
    while len(content) < LONGEST_BYTES and (piece := answer.read1(LONGEST_BYTES - len(content))):
        content += piece
        if time.monotonic() > ends_s:
            raise TimeoutError
    return content


def digest(nonce: bytes, created: str, password: str) -> str:
    """Base64 of SHA-1 of nonce, time and password: what the profile asks for, however old."""
    return base64.b64encode(
        hashlib.sha1(nonce + created.encode() + password.encode()).digest()  # noqa: S324
    ).decode()


def first(node: Tree.Element | None, space: str, name: str) -> Tree.Element | None:
    return None if node is None else next(node.iter(f"{{{space}}}{name}"), None)


def inner(node: Tree.Element | None, space: str, name: str) -> str:
    found = first(node, space, name)
    return (found.text or "").strip() if found is not None else ""


def values(node: Tree.Element | None, *names: str) -> list[float | None]:
    """Attributes as finite numbers; None for what is none."""
    return [_number(None if node is None else node.get(name)) for name in names]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None
