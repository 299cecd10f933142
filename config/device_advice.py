"""What should be looked at of the devices that a unit's file names: a warning each."""

import re
from collections.abc import Iterator, Sequence

from config.advised import Advice, on_file, on_kept
from config.audio import OF_A_MODEL, AudioConfig, SoundFileConfig
from config.devices import (
    CameraConfig,
    FileCameraConfig,
    ReplayGnssConfig,
    SerialGnssConfig,
    StreamCameraConfig,
    V4l2CameraConfig,
)
from config.host_files import Files
from config.language import tell
from config.models import Settings
from config.nodes import Path, dotted
from config.perception import PerceptionConfig
from config.wording import SECRET_PARAMETER, listed

SERIAL_LINKS = "/dev/serial/by-id"
CAMERA_LINKS = "/dev/v4l/by-id"
UNSTABLE_SERIAL = re.compile(r"/dev/tty(USB|ACM)\d+")
UNSTABLE_CAMERA = re.compile(r"/dev/video\d+")
MAX_LISTED = 6


def on_devices(settings: Settings, files: Files) -> Iterator[Advice]:
    yield from _on_receivers(settings, files)
    yield from _on_cameras(settings, files)
    yield from _on_microphones(settings, files)
    yield from _on_ports(settings, files)
    yield from _on_shared_devices(settings)


def _on_receivers(settings: Settings, files: Files) -> Iterator[Advice]:
    if not settings.gnss and not settings.platforms:  # a carrier may know where it is
        yield Advice(
            ("gnss",),
            tell("no GNSS receiver: the hub will not see where the unit is; add one in gnss:"),
        )
    for name, config in settings.gnss.items():
        match config:
            case SerialGnssConfig(port=port) if "://" not in port:
                path = ("gnss", name, "port")
                yield from _on_device(path, port, files, SERIAL_LINKS, UNSTABLE_SERIAL)
            case ReplayGnssConfig(path=log):
                yield from on_file(("gnss", name, "path"), log, files)
            case _:
                pass


def _on_microphones(settings: Settings, files: Files) -> Iterator[Advice]:
    if settings.microphones and settings.audio.mode == "off":
        text = tell(
            "nothing is heard while audio.mode is off; write mode: events, or delete microphones:"
        )
        yield Advice(("microphones",), text)
    if settings.audio.mode == "events" and not settings.microphones:
        yield Advice(("audio", "mode"), tell("no microphone: add one in microphones:"))
    yield from _on_deafness(settings.audio)
    for name, config in settings.microphones.items():
        if isinstance(config, SoundFileConfig):
            yield from on_file(("microphones", name, "path"), config.path, files)


def _on_deafness(audio: AudioConfig) -> Iterator[Advice]:
    """What is listened for on purpose, and cannot be heard."""
    deaf = [kind for kind in audio.listen_for if kind in OF_A_MODEL]
    by_default = audio.listen_for == AudioConfig().listen_for
    if audio.mode == "events" and audio.model is None and deaf and not by_default:
        text = tell(
            "without a model there is no hearing {deaf}; write audio.model: yamnet",
            deaf=listed(deaf),
        )
        yield Advice(("audio", "listen_for"), text)


def _on_cameras(settings: Settings, files: Files) -> Iterator[Advice]:
    if not settings.cameras:
        yield Advice(("cameras",), tell("no camera: nothing will be detected; add one in cameras:"))
    for name, config in settings.cameras.items():
        yield from _on_place(("cameras", name), config)
        yield from _on_rate(("cameras", name), config, settings.perception)
        match config:
            case V4l2CameraConfig(device=device):
                path = ("cameras", name, "device")
                yield from _on_device(path, device, files, CAMERA_LINKS, UNSTABLE_CAMERA)
            case FileCameraConfig(path=video):
                yield from on_file(("cameras", name, "path"), video, files)
            case StreamCameraConfig():
                yield from _on_stream(("cameras", name), config, files)


def _on_place(path: Path, config: CameraConfig) -> Iterator[Advice]:
    """Half of what a place on the map takes is as good as nothing."""
    if config.mount is not None and config.lens is None:
        text = tell(
            "no lens: nothing it sees is put on the map; add lens: {{horizontal_fov_deg: ...}}"
        )
        yield Advice((*path, "mount"), text)
    if config.lens is not None and config.mount is None:
        text = tell(
            "no mount: nothing it sees is put on the map; add mount: {{height_m, pitch_deg}}"
        )
        yield Advice((*path, "lens"), text)


