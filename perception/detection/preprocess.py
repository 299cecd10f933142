"""A picture becomes the tensor that a model was trained on, in buffers that are made once."""

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.errors import ImageError

# centre: scaled to fit, bars on both sides; corner: scaled to fit, bars right and below;
# squash: stretched to the model's shape. warp: as `centre`, but sampled the way NanoDet's authors
# do (cv2.warpAffine maps pixel corners where cv2.resize maps pixel centres: up to one source
# pixel apart, which the network has learnt to expect).
Fit = Literal["centre", "corner", "squash", "warp"]
MAX_SIDE_PX = 16_384

Window = tuple[int, int, int, int]  # x1 y1 x2 y2, whole pixels of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFormat:
    """How a family of models wants its pictures. Channel values: (pixel - mean) * scale."""

    fit: Fit
    pad: int  # 0..255, the value of the bars before normalisation
    mean: tuple[float, float, float]  # in the model's channel order, 0..255
    scale: tuple[float, float, float]
    rgb: bool  # False: BGR, as OpenCV reads
    half_up: bool = False  # scaled sides are rounded, else cut to whole pixels
    area: bool = False  # resampled by area, without aliasing, else bilinearly


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the picture lies in the model's input: x_input = x * scale + offset."""

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    width_px: int  # of the original picture, or of the window that was cut out of it
    height_px: int
    left_px: int = 0  # where the window lies in the picture
    top_px: int = 0

    def to_original(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 4) x1 y1 x2 y2 in input pixels → pixels of the picture, clipped to the window."""
        offset = np.array([self.offset_x, self.offset_y] * 2, np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        limit = np.array([self.width_px, self.height_px] * 2, np.float32)
        placed = (boxes - offset) / scale
        np.clip(placed, 0, limit, out=placed)
        if self.left_px or self.top_px:
            placed += np.array([self.left_px, self.top_px] * 2, np.float32)
        return placed


def place(fmt: InputFormat, size: tuple[int, int], target: tuple[int, int]) -> Placement:
    """Where a picture of `size` (width, height) goes in an input of `target`."""
    width, height = size
    target_w, target_h = target
    if fmt.fit == "squash":
        return Placement(target_w / width, target_h / height, 0.0, 0.0, width, height)
    ratio = min(target_w / width, target_h / height)
    if fmt.fit == "corner":
        return Placement(ratio, ratio, 0.0, 0.0, width, height)
    if fmt.fit == "warp":
        left, top = (target_w - width * ratio) / 2, (target_h - height * ratio) / 2
        return Placement(ratio, ratio, left, top, width, height)
    # Bars of whole pixels, the odd one right and below, as the YOLO family places them.
    left, top = (
        float(round((side - whole(fmt, length * ratio)) / 2 - 0.1))
        for side, length in ((target_w, width), (target_h, height))
    )
    return Placement(ratio, ratio, left, top, width, height)


def whole(fmt: InputFormat, side: float) -> int:
    """A scaled side in whole pixels, at least one."""
    return max(1, round(side) if fmt.half_up else int(side))


class Preprocessor:
    """Fills a tensor again and again: `tensor` is (count, 3, height, width) float32."""

    def __init__(self, fmt: InputFormat, width_px: int, height_px: int, count: int = 1) -> None:
        """`count` pictures, or parts of one, lie in the tensor one after the other."""
        self._format = fmt
        self._target = (width_px, height_px)
        self._canvas = np.full((height_px, width_px, 3), fmt.pad, np.uint8)
        self._planes = [np.empty((height_px, width_px), np.uint8) for _ in range(3)]
        self._values = _values(fmt)
        self._source = (0, 0)
        self._placement = Placement(1.0, 1.0, 0.0, 0.0, 0, 0)
        self.tensor: NDArray[np.float32] = np.zeros((count, 3, height_px, width_px), np.float32)

    def fill(
        self, image: NDArray[np.uint8], window: Window | None = None, index: int = 0
    ) -> Placement:
        """Put the (H, W, 3) uint8 BGR picture, or a window of it, into `tensor[index]`.

        Raises ImageError.
        """
        check(image)
        left, top, right, bottom = window or (0, 0, image.shape[1], image.shape[0])
        part = image[top:bottom, left:right]
        size = (part.shape[1], part.shape[0])
        if size != self._source:  # the bars of another shape must go
            self._source, self._placement = size, place(self._format, size, self._target)
            self._canvas[:] = self._format.pad
        self._resample(part)
        self._normalise(self.tensor[index])
        if left or top:
            return replace(self._placement, left_px=left, top_px=top)
        return self._placement

    def _resample(self, image: NDArray[np.uint8]) -> None:
        where = self._placement
        if self._format.fit == "warp":
            matrix = np.array(
                [[where.scale_x, 0, where.offset_x], [0, where.scale_y, where.offset_y]]
            )
            cv2.warpAffine(image, matrix, self._target, dst=self._canvas)
            return
        if self._format.fit == "squash":
            scale_to(image, self._target, self._format.area, self._canvas)
            return
        width = min(whole(self._format, where.width_px * where.scale_x), self._target[0])
        height = min(whole(self._format, where.height_px * where.scale_y), self._target[1])
        left, top = int(where.offset_x), int(where.offset_y)
        resized = scale_to(image, (width, height), self._format.area)
        self._canvas[top : top + height, left : left + width] = resized

    def _normalise(self, tensor: NDArray[np.float32]) -> None:
        order = (2, 1, 0) if self._format.rgb else (0, 1, 2)
        cv2.split(self._canvas, self._planes)
        for channel, source in enumerate(order):
            cv2.LUT(self._planes[source], self._values[channel], dst=tensor[channel])


def _values(fmt: InputFormat) -> list[NDArray[np.float32]]:
    """(256,) for each channel of the model: what it gets for each value of a pixel. Looking them up
    takes half as long as computing them for every pixel, without Python's lock."""
    pixel = np.arange(256, dtype=np.float32)
    return [
        pixel * np.float32(scale) - np.float32(mean * scale)
        for scale, mean in zip(fmt.scale, fmt.mean, strict=True)
    ]


