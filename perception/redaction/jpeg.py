"""A picture as JPEG of a bounded size. Written from pixels: no metadata, no thumbnail."""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.errors import ImageError

LEAST_QUALITY = 30  # below, smaller sides look better than coarser coding
QUALITY_STEP = 15
SHRINK = 0.75
LEAST_SIDE_PX = 64
MOST_SIDE_PX = 65_500  # the format has no room for more (16 bits, ITU-T T.81, B.2.2)
MOST_BYTES = 2**40


def encode(
    image: NDArray[np.uint8],
    *,
    quality: int,
    longest_px: int = MOST_SIDE_PX,
    max_bytes: int = MOST_BYTES,
) -> bytes:
    """JPEG of at most `max_bytes`: first of less quality, then of fewer pixels.

    Raises ImageError where even a thumbnail is larger than that, or the picture is none.
    """
    image = _fitted(image, longest_px)
    while max(image.shape[:2]) >= LEAST_SIDE_PX or quality > LEAST_QUALITY:
        data = _jpeg(image, quality)
        if len(data) <= max_bytes:
            return data
        if quality > LEAST_QUALITY:
            quality = max(LEAST_QUALITY, quality - QUALITY_STEP)
        else:
            image = _fitted(image, round(max(image.shape[:2]) * SHRINK))
    raise ImageError(f"no JPEG of this picture has {max_bytes} bytes or less")


def _fitted(image: NDArray[np.uint8], longest_px: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = longest_px / max(height, width, 1)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    try:
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except (cv2.error, MemoryError) as error:
        told = error.err if isinstance(error, cv2.error) else "no memory"
        raise ImageError(f"this picture cannot be written as JPEG: {told}") from error
    if not done:
        raise ImageError("this picture cannot be written as JPEG")
    return data.tobytes()
