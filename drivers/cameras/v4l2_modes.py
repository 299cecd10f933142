"""What a Video4Linux camera can give: formats, sizes and rates, asked of the kernel.

Linux' include/uapi/linux/videodev2.h: VIDIOC_QUERYCAP, VIDIOC_ENUM_FMT, VIDIOC_ENUM_FRAMESIZES,
VIDIOC_ENUM_FRAMEINTERVALS. The device may be in use: these questions disturb nobody.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.language import tell
from drivers.base import DeviceUnavailableError
from drivers.cameras.v4l2 import check_device

QUERYCAP = 0x80685600  # _IOR('V', 0, 104 bytes)
ENUM_FMT = 0xC0405602  # _IOWR('V', 2, 64 bytes)
ENUM_FRAMESIZES = 0xC02C564A  # _IOWR('V', 74, 44 bytes)
ENUM_FRAMEINTERVALS = 0xC034564B  # _IOWR('V', 75, 52 bytes)
VIDEO_CAPTURE = 0x1  # V4L2_CAP_VIDEO_CAPTURE, and V4L2_BUF_TYPE_VIDEO_CAPTURE
DEVICE_CAPS = 0x8000_0000  # device_caps is of this node, capabilities of the whole device
DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE, V4L2_FRMIVAL_TYPE_DISCRETE
MOST = 64  # of each; a driver that never ends its list must not hold us up

Ioctl = Callable[[int, int, bytearray], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One format and size, with its rates."""

    pixel_format: str  # four letters, such as MJPG or YUYV
    width_px: int
    height_px: int
    fps: tuple[float, ...]  # highest first; () if it does not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a camera says of itself."""

    card: str
    driver: str
    bus: str
    modes: tuple[Mode, ...]


def abilities(device: Path, ioctl: Ioctl = fcntl.ioctl) -> Abilities:
    """Raises DeviceUnavailableError if it is not there, may not be opened, or is no camera."""
    check_device(device)
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        raise DeviceUnavailableError(f"{device}: {error.strerror}") from error
    try:
        return _ask(device, descriptor, ioctl)
    finally:
        os.close(descriptor)


def _ask(device: Path, descriptor: int, ioctl: Ioctl) -> Abilities:
    answer = _filled(ioctl, descriptor, QUERYCAP, bytearray(104))
    if answer is None:
        raise DeviceUnavailableError(
            tell("{device} is no camera; see `patrol-edge devices`", device=device)
        )
    driver, card, bus, _, of_all, of_node = struct.unpack_from("=16s32s32sIII", answer)
    if not (of_node if of_all & DEVICE_CAPS else of_all) & VIDEO_CAPTURE:
        raise DeviceUnavailableError(
            tell(
                "{device} gives no pictures; take the name that ends in video-index0", device=device
            )
        )
    modes = [
        Mode(pixel_format=name, width_px=width, height_px=height, fps=fps)
        for code, name in _formats(ioctl, descriptor)
        for width, height in _sizes(ioctl, descriptor, code)
        for fps in [tuple(_rates(ioctl, descriptor, code, width, height))]
    ]
    return Abilities(card=_text(card), driver=_text(driver), bus=_text(bus), modes=tuple(modes))


def _formats(ioctl: Ioctl, descriptor: int) -> Iterator[tuple[int, str]]:
    for index in range(MOST):
        asked = bytearray(64)
        struct.pack_into("=II", asked, 0, index, VIDEO_CAPTURE)
        answer = _filled(ioctl, descriptor, ENUM_FMT, asked)
        if answer is None:
            return
        (code,) = struct.unpack_from("=I", answer, 44)
        yield code, _text(struct.pack("=I", code)).strip()


def _sizes(ioctl: Ioctl, descriptor: int, code: int) -> Iterator[tuple[int, int]]:
    """Of one that takes any size (stepwise, continuous): its smallest and its largest."""
    for index in range(MOST):
        asked = bytearray(44)
        struct.pack_into("=II", asked, 0, index, code)
        answer = _filled(ioctl, descriptor, ENUM_FRAMESIZES, asked)
        if answer is None:
            return
        kind, *numbers = struct.unpack_from("=IIIIIII", answer, 8)
        if kind == DISCRETE:
            yield numbers[0], numbers[1]
        else:
            yield numbers[0], numbers[3]
            yield numbers[1], numbers[4]
            return


def _rates(ioctl: Ioctl, descriptor: int, code: int, width: int, height: int) -> list[float]:
    found: set[float] = set()
    for index in range(MOST):
        asked = bytearray(52)
        struct.pack_into("=IIII", asked, 0, index, code, width, height)
        answer = _filled(ioctl, descriptor, ENUM_FRAMEINTERVALS, asked)
        if answer is None:
            break
        kind, *numbers = struct.unpack_from("=IIIII", answer, 16)
        pairs = [numbers[0:2]] if kind == DISCRETE else [numbers[0:2], numbers[2:4]]
        found |= {round(below / above, 2) for above, below in pairs if above}
        if kind != DISCRETE:
            break
    return sorted(found, reverse=True)


def _filled(ioctl: Ioctl, descriptor: int, request: int, content: bytearray) -> bytearray | None:
    """The kernel's answer; None where the list has ended, or it does not know the question."""
    try:
        ioctl(descriptor, request, content)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ENODATA):
            return None
        raise DeviceUnavailableError(
            tell("the camera does not answer: {why}", why=error.strerror)
        ) from error
    return content


def _text(content: bytes) -> str:
    """Up to the first NUL, printable."""
    text = content.partition(b"\0")[0].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
