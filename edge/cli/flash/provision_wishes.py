"""What `patrol-edge provision` is told: by options, by a file of answers, on a terminal."""

import argparse
import difflib
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from config.checking import checked_text
from config.document import UNIT_FILE
from config.errors import ConfigError, Problem
from config.language import said, tell
from config.nodes import Entries, Scalar
from config.reading import read
from config.secrets import SecretFileError, check_kept, read_line
from config.wording import nearest
from drivers.plugged.looking import look_around
from edge.cli.console import USAGE, CommandError
from edge.provisioning.est_client import EstClient, Server, checked_fingerprint
from edge.provisioning.identity import Answers
from edge.provisioning.setting_up import Given
from edge.provisioning.tokens import looks_right
from edge.provisioning.wiring import device_lines, wired

MAX_BYTES = 256 * 1024
PATHS = ("ca", "token_file", "certificate", "trust", "commander")


@dataclass(frozen=True, slots=True)
class Wishes:
    """Each as it was given; None where it was not. In a file of answers by these names."""

    unit_id: str | None = None
    profile: str | None = None
    unit_class: str | None = None
    label: str | None = None
    hub: str | None = None
    zone: str | None = None
    contact: str | None = None
    devices: str | None = None  # auto or none
    enrol: str | None = None
    ca: str | None = None
    ca_sha256: str | None = None
    token: str | None = None
    token_file: str | None = None
    certificate: str | None = None
    trust: str | None = None
    commander: str | None = None

    def over(self, below: "Wishes") -> "Wishes":
        """These, and the other's where these say nothing."""
        return replace(below, **{
            each.name: value for each in fields(self)
            if (value := getattr(self, each.name)) is not None
        })  # fmt: skip


def of_options(args: argparse.Namespace) -> Wishes:
    given = {each.name: getattr(args, each.name, None) for each in fields(Wishes)}
    return Wishes(**{name: None if v is None else str(v) for name, v in given.items()})


def of_identity(answers: Answers | None) -> Wishes:
    """What was answered before."""
    if answers is None:
        return Wishes()
    return Wishes(
        unit_id=answers.unit,
        profile=answers.kind,
        unit_class=answers.class_,
        label=answers.label or None,
        hub=answers.hub,
        zone=answers.zone,
        contact=answers.contact or None,
    )


def of_file(path: Path) -> Wishes:
    """A file of answers; paths in it are relative to it. Raises ConfigError, CommandError."""
    document = read(path, UNIT_FILE)
    problems = list(document.problems)
    found: dict[str, str] = {}
    known = [each.name for each in fields(Wishes)]
    root = document.root
    if not problems and not isinstance(root, Entries):
        told = tell("{path} holds no answers", path=str(path))
        raise CommandError(told, tell("write lines like unit_id: dog-01"), USAGE)
    for name, node in root.nodes.items() if isinstance(root, Entries) else ():
        key = "unit_class" if name == "class" else name
        if key not in known:
            near = nearest(key, known)
            cure = tell("do you mean {near}?", near=near) if near else tell("delete it")
            problems.append(_problem(path, node, name, tell("is not asked; {cure}", cure=cure)))
        elif not isinstance(node, Scalar):
            problems.append(_problem(path, node, name, tell("takes one value")))
        elif node.raw not in ("", "null", "~"):
            found[key] = str(path.parent / node.raw) if key in PATHS else node.raw
    if problems:
        raise ConfigError(problems)
    if "token" in found:
        _check_secret(path)
    return Wishes(**found)


def _problem(path: Path, node: Any, name: str, text: str) -> Problem:
    return Problem(
        source=str(path), line=node.place.line, column=node.place.column, path=name, text=text
    )


def _check_secret(path: Path) -> None:
    try:
        check_kept(path)
    except SecretFileError as error:
        raise CommandError(said(error), tell("it holds a token"), USAGE) from error


# --- checks, with the words of the check of a unit file ---------------------------------------


def checked(place: str) -> Callable[[str], str]:
    """As a unit file is checked at this place. The function raises ValueError."""
    path = tuple(place.split("."))
    return lambda text: checked_text(path, text.strip())


def hub_address(text: str) -> str:
    """`hub.example` is enough: TLS on its usual port. Raises ValueError."""
    text = text.strip()
    if text and "://" not in text:
        host = text if ":" in text.rpartition("]")[2] else f"{text}:8883"
        text = f"mqtts://{host}"
    return checked_text(("hub", "url"), text)


