"""What a unit file names, looked into: warnings for what is there and cannot be what it should be.

`config.advice` looks at names only, at each start; this opens files, when a person asks.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from config.devices import FileCameraConfig, ReplayGnssConfig
from config.errors import Problem
from config.language import tell
from config.loading import Loaded
from config.models import Settings
from edge.unit_file.doubt import LOOKED_AT_BYTES, Doubt, beginning_of, kind_of, unreadable
from edge.unit_file.perceiving import on_finders, on_model, on_zones

NMEA = re.compile(rb"[$!][A-Z][A-Z0-9]{3,7},")  # NMEA 0183, 5.3: an address field, then a comma


def looked_into(loaded: Loaded, file: Path) -> list[Problem]:
    """A warning with its cure for each, at the line of the value."""
    settings = loaded.settings
    doubts = [
        *_on_recordings(settings),
        *_on_keys(settings),
        *_on_identity(settings),
        *on_model(settings),
        *on_zones(settings),
        *on_finders(settings),
        *_on_state_dir(settings),
    ]
    return [_placed(doubt, loaded, file) for doubt in doubts]


def _placed(doubt: Doubt, loaded: Loaded, file: Path) -> Problem:
    place = loaded.origins.get(doubt.path)
    source, text = place.source if place else str(file), doubt.text
    if place and place.layer == "environment":
        variable = tell(" (set by {source})", source=source)
        source, text = "environment", tell("{text}{variable}", text=text, variable=variable)
    return Problem(
        source=source,
        line=place.line if place else 0,
        column=place.column if place else 0,
        path=doubt.path,
        text=text,
        severity=doubt.severity,
    )


# --- recordings ------------------------------------------------------------------------------


def _on_recordings(settings: Settings) -> Iterator[Doubt]:
    for name, receiver in settings.gnss.items():
        if isinstance(receiver, ReplayGnssConfig) and (text := _wrong_log(receiver.path)):
            yield Doubt(f"gnss.{name}.path", text)
    for name, camera in settings.cameras.items():
        if isinstance(camera, FileCameraConfig) and (text := _wrong_pictures(camera.path)):
            yield Doubt(f"cameras.{name}.path", text)


def _wrong_log(path: Path) -> str | None:
    """What is wrong with a recorded NMEA log; None if nothing is, or it is not there."""
    if kind_of(path) == "folder":
        return tell("{path} is a folder; give the log file in it", path=path)
    beginning = beginning_of(path)
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

    if kind_of(path) != "folder":
        beginning = beginning_of(path)
        if beginning == b"":
            return tell("{path} is empty; copy it again", path=path)
        return beginning if isinstance(beginning, str) else None
    try:
        found = any(entry.suffix.lower() in PICTURE_SUFFIXES for entry in path.iterdir())
    except OSError as error:
        return unreadable(path, error)
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


# --- keys and certificates -------------------------------------------------------------------


def _on_keys(settings: Settings) -> Iterator[Doubt]:
    tls = settings.hub.tls
    wanted = (("ca", b"CERTIFICATE-----"), ("cert", b"CERTIFICATE-----"), ("key", b"PRIVATE KEY"))
    for name, label in wanted:
        path: Path | None = getattr(tls, name)
        if path is not None and (text := _wrong_pem(path, name, label)):
            yield Doubt(f"hub.tls.{name}", text)


def _on_identity(settings: Settings) -> Iterator[Doubt]:
    """Whether the certificate is this unit's, and valid."""
    from config.certificates import doubts as identity_doubts  # 40 ms, for this command only
    from drivers.clock import SystemClock

    cert = settings.hub.tls.cert
    if cert is None or _wrong_pem(cert, "cert", b"CERTIFICATE-----") is not None:
        return  # told already
    for doubt in identity_doubts(settings, SystemClock().utc()):
        soon = doubt.code == "certificate_expires"
        yield Doubt(doubt.path, doubt.text, "warning" if soon else "error")


def _wrong_pem(path: Path, name: str, label: bytes) -> str | None:
    if kind_of(path) == "folder":
        return tell("{path} is a folder; give a PEM file", path=path)
    content = beginning_of(path)
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


# --- the state folder ------------------------------------------------------------------------


def _on_state_dir(settings: Settings) -> Iterator[Doubt]:
    folder = settings.state_dir
    there = next((path for path in (folder, *folder.parents) if kind_of(path) is not None), None)
    if there is None:
        return
    if kind_of(there) != "folder":
        yield Doubt(
            "state_dir",
            tell("{there} is a file, not a folder; name another state_dir:", there=there),
        )
    elif not os.access(there, os.W_OK | os.X_OK):
        yield Doubt(
            "state_dir",
            tell(
                "{there} may not be written by this user; run as the service's user, or "
                "write state_dir: and a folder of your own",
                there=there,
            ),
        )
