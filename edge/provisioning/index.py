"""What an authority has issued: openssl's `index.txt` (openssl-ca(1)), so that both can read it.

A line for each certificate, tabs between: V, R or E; its end; when it was withdrawn; serial number;
file, always `unknown`; subject. Times as YYMMDDHHMMSSZ, with four digits of the year from 2050 on.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

SUBJECT = re.compile(r"/CN=([^/]*)")


class DamagedIndexError(Exception):
    """The index cannot be believed; the text has the line."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate."""

    serial: int
    name: str
    until: datetime
    revoked_at: datetime | None = None

    @classmethod
    def of_line(cls, line: str) -> Self:
        """Raises ValueError."""
        status, until, revoked, serial, _, subject = line.split("\t")
        if status not in ("V", "R", "E") or (status == "R") != bool(revoked):
            raise ValueError("its state is wrong")
        match = SUBJECT.search(subject)
        return cls(
            serial=int(serial, 16),
            name=match[1] if match else "",
            until=_time(until),
            revoked_at=_time(revoked.partition(",")[0]) if revoked else None,
        )

    def line(self) -> str:
        status, gone = ("V", "") if self.revoked_at is None else ("R", _text(self.revoked_at))
        return "\t".join(
            (
                status,
                _text(self.until),
                gone,
                hex_serial(self.serial),
                "unknown",
                f"/CN={self.name}",
            )
        )

    def revoked(self, at: datetime) -> "Issued":
        return replace(self, revoked_at=at)

    def state(self, now: datetime) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.until <= now else "valid"


def hex_serial(serial: int) -> str:
    """As openssl writes it, and calls the files in `issued`: whole bytes."""
    text = f"{serial:X}"
    return text.rjust(len(text) + len(text) % 2, "0")


def read_index(text: str) -> list[Issued]:
    """In the order of issue. Raises DamagedIndexError."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(Issued.of_line(line))
            except ValueError as error:
                raise DamagedIndexError(f"line {number}: {error}") from error
    return found


def index_text(issued: list[Issued]) -> str:
    return "".join(each.line() + "\n" for each in issued)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%y%m%d%H%M%SZ" if at.year < 2050 else "%Y%m%d%H%M%SZ")


def _time(text: str) -> datetime:
    pattern = "%y%m%d%H%M%SZ" if len(text) == 13 else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, pattern).replace(tzinfo=UTC)
