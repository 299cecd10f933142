"""Which camera `camera preview` and `camera bench` are about: of a unit file, or any other."""

import argparse
import time
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from config.devices import CameraConfig
from config.loading import DEFAULT_FILE, load
from drivers.base import DriverError
from drivers.cameras.facts import CameraDriver
from drivers.cameras.url import CameraUrl
from drivers.clock import Clock
from drivers.factory import open_camera
from edge.cli.console import USAGE, CommandError

FIRST_S = 30.0  # a camera that sends less than a picture in this time is not to be measured
STREAMS = ("rtsp://", "rtsps://", "http://", "https://")


def chosen(args: argparse.Namespace) -> tuple[str, CameraConfig]:
    """Its name, and how it is read. Raises CommandError, ConfigError."""
    given: dict[str, object] | None = None
    if args.camera.startswith(STREAMS):
        given = {"kind": "stream", "url": args.camera, "credentials_file": args.credentials}
    elif args.camera.startswith("/dev/"):
        given = {"kind": "v4l2", "device": args.camera}
    elif args.config is None and Path(args.camera).exists():
        given = {"kind": "file", "path": args.camera}
    name, config = ("camera", _made(given)) if given else _of_unit(args)
    if args.decode is not None and config.kind == "stream":
        config = config.model_copy(update={"decode": args.decode})
    return name, config


def _made(given: dict[str, object]) -> CameraConfig:
    try:
        config: CameraConfig = TypeAdapter(CameraConfig).validate_python(given)
    except ValidationError as error:
        text = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise CommandError(text, "", USAGE) from None
    return config


def _of_unit(args: argparse.Namespace) -> tuple[str, CameraConfig]:
    path = args.config or DEFAULT_FILE
    if args.config is None and not path.exists():
        raise CommandError(
            f"{args.camera} is no device, URL or file, and there is no {path}",
            "add --config UNIT.yaml; `patrol-edge camera list` shows what is plugged in",
            USAGE,
        )
    cameras = load(path).settings.cameras
    if args.camera not in cameras:
        there = ", ".join(cameras) or "none"
        raise CommandError(f"no camera {args.camera!r} in {path}", f"there is: {there}", USAGE)
    return args.camera, cameras[args.camera]


def opened(name: str, config: CameraConfig, clock: Clock) -> CameraDriver:
    """The open camera. Raises CommandError."""
    try:
        return open_camera(name, config, clock)
    except DriverError as error:
        raise told(error) from error


def first_picture(driver: CameraDriver) -> dict[str, int]:
    """Wait for it: what queued up while the camera was opened says nothing of its rate. Returns the
    counters then. Raises CommandError."""
    until_s = time.monotonic() + FIRST_S
    try:
        while driver.read() is None and time.monotonic() < until_s:
            pass
    except DriverError as error:
        raise told(error) from error
    return driver.counters()


def told(error: DriverError) -> CommandError:
    """A driver's cause and cure, as a command tells them."""
    cause, _, cure = str(error).partition("; ")
    return CommandError(cause, cure)


def place_of(config: CameraConfig) -> str:
    """Where it is, without any login."""
    match config.kind:
        case "stream":
            return str(CameraUrl.parse(config.url))
        case "v4l2":
            return config.device
        case "file":
            return str(config.path)
