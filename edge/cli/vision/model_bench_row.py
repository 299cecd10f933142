"""One line of `patrol-edge models bench`, measured in a process of its own: memory is then its own.

python -m edge.cli.vision.model_bench_row '{"model": ..., "threads": ...}'
"""

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.cli.console import USAGE, CommandError, of_perception
from edge.cli.vision.model_pictures import sampled
from perception.detection.detector import Detector
from perception.errors import PerceptionError
from perception.inference.catalogue import Catalogue

WARM_UP = 5
PICTURES = 16
SIZE_720P = (720, 1280, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one model does with one provider and so many threads."""

    model: str
    precision: str
    provider: str  # that was used
    skipped: str  # that was asked for and is not there, or ""
    threads: int
    input_px: tuple[int, int]
    pictures: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    per_s: float
    bare_ms: float  # the model alone, median, measured in turn with the whole
    memory_mb: float  # the most that the process had resident

    def line(self) -> str:
        return (
            f"{self.model:22} {self.precision:9} {self.provider:9} {self.threads:7d} "
            f"{self.p50_ms:8.1f} {self.p90_ms:8.1f} {self.p99_ms:8.1f} {self.per_s:7.1f} "
            f"{self.bare_ms:8.1f} {self.memory_mb:6.0f}"
        )


def measure(wanted: dict[str, Any]) -> Row:
    """Raises CommandError, PerceptionError."""
    folder = Path(wanted["models_dir"]) if wanted["models_dir"] else None
    spec = Catalogue(folder).find(wanted["model"])
    size = tuple(wanted["input_px"]) if wanted["input_px"] else None
    detector = Detector.open(
        spec, providers=[wanted["provider"]], threads=wanted["threads"], input_px=size
    )
    images = _images(wanted["images"])
    whole_ms: list[float] = []
    bare_ms: list[float] = []
    until_s = time.monotonic() + wanted["seconds"]
    for number in range(10**9):
        begun = time.perf_counter()
        detector.detect(images[number % len(images)])
        middle = time.perf_counter()
        detector.infer(detector.tensor)
        ended = time.perf_counter()
        if number >= WARM_UP:
            whole_ms.append((middle - begun) * 1e3)
            bare_ms.append((ended - middle) * 1e3)
            if time.monotonic() > until_s:
                break
    p50, p90, p99 = np.percentile(whole_ms, (50, 90, 99))
    return Row(
        model=spec.name,
        precision=spec.precision,
        provider=detector.session.providers[0],
        skipped=", ".join(detector.session.skipped),
        threads=detector.session.threads,
        input_px=detector.input_px,
        pictures=len(whole_ms),
        p50_ms=float(p50),
        p90_ms=float(p90),
        p99_ms=float(p99),
        per_s=1e3 / float(np.mean(whole_ms)),
        bare_ms=float(np.median(bare_ms)),
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    )


def _images(path: str | None) -> list[NDArray[np.uint8]]:
    if path is None:
        return [np.random.default_rng(0).integers(0, 256, SIZE_720P, dtype=np.uint8)]
    found = [picture.read() for picture in sampled([Path(path)], PICTURES)]
    images = [image for image in found if image is not None]
    if not images:
        raise CommandError(f"no picture of {path} can be read", "name other pictures", USAGE)
    return images


def main() -> None:
    try:
        told: dict[str, Any] = asdict(measure(json.loads(sys.argv[1])))
    except PerceptionError as failure:
        error = of_perception(failure)
        told = {"error": str(error), "cure": error.cure, "usage": error.exit_code == USAGE}
    except CommandError as error:
        told = {"error": str(error), "cure": error.cure, "usage": error.exit_code == USAGE}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