def time_zone(text: str) -> str:
    """A name of the IANA database. Raises ValueError."""
    text = text.strip()
    known = zoneinfo.available_timezones()
    if text in known:
        return text
    by_city = {name.rpartition("/")[2].lower(): name for name in sorted(known)}
    city = text.replace(" ", "_").lower()
    near = by_city.get(city) or next(
        iter(difflib.get_close_matches(text, known, 1)), by_city.get(
            next(iter(difflib.get_close_matches(city, by_city, 1)), ""))
    )  # fmt: skip
    raise ValueError(
        tell("there is no time zone {text}; do you mean {near}?", text=repr(text)[:60], near=near)
        if near
        else tell("there is no time zone {text}; e.g. Europe/Berlin", text=repr(text)[:60])
    )


def fingerprint(text: str) -> str:
    """Raises ValueError."""
    from edge.provisioning.errors import WrongInputError

    try:
        return checked_fingerprint(text)
    except WrongInputError as error:
        raise ValueError(tell("{text}; {cure}", text=error.text, cure=error.cure)) from error


def token(text: str) -> str:
    """Raises ValueError."""
    if not looks_right(text):
        raise ValueError(tell("a token is 16 letters and digits, like 7K3M-9QXT-2WBN-4HZP"))
    return text.strip()


def readable(text: str) -> str:
    """The path of a file that can be read. Raises ValueError."""
    path = Path(text.strip()).expanduser()
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(tell("{path} cannot be read: {why}",
                              path=str(path), why=error.strerror or "")) from error  # fmt: skip
    return str(path)


CHECKS: dict[str, Callable[[str], str]] = {
    "unit_id": checked("unit.id"),
    "profile": checked("unit.kind"),
    "unit_class": checked("unit.class"),
    "label": checked("unit.label"),
    "hub": hub_address,
    "zone": time_zone,
    "ca_sha256": fingerprint,
    "token": token,
    "ca": readable,
    "token_file": readable,
    "certificate": readable,
    "trust": readable,
    "commander": readable,
}


def all_checked(wishes: Wishes) -> Wishes:
    """Every one of them. Raises CommandError with the first that is wrong."""
    found: dict[str, str] = {}
    for name, check in CHECKS.items():
        if (value := getattr(wishes, name)) is not None:
            try:
                found[name] = check(value)
            except ValueError as error:
                told = tell("{name}: {why}", name=option(name), why=_words(error))
                raise CommandError(told, exit_code=USAGE) from error
    if wishes.devices not in (None, "auto", "none"):
        raise CommandError(tell("--devices: auto or none"), exit_code=USAGE)
    return replace(wishes, **found)


def _words(error: ValueError) -> str:
    return error.args[0] if error.args and isinstance(error.args[0], str) else str(error)


def option(name: str) -> str:
    return "--class" if name == "unit_class" else "--" + name.replace("_", "-")


def refuse_missing(wishes: Wishes) -> None:
    """Raises CommandError with all that must be said and was not."""
    lacking = [name for name in ("unit_id", "profile", "hub") if getattr(wishes, name) is None]
    if lacking:
        raise CommandError(
            tell("not said: {names}", names=", ".join(option(name) for name in lacking)),
            tell("give these options, or --answers FILE; on a terminal it asks"),
            USAGE,
        )


# --- what the work is given -------------------------------------------------------------------


def answers_of(wishes: Wishes, before: Answers | None) -> Answers:
    """`before`: of an earlier run, whose devices stay unless they are looked for again."""
    devices = before.devices if before is not None else ""
    if wishes.devices == "auto":
        devices = device_lines(wired(look_around()))
    elif wishes.devices == "none":
        devices = ""
    return Answers(
        unit=wishes.unit_id or "",
        kind=wishes.profile or "",
        hub=wishes.hub or "",
        class_=wishes.unit_class,
        label=wishes.label or "",
        zone=wishes.zone,
        contact=(wishes.contact or "")[:80],
        devices=devices,
    )


def given_of(
    wishes: Wishes, install_commander: Callable[[], None] | None, wait: Callable[[float], None]
) -> Given:
    """Raises CommandError, WrongInputError."""
    authority = _content(wishes.ca)
    server = None
    if wishes.enrol is not None:
        server = Server.at(wishes.enrol, authority, wishes.ca_sha256)
    secret = wishes.token or ""
    if wishes.token_file is not None:
        try:
            secret = token(read_line(Path(wishes.token_file), "the token"))
        except (SecretFileError, ValueError) as error:
            raise CommandError(_words(ValueError(said(error))), exit_code=USAGE) from error
    if server is not None and not secret:
        told = tell("an enrolment server wants a token")
        raise CommandError(told, tell("give --token-file FILE; `patrol-edge ca token` makes it"),
                           USAGE)  # fmt: skip
    return Given(
        authority=authority,
        certificate=_content(wishes.certificate),
        trust=_content(wishes.trust),
        enrol=None if server is None else lambda: EstClient(server, wait),
        token=secret,
        install_commander=install_commander,
    )


def _content(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        told = tell("{path} cannot be read: {why}", path=path, why=error.strerror or "")
        raise CommandError(told, exit_code=USAGE) from error
