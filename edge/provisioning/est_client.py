"""Asks an EST server for the unit's certificate (RFC 7030): at first with a token, later with the
certificate that it has.

The server is believed only by its certificate: one of an authority whose file was given, or whose
fingerprint was. With a fingerprint the authority itself is fetched first, over a connection that
proves nothing and carries nothing secret (RFC 7030, 4.1.1), and held against it.
"""

import base64
import http.client
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from config.language import said, tell
from edge.provisioning.errors import ProvisioningError, WrongInputError
from edge.provisioning.pkcs7 import MAX_BYTES, certificates_in
from edge.provisioning.requests import request_der

PATH = "/.well-known/est/"
PORT = 8443
PATIENCE_S = 15.0
TRIES = 5
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and by what it is known."""

    host: str
    port: int
    ca: bytes | None  # PEM; None: by the fingerprint
    sha256: str | None  # of the authority's certificate, 64 hexadecimal digits

    @classmethod
    def at(cls, url: str, ca: bytes | None, sha256: str | None) -> "Server":
        """Raises WrongInputError."""
        cure = tell("e.g. https://hub1.example:8443")
        try:
            found = urlsplit(url if "://" in url else f"https://{url}")
            host, port = found.hostname, found.port or PORT
        except ValueError as error:
            raise WrongInputError(tell("{url} is no address", url=repr(url)[:80]), cure) from error
        if found.scheme != "https" or not host or found.path.strip("/") or found.username:
            raise WrongInputError(tell("{url} is no address of an EST server",
                                       url=repr(url)[:80]), cure)  # fmt: skip
        pin = None if sha256 is None else checked_fingerprint(sha256)
        if ca is None and pin is None:
            raise WrongInputError(
                tell("nothing says which enrolment server is the right one"),
                tell("give the authority's file (--ca ca.crt), or its fingerprint (--ca-sha256)"),
            )
        return cls(host, port, ca, pin)

    @property
    def shown(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def checked_fingerprint(text: str) -> str:
    """64 hexadecimal digits, however they were grouped. Raises WrongInputError."""
    plain = "".join(text.split()).replace(":", "").lower()
    if len(plain) != 64 or set(plain) - set("0123456789abcdef"):
        told = tell("that is no fingerprint: 64 hexadecimal digits")
        raise WrongInputError(told, tell("copy it from what `patrol-edge ca token` has told"))
    return plain


@dataclass(frozen=True, slots=True)
class Granted:
    """What came of it."""

    certificate: x509.Certificate
    authority: bytes  # PEM


class EstClient:
    """One server. Blocks; tries again where that may help."""

    def __init__(self, server: Server, wait: Callable[[float], None]) -> None:
        """`wait` sleeps for so many seconds."""
        self.server = server
        self._wait = wait
        self._authority = server.ca

    def enrol(self, unit: str, token: str, request: x509.CertificateSigningRequest) -> Granted:
        """The unit's first certificate. Raises ProvisioningError."""
        login = base64.b64encode(f"{unit}:{token}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"}
        return self._asked("simpleenroll", request, headers, None)

    def renew(self, pair: tuple[Path, Path], request: x509.CertificateSigningRequest) -> Granted:
        """The next one; certificate and key prove who asks. Raises ProvisioningError."""
        return self._asked("simplereenroll", request, {}, pair)

    def authority(self) -> bytes:
        """PEM of the authority that is believed. Raises ProvisioningError."""
        if self._authority is None:
            found = certificates_in(self._repeated("GET", "cacerts", None, {}, _unproved()))
            wanted = [each for each in found if _sha256(each) == self.server.sha256]
            if not wanted:
                raise ProvisioningError(
                    tell("{server} is not the enrolment server it should be: its authority has "
                         "another fingerprint", server=self.server.shown),
                    tell("compare address and fingerprint with whoever gave them to you"),
                )  # fmt: skip
            self._authority = wanted[0].public_bytes(serialization.Encoding.PEM)
        return self._authority

    def _asked(
        self,
        what: str,
        request: x509.CertificateSigningRequest,
        headers: dict[str, str],
        pair: tuple[Path, Path] | None,
    ) -> Granted:
        authority = self.authority()
        context = _proved(authority, pair)
        headers = headers | {
            "Content-Type": "application/pkcs10",
            "Content-Transfer-Encoding": "base64",
        }
        body = base64.encodebytes(request_der(request))
        answer = self._repeated("POST", what, body, headers, context)
        return Granted(certificates_in(answer)[0], authority)

    def _repeated(
        self,
        method: str,
        what: str,
        body: bytes | None,
        headers: dict[str, str],
        context: ssl.SSLContext,
    ) -> bytes:
        wait_s, last = FIRST_WAIT_S, ""
        for number in range(TRIES):
            if number:
                self._wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            try:
                status, later_s, answer = self._once(method, what, body, headers, context)
            except ssl.SSLCertVerificationError as error:
                raise self._not_the_one(error) from error
            except (OSError, http.client.HTTPException) as error:
                last = str(error) or type(error).__name__
                continue
            if status == 200:
                return answer
            if status not in (202, 429, 500, 502, 503, 504):
                raise self._refusal(status, answer)
            last = _in_words(status, answer)
            wait_s = max(wait_s, min(later_s, LONGEST_WAIT_S))
        raise ProvisioningError(
            tell("{server} does not answer: {why}", server=self.server.shown, why=last[:200]),
            tell(
                "check the network and the address, then run the same again: it goes on from here"
            ),
        )

    def _once(
        self,
        method: str,
        what: str,
        body: bytes | None,
        headers: dict[str, str],
        context: ssl.SSLContext,
    ) -> tuple[int, float, bytes]:
        """Status, seconds to wait as the server says, and the answer."""
        connection = http.client.HTTPSConnection(
            self.server.host, self.server.port, timeout=PATIENCE_S, context=context
        )
        try:
            connection.request(method, PATH + what, body, headers)
            response = connection.getresponse()
            later = response.getheader("Retry-After") or ""
            later_s = float(later) if later.isascii() and later.isdigit() else 0.0
            return response.status, later_s, response.read(MAX_BYTES + 1)
        finally:
            connection.close()

    def _not_the_one(self, error: ssl.SSLCertVerificationError) -> ProvisioningError:
        told = tell("{server} is not believed: {why}",
                    server=self.server.shown, why=error.verify_message)  # fmt: skip
        cure = tell("is the clock right, the address one of those that the server's certificate "
                    "names, and the authority's file the right one?")  # fmt: skip
        return ProvisioningError(told, cure)

    def _refusal(self, status: int, answer: bytes) -> ProvisioningError:
        told = tell("{server} refuses: {why}",
                    server=self.server.shown, why=_in_words(status, answer))  # fmt: skip
        if status == 401:
            return ProvisioningError(told, tell("have a new token made: patrol-edge ca token"))
        if status == 404:
            return ProvisioningError(told, tell("is that the address of the enrolment server?"))
        return ProvisioningError(told, tell("ask whoever runs it; its journal says more"))


def _sha256(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _in_words(status: int, answer: bytes) -> str:
    """What the server says, as far as it can be shown on a terminal."""
    text = answer[:200].decode("ascii", "replace").strip()
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return f"{shown} ({status})" if shown else str(status)


def _proved(authority: bytes, pair: tuple[Path, Path] | None) -> ssl.SSLContext:
    """Raises ProvisioningError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the name and the certificate
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=authority.decode())
    except (ssl.SSLError, ValueError) as error:
        told = tell("the authority's file holds no certificate in PEM")
        raise ProvisioningError(told, tell("copy it again: ca.crt")) from error
    if pair is not None:
        try:
            context.load_cert_chain(*pair)
        except (OSError, ssl.SSLError) as error:
            told = tell("the unit's certificate cannot be shown: {why}", why=said(error))
            raise ProvisioningError(told, tell("see: patrol-edge doctor")) from error
    return context


def _unproved() -> ssl.SSLContext:
    """For the authority's certificate alone, which its fingerprint proves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
