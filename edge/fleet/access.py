"""How the units of a fleet prove who they are: one certificate for all, or one for each."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

from config.addresses import BrokerAddress
from telemetry.link.security import password, tls_context
from telemetry.link.transport import LinkOptions

UNIT = "{unit}"  # stands for the unit's name


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPlan:
    """As on the command line: `cert`, `key` and `username` may hold `{unit}`.

    Several brokers are the nodes of one cluster: units spread over them.
    """

    brokers: tuple[BrokerAddress, ...]
    username: str | None = None
    password_file: Path | None = None
    ca: Path | None = None
    cert: str | None = None
    key: str | None = None

    def options(self, name: str, turn: int = 0) -> LinkOptions:
        """Of the unit with this name. Each `turn` is another node, with the others to fall back to;
        where a unit begins follows from its name, in every run the same."""
        cert, key = _named(self.cert, name), _named(self.key, name)
        first = (crc32(name.encode()) + turn) % len(self.brokers)
        broker, *others = self.brokers[first:] + self.brokers[:first]
        return LinkOptions(
            host=broker.host,
            port=broker.port,
            tls=broker.tls,
            fallbacks=tuple(others),
            client_id=name,
            ca=self.ca,
            cert=None if cert is None else Path(cert),
            key=None if key is None else Path(key),
            username=_named(self.username, name),
            password_file=self.password_file,
        )

    def check(self, name: str) -> None:
        """Raises TransportConfigError for a file that cannot be used."""
        options = self.options(name)
        password(options)
        if options.tls:
            tls_context(options)


def _named(text: str | None, name: str) -> str | None:
    return None if text is None else text.replace(UNIT, name)


def cached_contexts() -> Callable[[LinkOptions], ssl.SSLContext]:
    """Like `tls_context`, but reads the same files once: a thousand units share one context, and
    the system's authorities take milliseconds and megabytes."""

    @cache
    def read(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
        options = LinkOptions(host="", port=0, client_id="", ca=ca, cert=cert, key=key)
        return tls_context(options)

    return lambda options: read(options.ca, options.cert, options.key)
