"""What works, but should be looked at: a warning each, with its cure.

Nothing is opened, and nothing here is an error: the file may be checked on another computer than
the unit's, and a device may be plugged in later.
"""

import importlib.util
import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Literal
from urllib.parse import urlsplit

from config.audio import OF_A_MODEL, AudioConfig, SoundFileConfig
from config.devices import (
    CameraConfig,
    FileCameraConfig,
    ReplayGnssConfig,
    SerialGnssConfig,
    StreamCameraConfig,
    V4l2CameraConfig,
)
from config.errors import Problem
from config.host_files import Files
from config.models import Settings
from config.nodes import Entries, Node, Path, dotted, find, place_of
from config.perception import PerceptionConfig
from config.secrets import Keeping, credstore, is_credential, missing, unfit
from config.wording import SECRET_PARAMETER, listed

SERIAL_LINKS = "/dev/serial/by-id"
CAMERA_LINKS = "/dev/v4l/by-id"
UNSTABLE_SERIAL = re.compile(r"/dev/tty(USB|ACM)\d+")
UNSTABLE_CAMERA = re.compile(r"/dev/video\d+")
MAX_LISTED = 6


@dataclass(frozen=True, slots=True)
class Advice:
    """One warning, before it has a place."""

    path: Path
    text: str
    severity: Literal["error", "warning"] = "warning"  # error: it will not be used as it is


def advice(settings: Settings, root: Node, files: Files) -> list[Problem]:
    """Every warning, each at the place of the value that it is about."""
    found = [
        *_on_receivers(settings, files),
        *_on_cameras(settings, files),
        *_on_microphones(settings, files),
        *_on_shared_devices(settings),
        *_on_model(settings, files),
        *_on_hub(settings, files),
        *_on_security(settings, files),
    ]
    return [_placed(item, root) for item in dict.fromkeys(found)]  # two cameras may say the same


def _placed(item: Advice, root: Node) -> Problem:
    node = find(root, item.path)
    in_file = node is not None and not isinstance(node, Entries)
    place = node.place if node is not None and in_file else place_of(root, item.path)
    if find(root, item.path[:1]) is None:  # nothing of it is in the file: there is no line
        place = replace(root.place, line=0, column=0)
    variable = f" (set by {place.source})" if place.layer == "environment" else ""
    return Problem(
        source="environment" if variable else place.source,
        line=place.line,
        column=place.column,
        path=dotted(item.path),
        text=item.text + variable,
        severity=item.severity,
    )


# --- devices ---------------------------------------------------------------------------------


def _on_receivers(settings: Settings, files: Files) -> Iterator[Advice]:
    if not settings.gnss:
        yield Advice(
            ("gnss",), "no GNSS receiver: the hub will not see where the unit is; add one in gnss:"
        )
    for name, config in settings.gnss.items():
        match config:
            case SerialGnssConfig(port=port) if "://" not in port:
                path = ("gnss", name, "port")
                yield from _on_device(path, port, files, SERIAL_LINKS, UNSTABLE_SERIAL)
            case ReplayGnssConfig(path=log):
                yield from _on_file(("gnss", name, "path"), log, files)
            case _:
                pass


def _on_microphones(settings: Settings, files: Files) -> Iterator[Advice]:
    if settings.microphones and settings.audio.mode == "off":
        text = (
            "nothing is heard while audio.mode is off; write mode: events, or delete microphones:"
        )
        yield Advice(("microphones",), text)
    if settings.audio.mode == "events" and not settings.microphones:
        yield Advice(("audio", "mode"), "no microphone: add one in microphones:")
    yield from _on_deafness(settings.audio)
    for name, config in settings.microphones.items():
        if isinstance(config, SoundFileConfig):
            yield from _on_file(("microphones", name, "path"), config.path, files)


