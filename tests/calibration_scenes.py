"""Pictures of boards and of upright things, rendered through a lens that we know."""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from config.cameras import LensConfig, MountConfig
from perception.calibration.boards import Charuco
from perception.calibration.mount_fit import Sighting
from perception.place.geometry import aim
from perception.place.lens import Lens
from tests.placed_scenes import lens, pose

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

SIZE = (640, 360)
BARREL = LensConfig(
    width_px=640,
    height_px=360,
    fx_px=420,
    fy_px=422,
    cx_px=314,
    cy_px=184,
    distortion=(-0.22, 0.07, 0.001, -0.0008, 0.0),
)
FISHEYE = LensConfig(
    width_px=640,
    height_px=360,
    fx_px=220,
    fy_px=220,
    cx_px=318,
    cy_px=181,
    model="fisheye",
    distortion=(0.02, -0.006, 0.001, -0.0002),
)
SQUARE_M, COLUMNS, ROWS = 0.03, 9, 6  # inner corners
PER_SQUARE_PX = 40


def checkerboard() -> tuple[Picture, Floats]:
    """A texture with a white margin of one square, and where its first inner corner is in it."""
    squares = np.indices((ROWS + 1, COLUMNS + 1)).sum(axis=0) % 2 * 255
    board = np.kron(squares, np.ones((PER_SQUARE_PX, PER_SQUARE_PX))).astype(np.uint8)
    border = PER_SQUARE_PX
    board = cv2.copyMakeBorder(board, *(border,) * 4, cv2.BORDER_CONSTANT, value=255)
    return board, np.array([2.0, 2.0]) * PER_SQUARE_PX


def charuco(board: Charuco) -> tuple[Picture, Floats]:
    size = (board.columns * PER_SQUARE_PX, board.rows * PER_SQUARE_PX)
    drawn = board.board().generateImage(size, marginSize=0)
    border = PER_SQUARE_PX
    drawn = cv2.copyMakeBorder(drawn, *(border,) * 4, cv2.BORDER_CONSTANT, value=255)
    return np.asarray(drawn, np.uint8), np.array([1.0, 1.0]) * PER_SQUARE_PX


@functools.lru_cache(maxsize=4)
def every_ray(eye: Lens) -> tuple[Floats, NDArray[np.bool_]]:
    grid = np.stack(np.meshgrid(np.arange(eye.width_px), np.arange(eye.height_px)), axis=-1)
    return eye.rays(grid.reshape(-1, 2).astype(np.float64))


def render(
    texture: tuple[Picture, Floats], eye: Lens, turn: Floats, shift_m: Floats, noise: float = 3.0
) -> Picture:
    """The board through the lens: `turn` (3,) as a rotation vector, `shift_m` (3,) of its origin
    in camera axes."""
    rotation = cv2.Rodrigues(turn)[0]
    wide, high = eye.width_px, eye.height_px
    rays, sound = every_ray(eye)
    # On the plane of the board: rotation @ (x, y, 0) + shift = depth * ray.
    normal = rotation[:, 2]
    depth = (normal @ shift_m) / np.where(np.abs(rays @ normal) > 1e-6, rays @ normal, np.nan)
    points = (depth[:, None] * rays - shift_m) @ rotation
    at = points[:, :2] / SQUARE_M * PER_SQUARE_PX + texture[1] - 0.5
    at[~sound | (depth <= 0) | np.isnan(depth)] = -1e4
    maps = at.reshape(high, wide, 2).astype(np.float32)
    drawn = cv2.remap(
        texture[0], maps[..., 0], maps[..., 1], cv2.INTER_AREA, borderValue=(120, 0, 0, 0)
    )
    random = np.random.default_rng(1)
    shaken = cv2.GaussianBlur(drawn, (3, 3), 0.7) + random.normal(0, noise, drawn.shape)
    return np.repeat(np.clip(shaken, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def board_views(
    eye: Lens, texture: tuple[Picture, Floats], count: int, tilt: float = 0.6
) -> list[Picture]:
    """The board all over the picture, tilted each way."""
    random = np.random.default_rng(7)
    across = np.array([COLUMNS - 1, ROWS - 1]) * SQUARE_M / 2
    pictures = []
    while len(pictures) < count:
        turn = np.array([*random.uniform(-tilt, tilt, 2), random.uniform(-0.3, 0.3)])
        aside = random.uniform((90, 70), (SIZE[0] - 90, SIZE[1] - 70), 2)
        ray = eye.rays(aside[None])[0][0]
        middle = ray / ray[2] * random.uniform(0.3, 0.5)
        shift = middle - cv2.Rodrigues(turn)[0] @ np.array([*across, 0.0])
        pictures.append(render(texture, eye, turn, shift))
    return pictures


def sightings(
    mount: MountConfig,
    places: list[tuple[float, float]],
    height_m: float,
    noise_px: float,
    *,
    distances: bool = True,
    bearings: bool = False,
    config: LensConfig = BARREL,
) -> list[Sighting]:
    """Upright things at these distances and bearings, marked by a hand that shakes."""
    eye, random = lens(config, SIZE), np.random.default_rng(3)
    view = aim(mount, pose())
    assert view is not None
    found = []
    for away_m, bearing_deg in places:
        bearing = np.radians(bearing_deg)
        foot = np.array([away_m * np.sin(bearing), away_m * np.cos(bearing), -view.height_m])
        head = foot + np.array([0.0, 0.0, height_m])
        pixels, seen = eye.pixels(np.array([foot, head]) @ view.rotation)
        assert seen.all()
        pixels = pixels + random.normal(0, noise_px, (2, 2))
        low, high = pixels.tolist()
        found.append(
            Sighting(
                name=f"{away_m:g} m",
                foot_px=(low[0], low[1]),
                top_px=(high[0], high[1]),
                height_m=height_m,
                distance_m=away_m if distances else None,
                bearing_deg=bearing_deg if bearings else None,
                error_px=max(noise_px, 0.5),
            )
        )
    return found