def _on_rate(path: Path, config: CameraConfig, perception: PerceptionConfig) -> Iterator[Advice]:
    """Who is looked at more seldom than the tracker waits is a new object each time."""
    fps, lost_after_s = config.looked_at_fps(perception.max_fps), perception.tracker.lost_after_s
    if config.detect and perception.enabled and fps * lost_after_s <= 1:
        own = config.detect_fps is not None and config.detect_fps <= perception.max_fps
        yield Advice(
            (*path, "detect_fps") if own else ("perception", "max_fps"),
            tell(
                "a picture every {every_s:g} s, and perception.tracker.lost_after_s is "
                "{lost_after_s:g}: nobody is ever followed from one to the next; write more "
                "of either",
                every_s=1 / fps,
                lost_after_s=lost_after_s,
            ),
        )


def _on_device(
    path: Path, device: str, files: Files, folder: str, unstable: re.Pattern[str]
) -> Iterator[Advice]:
    """A device that is not there, or whose name may belong to another one tomorrow."""
    links = files.links(folder)
    if not files.exists(device):
        yield Advice(
            path, tell("{device} is not there{instead}", device=device, instead=_instead(links))
        )
    elif unstable.fullmatch(device):
        stable = [link for link, target in links if target == device]
        cure = (
            tell("write {stable}", stable=stable[0])
            if stable
            else tell("look for its name in {folder}/", folder=folder)
        )
        yield Advice(
            path,
            tell(
                "{device} may be another device after a restart; {cure}", device=device, cure=cure
            ),
        )


def _instead(links: Sequence[tuple[str, str]]) -> str:
    if not links:
        return tell(" on this computer, nor any other like it; plug it in, or check the cable")
    there = [link for link, _ in links]
    more = (
        tell(" and {count} more", count=len(there) - MAX_LISTED) if len(there) > MAX_LISTED else ""
    )
    return tell(
        " on this computer; there is: {there}{more}", there=", ".join(there[:MAX_LISTED]), more=more
    )


def _on_stream(path: Path, config: StreamCameraConfig, files: Files) -> Iterator[Advice]:
    if SECRET_PARAMETER.search(config.url):
        yield Advice(
            (*path, "url"),
            tell("the URL seems to hold a password; use credentials_file: if the camera allows it"),
        )
    if config.credentials_file is not None:
        yield from on_kept((*path, "credentials_file"), config.credentials_file, files)


def _on_ports(settings: Settings, files: Files) -> Iterator[Advice]:
    """Of boards and of what carries the unit."""
    for path, port in _ports(settings):
        if path[0] != "gnss" and port.startswith("/dev/"):
            yield from _on_device(path, port, files, SERIAL_LINKS, UNSTABLE_SERIAL)


def _ports(settings: Settings) -> Iterator[tuple[Path, str]]:
    """The serial ports that one part each has to itself."""
    for name, receiver in settings.gnss.items():
        if isinstance(receiver, SerialGnssConfig):
            yield ("gnss", name, "port"), receiver.port
    for name, board in settings.boards.items():
        yield ("boards", name, "port"), board.port
    for name, carrier in settings.platforms.items():
        port = carrier.port if carrier.kind in ("mavlink", "elm327") else None
        if port is not None:
            yield ("platforms", name, "port"), port


def _on_shared_devices(settings: Settings) -> Iterator[Advice]:
    """A device can be opened once; only a bus of relays and mounts has several on it."""
    used: dict[str, str] = {}
    for path, port in _ports(settings):
        yield from _on_second_use(path, port, used)
    for name, camera in settings.cameras.items():
        if isinstance(camera, V4l2CameraConfig):
            yield from _on_second_use(("cameras", name, "device"), camera.device, used)
    for name, actuator in settings.actuators.items():
        via = actuator.via
        if via is not None and via.kind in ("modbus", "serial_relay", "pelco_d") and via.port:
            yield from _on_second_use(("actuators", name, "via", "port"), via.port, dict(used))


def _on_second_use(path: Path, device: str, used: dict[str, str]) -> Iterator[Advice]:
    first = used.setdefault(device, dotted(path))
    if first != dotted(path):
        yield Advice(
            path,
            tell(
                "{device} is used by {first} already; correct one of them",
                device=device,
                first=first,
            ),
        )