def _on_deafness(audio: AudioConfig) -> Iterator[Advice]:
    """What is listened for on purpose, and cannot be heard."""
    deaf = [kind for kind in audio.listen_for if kind in OF_A_MODEL]
    by_default = audio.listen_for == AudioConfig().listen_for
    if audio.mode == "events" and audio.model is None and deaf and not by_default:
        text = f"without a model there is no hearing {listed(deaf)}; write audio.model: yamnet"
        yield Advice(("audio", "listen_for"), text)


def _on_cameras(settings: Settings, files: Files) -> Iterator[Advice]:
    if not settings.cameras:
        yield Advice(("cameras",), "no camera: nothing will be detected; add one in cameras:")
    for name, config in settings.cameras.items():
        yield from _on_place(("cameras", name), config)
        yield from _on_rate(("cameras", name), config, settings.perception)
        match config:
            case V4l2CameraConfig(device=device):
                path = ("cameras", name, "device")
                yield from _on_device(path, device, files, CAMERA_LINKS, UNSTABLE_CAMERA)
            case FileCameraConfig(path=video):
                yield from _on_file(("cameras", name, "path"), video, files)
            case StreamCameraConfig():
                yield from _on_stream(("cameras", name), config, files)


def _on_place(path: Path, config: CameraConfig) -> Iterator[Advice]:
    """Half of what a place on the map takes is as good as nothing."""
    if config.mount is not None and config.lens is None:
        text = "no lens: nothing it sees is put on the map; add lens: {horizontal_fov_deg: ...}"
        yield Advice((*path, "mount"), text)
    if config.lens is not None and config.mount is None:
        text = "no mount: nothing it sees is put on the map; add mount: {height_m, pitch_deg}"
        yield Advice((*path, "lens"), text)


def _on_rate(path: Path, config: CameraConfig, perception: PerceptionConfig) -> Iterator[Advice]:
    """Who is looked at more seldom than the tracker waits is a new object each time."""
    fps, lost_after_s = config.looked_at_fps(perception.max_fps), perception.tracker.lost_after_s
    if config.detect and perception.enabled and fps * lost_after_s <= 1:
        own = config.detect_fps is not None and config.detect_fps <= perception.max_fps
        yield Advice(
            (*path, "detect_fps") if own else ("perception", "max_fps"),
            f"a picture every {1 / fps:g} s, and perception.tracker.lost_after_s is "
            f"{lost_after_s:g}: nobody is ever followed from one to the next; write more of either",
        )


def _on_device(
    path: Path, device: str, files: Files, folder: str, unstable: re.Pattern[str]
) -> Iterator[Advice]:
    """A device that is not there, or whose name may belong to another one tomorrow."""
    links = files.links(folder)
    if not files.exists(device):
        yield Advice(path, f"{device} is not there{_instead(links)}")
    elif unstable.fullmatch(device):
        stable = [link for link, target in links if target == device]
        cure = f"write {stable[0]}" if stable else f"look for its name in {folder}/"
        yield Advice(path, f"{device} may be another device after a restart; {cure}")


def _instead(links: Sequence[tuple[str, str]]) -> str:
    if not links:
        return " on this computer, nor any other like it; plug it in, or check the cable"
    there = [link for link, _ in links]
    more = f" and {len(there) - MAX_LISTED} more" if len(there) > MAX_LISTED else ""
    return f" on this computer; there is: {', '.join(there[:MAX_LISTED])}{more}"


def _on_stream(path: Path, config: StreamCameraConfig, files: Files) -> Iterator[Advice]:
    if SECRET_PARAMETER.search(config.url):
        yield Advice(
            (*path, "url"),
            "the URL seems to hold a password; use credentials_file: if the camera allows it",
        )
    if config.credentials_file is not None:
        yield from _on_kept((*path, "credentials_file"), config.credentials_file, files)


def _on_shared_devices(settings: Settings) -> Iterator[Advice]:
    """A device can be opened once."""
    used: dict[str, str] = {}
    for name, receiver in settings.gnss.items():
        if isinstance(receiver, SerialGnssConfig):
            yield from _on_second_use(("gnss", name, "port"), receiver.port, used)
    for name, camera in settings.cameras.items():
        if isinstance(camera, V4l2CameraConfig):
            yield from _on_second_use(("cameras", name, "device"), camera.device, used)


