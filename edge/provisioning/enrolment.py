"""What an EST server decides: who gets a certificate, and what the journal says of who does not.

No sockets here: a request comes in with what TLS and HTTP have shown of the asker.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import structlog
from cryptography import x509
from cryptography.x509.oid import NameOID

from edge.provisioning.authority import Authority
from edge.provisioning.errors import ProvisioningError
from edge.provisioning.index import hex_serial
from edge.provisioning.names import checked_unit
from edge.provisioning.pkcs7 import envelope
from edge.provisioning.requests import key_print, read_request, request_name
from edge.provisioning.tokens import TokenRefusedError, Tokens

UNAUTHORIZED = 401
CERTIFICATES = "application/pkcs7-mime"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    wrong: bool = False  # counts as a failed try of this address


def _refused(status: int, text: str, *, wrong: bool = True) -> Answer:
    return Answer(status, text.encode() + b"\n", wrong=wrong)


class Enrolment:
    """One authority's desk. Any thread: the authority's folder is locked for each change."""

    def __init__(self, authority: Authority, days: int) -> None:
        self._authority = authority
        self._days = days
        self._tokens = Tokens(authority.folder)

    def authorities(self) -> Answer:
        """/cacerts (RFC 7030, 4.1)."""
        return Answer(200, envelope([self._authority.certificate]), CERTIFICATES)

    def first(self, login: str | None, body: bytes, address: str) -> Answer:
        """/simpleenroll (4.2.1): the token speaks for the unit."""
        who = _basic(login)
        if who is None:
            return _refused(UNAUTHORIZED, "give the unit's id and its token (HTTP Basic)")
        unit, token = who
        try:
            checked_unit(unit)
            request = read_request(body)
        except ProvisioningError as error:
            return self._no(400, unit, address, error.text)
        if (asked := request_name(request)) != unit:
            return self._no(400, unit, address, f"the request is for {asked!r}, not for {unit!r}")
        try:
            spent = self._tokens.spend(
                unit, token, key_print(request.public_key()), self._authority.now()
            )
        except TokenRefusedError as error:
            told = "the token is not valid for this unit, has ended or was used"
            return self._no(UNAUTHORIZED, unit, address, told, why=f"{error.code}: {error}")
        if spent.serial is not None and (again := self._issued(spent.serial)) is not None:
            return again
        path = self._authority.sign(unit, request, "unit", self._days, by=f"est {address}")
        found = x509.load_pem_x509_certificate(path.read_bytes())
        self._tokens.came_of(spent, hex_serial(found.serial_number))
        return Answer(200, envelope([found]), CERTIFICATES)

    def again(self, shown: bytes | None, body: bytes, address: str) -> Answer:
        """/simplereenroll (4.2.2): the certificate that TLS has proved speaks for the unit."""
        if shown is None:
            return _refused(UNAUTHORIZED, "show the unit's present certificate (mutual TLS)")
        present = x509.load_der_x509_certificate(shown)
        names = present.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        unit = str(names[0].value) if len(names) == 1 else ""
        try:
            checked_unit(unit)
            request = read_request(body)
        except ProvisioningError as error:
            return self._no(400, unit, address, error.text)
        known = self._authority.find(present.serial_number)
        if known is None or known.revoked_at is not None or known.name != unit:
            return self._no(403, unit, address, "the certificate was withdrawn, or is not ours")
        if (asked := request_name(request)) != unit:
            return self._no(400, unit, address, f"the request is for {asked!r}, not for {unit!r}")
        path = self._authority.sign(unit, request, "unit", self._days, by=f"est again {address}")
        found = x509.load_pem_x509_certificate(path.read_bytes())
        return Answer(200, envelope([found]), CERTIFICATES)

    def _issued(self, serial: str) -> Answer | None:
        """What came of the token before, where the answer was lost on the way."""
        known = self._authority.find(int(serial, 16))
        if known is None or known.state(self._authority.now()) != "valid":
            return None
        pem = (self._authority.folder / "issued" / f"{serial}.pem").read_bytes()
        return Answer(200, envelope([x509.load_pem_x509_certificate(pem)]), CERTIFICATES)

    def _no(self, status: int, unit: str, address: str, told: str, **facts: Any) -> Answer:
        why = facts.get("why", told)
        structlog.get_logger().warning("enrolment_refused", unit=unit[:64], frm=address, why=why)
        self._authority.note("refused", name=unit[:64], by=f"est {address}", why=why)
        return _refused(status, told)


def _basic(login: str | None) -> tuple[str, str] | None:
    """User and password of HTTP Basic (RFC 7617); None for what is none."""
    scheme, _, rest = (login or "").partition(" ")
    if scheme.lower() != "basic" or len(rest) > 1024:
        return None
    try:
        user, colon, password = (
            base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (user, password) if colon else None
