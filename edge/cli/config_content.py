"""What a unit file names, looked into: warnings for what is there and cannot be what it should be.

`config.advice` looks at names only, at each start; this opens files, when a person asks.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.devices import FileCameraConfig, ReplayGnssConfig
from config.errors import Problem
from config.language import said, tell
from config.loading import Loaded
from config.models import Settings
from config.wording import nearest

LOOKED_AT_BYTES = 65_536
NMEA = re.compile(rb"[$!][A-Z][A-Z0-9]{3,7},")  # NMEA 0183, 5.3: an address field, then a comma


@dataclass(frozen=True, slots=True)
class _Doubt:
    path: str  # "gnss.main.path"
    text: str
    severity: Literal["error", "warning"] = "warning"  # error: it will not work as it is


def looked_into(loaded: Loaded, file: Path) -> list[Problem]:
    """A warning with its cure for each, at the line of the value."""
    settings = loaded.settings
    doubts = [
        *_on_recordings(settings),
        *_on_keys(settings),
        *_on_identity(settings),
        *_on_model(settings),
        *_on_zones(settings),
        *_on_finders(settings),
        *_on_state_dir(settings),
    ]
    return [_placed(doubt, loaded, file) for doubt in doubts]


def _placed(doubt: _Doubt, loaded: Loaded, file: Path) -> Problem:
    place = loaded.origins.get(doubt.path)
    variable = (
        tell(" (set by {source})", source=place.source)
        if place and place.layer == "environment"
        else ""
    )
    source = place.source if place else str(file)
    return Problem(
        source="environment" if variable else source,
        line=place.line if place else 0,
        column=place.column if place else 0,
        path=doubt.path,
        text=tell("{text}{variable}", text=doubt.text, variable=variable)
        if variable
        else doubt.text,
        severity=doubt.severity,
    )


# --- recordings ------------------------------------------------------------------------------


def _on_recordings(settings: Settings) -> Iterator[_Doubt]:
    for name, receiver in settings.gnss.items():
        if isinstance(receiver, ReplayGnssConfig) and (text := _wrong_log(receiver.path)):
            yield _Doubt(f"gnss.{name}.path", text)
    for name, camera in settings.cameras.items():
        if isinstance(camera, FileCameraConfig) and (text := _wrong_pictures(camera.path)):
            yield _Doubt(f"cameras.{name}.path", text)


def _wrong_log(path: Path) -> str | None:
    """What is wrong with a recorded NMEA log; None if nothing is, or it is not there."""
    if _kind(path) == "folder":
        return tell("{path} is a folder; give the log file in it", path=path)
    beginning = _beginning(path)
    if isinstance(beginning, str):
        return beginning
    if beginning is not None and NMEA.search(beginning) is None:
        return tell(
            "{path} holds no NMEA sentence in its first {size} KiB; look into "
            "it: patrol-edge gnss replay {path}",
            path=path,
            size=LOOKED_AT_BYTES // 1024,
        )
    return None


def _wrong_pictures(path: Path) -> str | None:
    """What is wrong with a video or a folder of pictures."""
    from drivers.cameras.capture_size import PICTURE_SUFFIXES

    if _kind(path) != "folder":
        beginning = _beginning(path)
        if beginning == b"":
            return tell("{path} is empty; copy it again", path=path)
        return beginning if isinstance(beginning, str) else None
    try:
        found = any(entry.suffix.lower() in PICTURE_SUFFIXES for entry in path.iterdir())
    except OSError as error:
        return _unreadable(path, error)
    suffixes = ", ".join(sorted(PICTURE_SUFFIXES))
    return (
        None
        if found
        else tell(
            "{path} is a folder without pictures ({suffixes}); copy them there",
            path=path,
            suffixes=suffixes,
        )
    )


# --- plates and searches ----------------------------------------------------------------------


def _on_finders(settings: Settings) -> Iterator[_Doubt]:
    """Whether what is on can work: its reader, and a detector before it."""
    if settings.plates.enabled:
        from perception.plates.reader import INSTALL, is_installed

        if not is_installed():
            yield _Doubt(
                "plates.enabled", tell("the plate reader is not there; {cure}", cure=INSTALL)
            )
    for name, on in (("plates", settings.plates.enabled), ("search", settings.search.enabled)):
        if on and not settings.perception.enabled:
            text = tell("nothing is seen while perception is off; set perception.enabled: true")
            yield _Doubt(f"{name}.enabled", text)


# --- keys and certificates -------------------------------------------------------------------


def _on_keys(settings: Settings) -> Iterator[_Doubt]:
    tls = settings.hub.tls
    wanted = (("ca", b"CERTIFICATE-----"), ("cert", b"CERTIFICATE-----"), ("key", b"PRIVATE KEY"))
    for name, label in wanted:
        path: Path | None = getattr(tls, name)
        if path is not None and (text := _wrong_pem(path, name, label)):
            yield _Doubt(f"hub.tls.{name}", text)


def _on_identity(settings: Settings) -> Iterator[_Doubt]:
    """Whether the certificate is this unit's, and valid."""
    from config.certificates import doubts as identity_doubts  # 40 ms, for this command only
    from drivers.clock import SystemClock

    cert = settings.hub.tls.cert
    if cert is None or _wrong_pem(cert, "cert", b"CERTIFICATE-----") is not None:
        return  # told already
    for doubt in identity_doubts(settings, SystemClock().utc()):
        soon = doubt.code == "certificate_expires"
        yield _Doubt(doubt.path, doubt.text, "warning" if soon else "error")


