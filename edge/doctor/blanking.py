"""What must not leave the unit is blanked: secrets, positions, names of persons.

Two nets, one behind the other. What is known to be secret here (the content of every file of keys
and passwords that the configuration names) is looked for as it stands and in the forms in which it
travels. What merely looks like a secret or a place is blanked, too: rather too much than too
little, since whoever reads this at home can ask.
"""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

SECRET, PLACE, PERSON = "[secret]", "[place]", "[person]"
DEVICES = ("/dev/", "/sys/")  # names of what is plugged in are long and mixed
SHORTEST = 4  # of a secret that is looked for within words
LONGEST_BYTES = 256 * 1024

# Between a name and its value, and the value: also within JSON that stands in a JSON text. A quote
# that is not closed goes on to the end of the line.
_IS = r"[\\\"']*\s*[:=]\s*"
_VALUE = r"(?:\\+\"[^\"\n]*\"?|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|[^\s,;&}\]]+)"
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_URL = re.compile(r"([A-Za-z0-9+.-]://)[^/\s\"'@]*(?:@[^/\s\"'@]*)*@")
_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]+)+")
_HEADER = re.compile(
    r"(?i)\b(authorization|proxy-authorization|cookie|set-cookie)(\s*[:=]\s*)[^\n]*"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9+/=_.~-]{6,}")
_NAMED = re.compile(
    r"(?i)((?:passw(?:or)?d|passphrase|passwort|pwd|secret|token|api[_-]?key|"
    rf"private[_-]?key|psk|(?<![a-z])key){_IS}){_VALUE}"
)
_RAW_KEY = re.compile(r"(?<![A-Za-z0-9_+/=-])[A-Za-z0-9_+/-]{40,}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32,}(?![0-9A-Fa-f])")
_NMEA = re.compile(r"[$!][A-Z][A-Z0-9]{3,7},[^\s\"']*")
_DEGREES = re.compile(
    r"(?i)([\"']?\b(?:lat|lon|lng|latitude|longitude|lat_deg|lon_deg|easting|northing)"
    rf"{_IS})[\"']?[-+]?\d+(?:\.\d+)?[\"']?"
)
_PRECISE = re.compile(r"(?<![\w.])(?<!\d:)[-+]?\d{1,3}\.\d{4,}(?![\w.])")
_HOME = re.compile(r"(/home/)[^/\s\"':]+")
_BY = re.compile(r"\b(local:|sudo:)\w[\w.-]*")
_PERSONAL = re.compile(
    r"(?i)([\"']?\b(?:by|user|issuer|owner|plate|plates|reason|words|say|why|person|crew)"
    rf"{_IS}){_VALUE}"
)
_BLANKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_PEM, SECRET),
    (_HEADER, rf"\1\2{SECRET}"),
    (_BEARER, rf"\1 {SECRET}"),
    (_URL, rf"\1{SECRET}@"),
    (_TOKEN, SECRET),
    (_NAMED, rf"\1{SECRET}"),
    (_HEX, SECRET),
    (_NMEA, PLACE),
    (_DEGREES, rf"\1{PLACE}"),
    (_PRECISE, PLACE),
    (_HOME, rf"\1{PERSON}"),
    (_BY, rf"\1{PERSON}"),
)
# Keys of settings whose values are blanked whatever they are.
_PLACES = re.compile(
    r"(?i)^(lat|lon|latitude|longitude|home|fence|origin|crs_origin|region_geojson)$"
)
_SECRETS = re.compile(r"(?i)(password|passwd|secret|token|passphrase|psk)$")


@dataclass(frozen=True, slots=True)
class Blanking:
    """`known`: secrets of this unit, longest first."""

    known: tuple[str, ...]
    unread: tuple[str, ...] = ()  # settings whose files could not be read

    @classmethod
    def of(cls, secrets: Iterable[str], unread: Iterable[str] = ()) -> "Blanking":
        forms = {form for secret in secrets for form in _forms(secret)}
        return cls(tuple(sorted(forms, key=len, reverse=True)), tuple(unread))

    def text(self, told: str, *, personal: bool = False) -> str:
        """`personal`: words of persons are blanked, too, as in a log."""
        told = self._without_known(told)
        for pattern, blank in _BLANKS:
            told = pattern.sub(blank, told)
        told = _RAW_KEY.sub(_unless_plain, told)
        return _PERSONAL.sub(rf"\1{PERSON}", told) if personal else told

    def data(self, value: Any) -> Any:
        """Settings and the like, by their keys as well."""
        match value:
            case dict():
                return {str(key): self._value(str(key), held) for key, held in value.items()}
            case list() | tuple():
                return [self.data(item) for item in value]
            case str():
                return self.text(value)
            case float():
                return PLACE if _PRECISE.fullmatch(repr(value)) else value
        return value

    def _value(self, key: str, held: Any) -> Any:
        if held is None or isinstance(held, bool):
            return held
        if _SECRETS.search(key):
            return SECRET
        return PLACE if _PLACES.match(key) else self.data(held)

    def betrays(self, data: bytes) -> bool:
        """Whether any known secret is still in it: the second look."""
        text = data.decode("utf-8", "replace")
        return any(secret in text for secret in self.known if len(secret) >= SHORTEST)

    def _without_known(self, told: str) -> str:
        for secret in self.known:
            if len(secret) >= SHORTEST:
                told = told.replace(secret, SECRET)
            else:
                told = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", SECRET, told)
        return told


def _unless_plain(found: re.Match[str]) -> str:
    """A path or a name in small letters stays; what mixes all kinds of signs may be a key."""
    word = found.group()
    if word.startswith(DEVICES):
        return word
    mixed = all(
        any(test(char) for char in word) for test in (str.isupper, str.islower, str.isdigit)
    )
    return SECRET if mixed else word


def _forms(secret: str) -> Iterable[str]:
    """As it stands, line by line, and as it travels: in URLs, in headers, in JSON."""
    for line in {secret.strip(), *(part.strip() for part in secret.splitlines())}:
        if not line or line.startswith("-----"):
            continue
        yield line
        yield quote(line, safe="")
        yield quote(line)
        yield json.dumps(line)[1:-1]
        yield base64.b64encode(line.encode()).decode().rstrip("=")
        yield base64.urlsafe_b64encode(line.encode()).decode().rstrip("=")
        user, colon, password = line.partition(":")
        if colon and password and " " not in user and len(user) < 64:
            yield from _forms(password)


def read_secret(path: Path) -> str | None:
    """What a file holds; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