def _on_second_use(path: Path, device: str, used: dict[str, str]) -> Iterator[Advice]:
    first = used.setdefault(device, dotted(path))
    if first != dotted(path):
        yield Advice(path, f"{device} is used by {first} already; correct one of them")


# --- files -----------------------------------------------------------------------------------


def _on_file(path: Path, file: FilePath, files: Files) -> Iterator[Advice]:
    if not files.exists(str(file)):
        yield Advice(path, f"{file} is not there; copy it there, or correct the path")


def _on_kept(
    path: Path,
    file: FilePath,
    files: Files,
    keeping: Keeping = "secret",
    severity: Literal["error", "warning"] = "error",
) -> Iterator[Advice]:
    """A file that is not there, or not fit to be trusted. An error is what the unit will refuse to
    use; it does not keep the unit from starting."""
    if not files.exists(str(file)):
        # It is handed over at the start only; here it is enough that the service will find it.
        if not (is_credential(file) and files.exists(str(credstore(file)))):
            yield Advice(path, missing(file))
        return
    standing = files.standing(str(file))
    if standing is not None and (text := unfit(file, standing, keeping)) is not None:
        yield Advice(path, text, severity)


def _on_model(settings: Settings, files: Files) -> Iterator[Advice]:
    model = settings.perception.model
    if settings.perception.enabled and model.startswith("/") and not files.exists(model):
        yield Advice(
            ("perception", "model"),
            f"{model} is not there; copy it there, or name one of: patrol-edge models list",
        )


# --- the hub ---------------------------------------------------------------------------------


def _on_hub(settings: Settings, files: Files) -> Iterator[Advice]:
    hub = settings.hub
    url = urlsplit(hub.url)
    if url.scheme == "mqtt" and not is_loopback(url.hostname or ""):
        yield Advice(
            ("hub", "url"),
            f"everything to {url.hostname} goes unencrypted; write mqtts://, with hub.tls.ca "
            "if the broker's certificate is from an authority of your own",
        )
    if settings.delivery.transport == "awscrt":
        yield from _on_awscrt(hub.protocol)
    given = [name for name in ("ca", "cert", "key") if getattr(hub.tls, name) is not None]
    if url.scheme == "mqtt" and given:
        yield Advice(
            ("hub", "tls"),
            f"{listed(given, 'and')} is not used with mqtt://; write mqtts:// in hub.url",
        )
    for name in "ca", "cert":
        if (file := getattr(hub.tls, name)) is not None:
            yield from _on_kept(("hub", "tls", name), file, files, "intact", "warning")
    if hub.tls.key is not None:
        yield from _on_kept(("hub", "tls", "key"), hub.tls.key, files)
    if hub.password_file is not None:
        yield from _on_kept(("hub", "password_file"), hub.password_file, files)


def _on_awscrt(protocol: str) -> Iterator[Advice]:
    """The unit does not start without the library, nor with another protocol."""
    path = ("delivery", "transport")
    if protocol == "3.1.1":
        text = "awscrt speaks MQTT 5 only, and hub.protocol is 3.1.1; write paho, or protocol: '5'"
        yield Advice(path, text, "error")
    if importlib.util.find_spec("awscrt") is None:  # here; the unit may have it
        text = "awscrt is not installed here; run pip install 'patrol-edge[awscrt]', or write paho"
        yield Advice(path, text)


def _on_security(settings: Settings, files: Files) -> Iterator[Advice]:
    security = settings.security
    if security.commands == "unsigned":
        yield Advice(
            ("security", "commands"),
            "whoever reaches the broker commands this unit; off the bench write signed, and give "
            "it the hub's key: patrol-edge keys install",
        )
    if security.keyring is not None:
        yield from _on_kept(("security", "keyring"), security.keyring, files, "intact")
    if security.device_key is not None:
        yield from _on_kept(("security", "device_key"), security.device_key, files)


def is_loopback(host: str) -> bool:
    """True for this computer itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
