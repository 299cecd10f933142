"""A camera's address and login: read safely, and never shown in a message."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from config.language import tell
from config.secrets import SecretFileError, read_line
from drivers.base import DeviceUnavailableError

PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraUrl:
    """An address in parts. `str()` shows it without user, password and query."""

    scheme: str
    host: str
    port: int
    path: str  # with the query, as sent to the camera
    login: tuple[str, str] | None = field(default=None, repr=False)  # user, password

    @classmethod
    def parse(cls, url: str, login: tuple[str, str] | None = None) -> Self:
        """Raises DeviceUnavailableError if the address makes no sense."""
        try:
            url.encode()  # no surrogates
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # not chained: its text may show the password
            raise DeviceUnavailableError(
                tell("the camera's url is malformed; {cure}", cure=CURE)
            ) from None
        if parts.scheme not in PORTS or not parts.hostname:
            raise DeviceUnavailableError(tell("the camera's url names no host; {cure}", cure=CURE))
        if login is None and parts.username is not None:
            login = unquote(parts.username), unquote(parts.password or "")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=port or PORTS[parts.scheme],
            path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            login=login,
        )

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def with_login(self) -> str:
        """The whole address, for the library only: never for a message."""
        user = ""
        if self.login is not None:
            user = ":".join(quote(part, safe="") for part in self.login) + "@"
        return f"{self.scheme}://{user}{self.authority}{self.path}"

    def basic_authorization(self) -> str | None:
        """The value of an Authorization header (RFC 7617)."""
        if self.login is None:
            return None
        return "Basic " + base64.b64encode(":".join(self.login).encode()).decode()

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path.partition('?')[0]}"


CURE = tell("write it as rtsp://host:port/path or http://host:port/path")


def read_login(path: Path) -> tuple[str, str]:
    """User and password from a file of one line `user:password`.

    Raises DeviceUnavailableError if it is missing, open to others, or not of that form.
    """
    try:
        user, colon, password = read_line(path, "user:password").partition(":")
    except SecretFileError as error:
        raise DeviceUnavailableError(tell("credentials_file: {error}", error=error)) from None
    if not user or not colon:
        raise DeviceUnavailableError(
            tell("credentials_file: {path} holds no colon; write user:password into it", path=path)
        )
    return user, password