def scale_to(
    image: NDArray[np.uint8],
    size: tuple[int, int],
    area: bool,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """The picture at `size` (width, height).

    By area: bilinearly to twice the size, then the means of 2 x 2 pixels. Measured with FastestDet
    on COCO128, 720p to 352: AP 24.4 in 1.6 ms; OpenCV's own INTER_AREA 23.8 in 6.5 ms; bilinear
    only 23.7 in 0.4 ms.
    """
    if not area:
        return np.asarray(cv2.resize(image, size, dst=out), np.uint8)
    twice = cv2.resize(image, (size[0] * 2, size[1] * 2))
    return np.asarray(cv2.resize(twice, size, dst=out, interpolation=cv2.INTER_AREA), np.uint8)


def check(image: NDArray[np.uint8]) -> None:
    """Raises ImageError, with what it is instead, unless it is a (H, W, 3) uint8 picture of a sane
    size."""
    kind = _wrong(image)
    if kind is None:
        return
    if kind == "too_large":
        raise ImageError(
            f"a picture of {image.shape[1]}x{image.shape[0]} pixels; sides go to {MAX_SIDE_PX}",
            kind,
        )
    shape = getattr(image, "shape", type(image).__name__)
    raise ImageError(
        f"not a (H, W, 3) uint8 picture: {shape} {getattr(image, 'dtype', '')}".strip(), kind
    )


def _wrong(image: object) -> str | None:
    """What keeps this from being a picture, as a name to count by."""
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3):
        return "no_picture"
    if image.size == 0:
        return "empty"
    if image.dtype != np.uint8:
        return "sixteen_bit" if image.dtype == np.uint16 else "wrong_type"
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels != 3:
        return {1: "one_channel", 4: "alpha_channel"}.get(channels, "wrong_channels")
    return "too_large" if max(image.shape[:2]) > MAX_SIDE_PX else None