def _wrong_pem(path: Path, name: str, label: bytes) -> str | None:
    if _kind(path) == "folder":
        return tell("{path} is a folder; give a PEM file", path=path)
    content = _beginning(path)
    if content is None or isinstance(content, str):
        return content
    if b"ENCRYPTED" in content and name == "key":
        return tell(
            "{path} is locked with a password; unlock it: openssl pkey -in {path} -out NEW",
            path=path,
        )
    if b"-----BEGIN " in content and label in content:
        return None
    what = tell("private key") if name == "key" else tell("certificate")
    return tell(
        "{path} holds no {what} in PEM; give a text file with -----BEGIN ... in it",
        path=path,
        what=what,
    )


# --- the model -------------------------------------------------------------------------------


def _on_model(settings: Settings) -> Iterator[_Doubt]:
    from perception.errors import CatalogueError, PerceptionError, WrongNameError
    from perception.inference.catalogue import Catalogue

    wanted = settings.perception
    if not wanted.enabled or (wanted.model.startswith("/") and _kind(Path(wanted.model)) is None):
        return  # that it is not there is told at each start
    known: tuple[str, ...] = ()
    try:
        catalogue = Catalogue(wanted.models_dir)
        known = tuple(catalogue.entries)
        catalogue.find(wanted.model)
    except WrongNameError as error:
        near = None if wanted.model in known else nearest(wanted.model, known)
        cure = tell("do you mean {near}?", near=near) if near else error.cure
        yield _Doubt("perception.model", tell("{problem}; {cure}", problem=said(error), cure=cure))
    except CatalogueError as error:
        place = "perception.models_dir" if wanted.models_dir else "perception.model"
        yield _Doubt(
            place,
            tell(
                "{problem}; {cure}",
                problem=said(error),
                cure=error.cure or tell("correct that file"),
            ),
        )
    except PerceptionError as error:
        yield _Doubt(
            "perception.model", tell("{problem}; {cure}", problem=said(error), cure=error.cure)
        )


# --- zones and rules ---------------------------------------------------------------------------


def _on_zones(settings: Settings) -> Iterator[_Doubt]:
    """What is wrong with the zones, and with what the rules ask of them."""
    if not (settings.rules or settings.zones.files or settings.zones.ground):
        return
    from perception.rules.factory import check_rules
    from perception.rules.idle import idle_rules
    from perception.zones.zone_file import survey
    from perception.zones.zones import ZoneError

    found = survey(settings.zones, list(settings.cameras))
    for fault in found.faults:
        own = fault.where.startswith("zones.")
        text = fault.text if own else str(fault)
        yield _Doubt(fault.where if own else "zones.files", text, fault.severity)
    try:
        check_rules(settings.rules, found.zones)
    except ZoneError as error:
        for line in str(error).splitlines():
            path, _, text = line.partition(": ")
            yield _Doubt(
                f"{path}.zones",
                tell("{problem}; {cure}", problem=text, cure=error.cure),
                "error",
            )
    for name, why in idle_rules(settings.rules, found.zones, settings.looked_at):
        yield _Doubt(f"rules.{name}", tell("can never say anything: {why}", why=why))


# --- the state folder ------------------------------------------------------------------------


def _on_state_dir(settings: Settings) -> Iterator[_Doubt]:
    folder = settings.state_dir
    there = next((path for path in (folder, *folder.parents) if _kind(path) is not None), None)
    if there is None:
        return
    if _kind(there) != "folder":
        yield _Doubt(
            "state_dir",
            tell("{there} is a file, not a folder; name another state_dir:", there=there),
        )
    elif not os.access(there, os.W_OK | os.X_OK):
        yield _Doubt(
            "state_dir",
            tell(
                "{there} may not be written by this user; run as the service's user, or "
                "write state_dir: and a folder of your own",
                there=there,
            ),
        )


# --- files -----------------------------------------------------------------------------------


def _kind(path: Path) -> str | None:
    """`folder`, `file`, `other` (a device, a pipe); None if it is not there, or closed to us."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "other"


def _beginning(path: Path) -> bytes | str | None:
    """The first 64 KiB; a text where it cannot be read; None where it is not there."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for ever
            return tell("{path} is not a regular file; give one that is", path=path)
        with path.open("rb") as file:
            return file.read(LOOKED_AT_BYTES)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None  # told at each start
    except OSError as error:
        return _unreadable(path, error)


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return tell(
            "{path} may not be read by this user; run as the service's user, or: ls -l {path}",
            path=path,
        )
    return tell("{path} cannot be read ({why}); copy it again", path=path, why=error.strerror)
