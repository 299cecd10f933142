"""Persons in clothes of known colours, drawn and real, for tests and benchmarks."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

# One garment of each name, BGR; none of them is an example of perception.search.colours.
CLOTHES: dict[str, tuple[int, int, int]] = {
    "black": (28, 25, 24),
    "white": (240, 242, 243),
    "grey": (125, 124, 122),
    "red": (40, 32, 196),
    "orange": (20, 110, 235),
    "yellow": (45, 215, 240),
    "green": (60, 135, 45),
    "blue": (175, 75, 30),
    "purple": (130, 45, 105),
    "pink": (185, 135, 245),
    "brown": (35, 65, 105),
}
GROUND = (120, 132, 138)


def person(
    upper: str,
    lower: str,
    *,
    height_px: int = 160,
    size: tuple[int, int] = (320, 240),
    x: int = 140,
    y: int = 40,
    light: float = 1.0,
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0),
    seed: int = 0,
) -> tuple[Image, tuple[float, float, float, float]]:
    """A picture with one person, and the person's box. Noise and folds included."""
    rng = np.random.default_rng(seed)
    width_px = int(height_px * 0.42)
    picture = np.full((size[1], size[0], 3), GROUND, np.float32)
    picture[: size[1] // 4] = (235, 230, 225)  # some sky: a picture has something bright in it

    def paint(x0: float, y0: float, x1: float, y1: float, colour: tuple[int, int, int]) -> None:
        left, right = int(x + x0 * width_px), int(x + x1 * width_px)
        top, bottom = int(y + y0 * height_px), int(y + y1 * height_px)
        part = picture[max(0, top) : bottom, max(0, left) : right]
        folds = 1 + 0.18 * np.sin(np.linspace(0, 9, part.shape[1]))[None, :, None]
        part[:] = np.array(colour) * folds

    cv2.ellipse(
        picture, (x + width_px // 2, int(y + 0.07 * height_px)),
        (int(0.16 * width_px), int(0.07 * height_px)), 0, 0, 360, (120, 150, 200), -1,
    )  # fmt: skip
    paint(0.14, 0.15, 0.86, 0.48, CLOTHES[upper])
    paint(0.22, 0.48, 0.49, 0.95, CLOTHES[lower])
    paint(0.51, 0.48, 0.78, 0.95, CLOTHES[lower])
    picture = picture * light * np.array(tint) + rng.normal(0, 5, picture.shape)
    box = (float(x), float(y), float(x + width_px), float(y + height_px))
    return np.clip(picture, 0, 255).astype(np.uint8), box


# Persons of COCO train2017 (annotation ids) whose clothes' colours a human named: any of them.
REAL = {
    190379: ("blue grey black", "blue"), 545132: ("white", "white"), 1260127: ("black", "black"),
    1270740: ("blue grey", "blue"), 1280168: ("black", "blue"), 484147: ("black", "black"),
    497343: ("purple", "purple"), 516492: ("purple", "purple"), 524817: ("white", "black"),
    221369: ("red", "black"), 222838: ("grey", "black blue"), 255090: ("yellow green", ""),
    473611: ("red", "red"), 476162: ("black grey", ""), 487048: ("white", ""),
    505536: ("white yellow", "blue"), 519297: ("black blue", "grey brown"),
    1207747: ("white", "blue"), 1717892: ("black", "black"),
}  # fmt: skip


def real_parts(
    coco: Path,
) -> Iterator[tuple[Image, tuple[float, float, float, float], str, frozenset[str]]]:
    """Picture, box, part, and the names that a human gave its colour. `coco`: the shared folder."""
    table = json.loads((coco / "annotations" / "instances_train2017.json").read_text())
    files = {each["id"]: each["file_name"] for each in table["images"]}
    for each in (a for a in table["annotations"] if a["id"] in REAL):
        picture = cv2.imread(str(coco / "train2017" / files[each["image_id"]]))
        x, y, width, height = each["bbox"]
        for part, said in zip(("upper", "lower"), REAL[each["id"]], strict=True):
            if said:
                yield (
                    np.asarray(picture, np.uint8), (x, y, x + width, y + height), part,
                    frozenset(said.split()),
                )  # fmt: skip
