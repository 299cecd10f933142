"""What is known beforehand of the objects that are placed: how tall, how deep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.cameras import GroundConfig

Floats = NDArray[np.float64]

# How far the middle of an object lies behind the lower edge of its box, and how much that differs
# with kind and view, metres. A car is 1.8 m wide and 4.5 m long, so its middle is 0.9 to 2.3 m in.
DEPTHS_M = {
    "person": (0.0, 0.1),
    "bicycle": (0.5, 0.3),
    "motorcycle": (0.6, 0.3),
    "car": (1.5, 0.5),
    "bus": (3.0, 1.5),
    "truck": (2.5, 1.2),
}
UNKNOWN_DEPTH_M = (0.5, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Bodies:
    """Of N objects; a height is known of persons only: a van and a saloon differ by half."""

    height_m: Floats  # (N,) nan where it says nothing
    height_error_m: Floats  # (N,)
    depth_m: Floats  # (N,)
    depth_error_m: Floats  # (N,)

    @classmethod
    def of(cls, labels: list[str], config: GroundConfig) -> "Bodies":
        persons = np.array([label == "person" for label in labels], np.bool_)
        depths = np.array([DEPTHS_M.get(label, UNKNOWN_DEPTH_M) for label in labels], np.float64)
        depths = depths.reshape(-1, 2)
        return cls(
            height_m=np.where(persons, config.person_height_m, np.nan),
            height_error_m=np.full(len(labels), config.person_height_error_m),
            depth_m=depths[:, 0],
            depth_error_m=depths[:, 1],
        )
