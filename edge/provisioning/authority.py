"""A small certificate authority in a folder, for pilots and benches: broker, hub, units, partners.

The folder is laid out as `openssl ca` does it, and as the shell script of earlier releases did:

    ca.key, ca.crt       the authority; whoever has the key can be anybody
    index.txt            what was issued (index.py); it is written before a certificate leaves
    issued/SERIAL.pem    each certificate
    NAME.crt, NAME.key   the newest of a name; the key only where it was made here
    crl.pem, crlnumber   what was withdrawn, for the broker
    journal.jsonl        who had what done, and what was refused

Every step is whole on the disk before the next: after a power cut the index may hold a certificate
that nobody got, never the other way round.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from config.language import said, tell
from config.secrets import SecretFileError, read_kept
from config.wording import listed
from drivers.clock import Clock
from edge.provisioning.errors import ProvisioningError, WrongInputError
from edge.provisioning.files import PUBLIC, SECRET, make_folder, put, put_new
from edge.provisioning.index import (
    DamagedIndexError,
    Issued,
    hex_serial,
    index_text,
    read_index,
)
from edge.provisioning.issuing import Profile, Wish, certificate_of, root_certificate
from edge.provisioning.names import checked_name, checked_unit
from edge.provisioning.requests import load_key, new_key_pem, spki
from telemetry.commands.files import one_at_a_time
from telemetry.contract.wire_types import rfc3339_ms

YEAR_DAYS = 365
ROOT_DAYS = 3650
CRL_DAYS = 30
WHOLE = ("ca.key", "ca.crt", "index.txt", "crl.pem")
ROOT_NAME = "patrol pilot authority"


class Authority:
    """One authority. Several processes may use its folder: each change locks it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Raises WrongInputError where the folder holds none, ProvisioningError where it cannot be
        used."""
        self.folder = folder
        self._clock = clock
        if not (folder / "ca.key").exists():
            told = tell("{folder} holds no authority", folder=str(folder))
            cure = tell("make one: patrol-edge ca init {folder}", folder=str(folder))
            raise WrongInputError(told, cure)
        try:
            self._key = load_key(read_kept(folder / "ca.key"))
            self.certificate = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
        except SecretFileError as error:
            raise ProvisioningError(said(error)) from error
        except (OSError, ValueError) as error:
            told = tell("the authority in {folder} is not whole", folder=str(folder))
            cure = tell("run: patrol-edge ca init {folder}; or put your copy back",
                        folder=str(folder))  # fmt: skip
            raise ProvisioningError(told, cure) from error
        if spki(self.certificate.public_key()) != spki(self._key.public_key()):
            told = tell("ca.key does not belong to ca.crt in {folder}", folder=str(folder))
            raise ProvisioningError(told, tell("put your copy of both back"))

    @classmethod
    def make(
        cls, folder: Path, clock: Clock, name: str = ROOT_NAME, days: int = ROOT_DAYS
    ) -> "Authority":
        """A new one; or the rest of one whose making was cut off. Raises WrongInputError, OSError.

        It is done when its first list of revocations is there, too.
        """
        if all((folder / name).exists() for name in WHOLE):
            told = tell("{folder} holds an authority already", folder=str(folder))
            raise WrongInputError(told, tell("take another folder; an authority is never replaced"))
        make_folder(folder, 0o700)
        make_folder(folder / "issued", 0o700)
        if not (folder / "ca.key").exists():
            put_new(folder / "ca.key", new_key_pem(), SECRET)
        key = load_key(read_kept(folder / "ca.key"))
        if not (folder / "ca.crt").exists():
            root = root_certificate(key, name, clock.utc(), days)
            put_new(folder / "ca.crt", root.public_bytes(serialization.Encoding.PEM), PUBLIC)
        if not (folder / "index.txt").exists():
            put_new(folder / "index.txt", b"", SECRET)
        made = cls(folder, clock)
        made.renew_crl()
        made.note("authority", name=name)
        return made

    # --- what there is ---

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate, hexadecimal: what units pin."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def issued(self) -> list[Issued]:
        """Raises ProvisioningError."""
        try:
            return read_index((self.folder / "index.txt").read_text())
        except (OSError, UnicodeDecodeError, DamagedIndexError) as error:
            told = tell("{path} cannot be believed: {why}",
                        path=str(self.folder / "index.txt"), why=said(error))  # fmt: skip
            cure = tell("put your copy of it back; the certificates are in issued/")
            raise ProvisioningError(told, cure) from error

    def find(self, serial: int) -> Issued | None:
        return next((each for each in self.issued() if each.serial == serial), None)

    def now(self) -> datetime:
        return self._clock.utc().replace(microsecond=0)

    # --- issuing ---

    def issue(
        self, name: str, profile: Profile, days: int = YEAR_DAYS, hosts: Sequence[str] = ()
    ) -> Path:
        """A key made here and its certificate. Returns the certificate's file, NAME.crt.

        Raises WrongInputError, ProvisioningError, OSError.
        """
        self._check(name, profile, hosts)
        pem = new_key_pem()
        certificate = self._sign(name, load_key(pem).public_key(), profile, days, hosts)
        put(self.folder / f"{name}.key", pem, SECRET)
        return self._hand_out(name, certificate)

    def sign(
        self,
        name: str,
        request: x509.CertificateSigningRequest,
        profile: Profile,
        days: int = YEAR_DAYS,
        hosts: Sequence[str] = (),
        by: str = "hand",
    ) -> Path:
        """For a key that was made elsewhere. The name is ours, whatever the request says.

        Returns the certificate's file. Raises WrongInputError, ProvisioningError, OSError.
        """
        self._check(name, profile, hosts)
        certificate = self._sign(name, request.public_key(), profile, days, hosts, by)
        return self._hand_out(name, certificate)

    @staticmethod
    def _check(name: str, profile: Profile, hosts: Sequence[str]) -> None:
        if profile == "unit":
            checked_unit(name)
        elif profile == "client":
            checked_name(name)
        elif not hosts:
            raise WrongInputError(tell("for which host names?"), tell("give --host NAME-OR-IP"))

    def _sign(
        self,
        name: str,
        public_key: Any,
        profile: Profile,
        days: int,
        hosts: Sequence[str],
        by: str = "hand",
    ) -> x509.Certificate:
        now = self.now()
        if self.certificate.not_valid_after_utc <= now:
            told = tell("the authority itself ended on {day:%Y-%m-%d}",
                        day=self.certificate.not_valid_after_utc)  # fmt: skip
            raise ProvisioningError(told, tell("make another, and give its ca.crt to all"))
        wish = Wish(name=name, profile=profile, days=days, hosts=tuple(hosts))
        with self._changing():
            serial = x509.random_serial_number()
            found = certificate_of(wish, public_key, self.certificate, self._key, serial, now)
            entry = Issued(serial=serial, name=name, until=found.not_valid_after_utc)
            self._write_index([*self.issued(), entry])
            pem = found.public_bytes(serialization.Encoding.PEM)
            put(self.folder / "issued" / f"{hex_serial(serial)}.pem", pem, PUBLIC)
            self.note(
                "issued", name=name, profile=profile, serial=hex_serial(serial), by=by,
                until=rfc3339_ms(found.not_valid_after_utc),
                certificate=found.fingerprint(hashes.SHA256()).hex(),
            )  # fmt: skip
        return found

    def _hand_out(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / f"{name}.crt"
        put(path, certificate.public_bytes(serialization.Encoding.PEM), PUBLIC)
        return path

    # --- withdrawing ---

    def revoke(self, name: str, reason: str = "") -> list[Issued]:
        """Withdraw all that this name has, and write the list for the broker. Returns what it was.

        Raises WrongInputError, ProvisioningError, OSError.
        """
        with self._changing():
            now, issued = self.now(), self.issued()
            gone = [each for each in issued if each.name == name and each.state(now) == "valid"]
            if not gone:
                known = sorted({each.name for each in issued if each.state(now) == "valid"})
                told = tell("'{name}' has no valid certificate of this authority", name=name[:60])
                raise WrongInputError(told, tell("valid: {names}", names=listed(known, "and")))
            self._write_index([each.revoked(now) if each in gone else each for each in issued])
            self.note("revoked", name=name, reason=reason[:200],
                      serials=[hex_serial(each.serial) for each in gone])  # fmt: skip
        self.renew_crl()
        return gone

    def renew_crl(self) -> Path:
        """The list of what is withdrawn, good for 30 days. Raises ProvisioningError, OSError."""
        with self._changing():
            now, number = self.now(), self._crl_number()
            builder = (
                x509.CertificateRevocationListBuilder()
                .issuer_name(self.certificate.subject)
                .last_update(now)
                .next_update(now + timedelta(days=CRL_DAYS))
                .add_extension(x509.CRLNumber(number), critical=False)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                    critical=False,
                )
            )
            for each in self.issued():
                if each.revoked_at is not None:
                    builder = builder.add_revoked_certificate(
                        x509.RevokedCertificateBuilder()
                        .serial_number(each.serial)
                        .revocation_date(each.revoked_at)
                        .build()
                    )
            crl = builder.sign(self._key, hashes.SHA256())
            # The number first: a list that is lost leaves a gap, two lists must not share one.
            put(self.folder / "crlnumber", f"{number + 1:X}\n".encode(), SECRET)
            path = self.folder / "crl.pem"
            put(path, crl.public_bytes(serialization.Encoding.PEM), PUBLIC)
        return path

    def _crl_number(self) -> int:
        try:
            return int((self.folder / "crlnumber").read_text(), 16)
        except FileNotFoundError:
            return 0x1000
        except ValueError:  # damaged: any higher one will do
            return int(self.now().timestamp())

    # --- the folder ---

    def _write_index(self, issued: list[Issued]) -> None:
        put(self.folder / "index.txt", index_text(issued).encode(), SECRET)

    def note(self, what: str, **facts: Any) -> None:
        """One line of the journal, on the disk when this returns. Raises OSError."""
        line = json.dumps({"at": rfc3339_ms(self._clock.utc()), "what": what} | facts) + "\n"
        append(self.folder / "journal.jsonl", line.encode())

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with one_at_a_time(self.folder):
            yield


def append(path: Path, line: bytes) -> None:
    """A line at the end, on the disk; what a power cut left half there is ended first."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "rb+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            line = b"\n" + line
        file.write(line)
        os.fsync(file.fileno())
