"""Trial of model files: each of many ways to harm a unit through one is refused, in words."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from perception.detection.detector import Detector
from perception.errors import ModelError
from perception.inference import model_file, model_trial
from perception.inference.catalogue import Catalogue
from perception.inference.session import Session
from tests.head_writer import yolox
from tests.hostile_models import endless_loop, giant, polyglot
from tests.onnx_writer import constant_model, field, model, node, value
from tests.torture.trials import Broken, Stage, held, trial

PICTURE = {"images": ((1, 3, 96, 96), 1)}
GOOD = constant_model(yolox([], 96, 96), PICTURE)
MEMORY_BYTES = 512 * 2**20
TIME_S = 5.0
EXTERNAL = (
    field(1, 4) + field(2, 1) + field(8, "w") + field(13, field(1, "location") + field(2, "x"))
)


def graph(extra: bytes) -> bytes:
    shape = (1, 3, 96, 96)
    body = field(1, node("Identity", ["images"], ["out"])) + field(2, "g") + extra
    return body + field(11, value("images", shape)) + field(12, value("out", shape))


def nested(depth: int) -> bytes:
    inner = field(2, "inner")
    for _ in range(depth):
        inner = field(1, field(4, "If") + field(5, field(1, "then") + field(6, inner)))
    return inner


def hostile() -> dict[str, bytes]:
    """By what they try."""
    function = field(1, "F") + field(10, "own")
    return {
        "weights in a file": model(graph(field(5, EXTERNAL))),
        "in a sparse tensor": model(graph(field(15, field(1, EXTERNAL)))),
        "in an inner graph": model(graph(field(1, field(5, field(6, field(5, EXTERNAL)))))),
        "in a function": model(graph(b""), field(25, function + field(11, field(5, EXTERNAL)))),
        "in training": model(graph(b""), field(20, field(2, field(5, EXTERNAL)))),
        "an operator of others": model(graph(field(1, field(4, "Run") + field(7, "evil")))),
        "an engine": model(graph(field(1, field(4, "EPContext") + field(7, "com.microsoft")))),
        "another format": polyglot(),
        "a terabyte claimed": model(graph(field(5, field(1, 1 << 40) + field(2, 1)))),
        "nested without end": model(nested(200)),
        "an absurd picture": constant_model(
            yolox([], 96, 96), {"images": ((1, 3, 1 << 20, 1 << 20), 1)}
        ),
        "no numbers": constant_model(
            {name: np.full_like(a, np.nan) for name, a in yolox([], 96, 96).items()}, PICTURE
        ),
        "cut off": GOOD[: len(GOOD) // 2],
        **{f"gigabytes by {kind}": giant(kind) for kind in ("ConstantOfShape", "Expand", "Resize")},
        "an endless loop": endless_loop(),
    }


def refused(path: Path, content: bytes) -> str:
    """The reason. Raises Broken where the file is taken, or not refused in time."""
    path.write_bytes(content)
    begun_s = time.monotonic()
    try:
        Detector.open(Catalogue(path.parent).find(str(path), family="yolox"), threads=1)
    except ModelError as error:
        held(time.monotonic() - begun_s < TIME_S + 20, f"{path.name} is refused too late")
        return str(error)
    raise Broken(f"{path.name} is taken")


def damaged(count: int) -> Iterator[bytes]:
    random = np.random.default_rng(0)
    for _ in range(count):
        content = bytearray(GOOD)
        for at in random.integers(0, 2000, 3):  # where the structure is, not the numbers
            content[-at] = int(random.integers(256))
        yield bytes(content)


def survived(check: Callable[[bytes], None], contents: Iterator[bytes]) -> int:
    """How many were refused; whatever else is raised breaks the promise."""
    count = 0
    for content in contents:
        try:
            check(content)
        except ModelError:
            count += 1
    return count


@trial("S-MODEL-1", "a model file does no harm: refused with a reason, or run within limits")
def model_files(stage: Stage) -> str:
    good = stage.folder / "good.onnx"
    good.write_bytes(GOOD)
    Detector.open(Catalogue(stage.folder).find(str(good), family="yolox"), threads=1)
    limited = model_trial.in_a_child.__kwdefaults__
    before = dict(limited)
    limited |= {"memory_bytes": MEMORY_BYTES, "time_s": TIME_S}
    try:
        reasons = {
            what: refused(stage.folder / "hostile.onnx", content)
            for what, content in hostile().items()
        }
    finally:
        limited.update(before)
    spoilt = damaged(stage.sized(3000, 100_000))
    count = survived(model_file.check, spoilt)
    naive = sum(taken_by_the_runtime(content) for content in hostile().values())
    held(naive > 0, "the control, ONNX Runtime by itself, takes none of them either")
    held(count > 0, "the damage is too tame: nothing was refused")
    return (
        f"{len(reasons)} hostile files refused with a reason, {count} damaged ones, 0 crashes; "
        f"control: ONNX Runtime by itself loads {naive}"
    )


def taken_by_the_runtime(content: bytes) -> bool:
    """Whether ONNX Runtime alone would have loaded it; it is not run."""
    if len(content) < 2000 and b"ConstantOfShape" in content:
        return False  # folding it would take the gigabytes
    try:
        Session.open(content, threads=1)
    except ModelError:
        return False
    return True
