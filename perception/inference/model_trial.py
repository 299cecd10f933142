"""A model that nobody knows is run once in a process of its own, before it is run in this one.

What a file asks for shows only when it runs: a few bytes can make a tensor of gigabytes
(ConstantOfShape, Tile, Expand, Resize), go round for ever (Loop), or hit a fault in the runtime
that ends the process. A child with limits on memory and time finds that out, and the unit goes on.
The models of the catalogue are known by their hash and have been tried: they start without it.

A model can still be made to misbehave on one picture and not on others; against that stand the
service's own memory limit and its watchdog (systemd/patrol-edge.service).
"""

import math
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception.errors import ModelError
from perception.inference import model_file
from perception.inference.model_spec import ModelSpec
from perception.inference.session import Session, Tensor

MEMORY_BYTES = 2 * 2**30  # above what the child has when it begins
TIME_S = (
    60.0  # for loading and one run; the shipped model takes 0.2 s, a Raspberry Pi ten times that
)
FREE_SIDE_PX = 640  # where a graph leaves the size of its picture open
MAX_ELEMENTS = 2**26  # of one input: a picture of 4096 x 4096 pixels has 5e7
ELEMENTS = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}
DONE, NO_MEMORY = b"done", b"no memory"  # what the child says
OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "Failed to allocate")  # in ONNX Runtime's words
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Probe:
    """What one run on zeros showed."""

    inputs: tuple[tuple[str, tuple[int, ...]], ...]  # name and shape that was given
    outputs: tuple[tuple[str, tuple[int, ...]], ...]  # name and shape that came


def content_of(spec: ModelSpec) -> bytes:
    """The bytes of a model, read once, checked, tried if nobody knows them. Raises ModelError."""
    if spec.path is None:
        raise ModelError(
            f"model {spec.name} is not on this computer", f"patrol-edge models pull {spec.name}"
        )
    content = model_file.read_checked(spec.path, spec.sha256)
    if spec.untried:
        in_a_child(content)
    return content


def probe(content: bytes, input_px: tuple[int, int] | None = None) -> Probe:
    """Load the model, run it on zeros, look at the answer. Raises ModelError.

    `content` was looked through before (`model_file.check`). `input_px` (width, height) is what a
    picture gets where the graph leaves that open.
    """
    session = Session.open(content, threads=1)
    feed = {tensor.name: _zeros(tensor, input_px) for tensor in session.inputs}
    outputs = session.run(feed)
    for tensor, output in zip(session.outputs, outputs, strict=True):
        if output.dtype.kind == "f" and not np.isfinite(output).all():
            raise ModelError(
                f"the model's output {tensor.name} is not a number, even for a black picture",
                "its weights are damaged: copy, pull or export it again",
            )
    names = [tensor.name for tensor in session.outputs]
    return Probe(
        tuple((name, array.shape) for name, array in feed.items()),
        tuple((name, array.shape) for name, array in zip(names, outputs, strict=True)),
    )


def _zeros(tensor: Tensor, input_px: tuple[int, int] | None) -> NDArray[Any]:
    if tensor.kind not in ELEMENTS:
        raise ModelError(f"the model's input {tensor.name} is a {tensor.kind}, not an array")
    shape = [1 if side is None else side for side in tensor.shape]
    if len(shape) == 4:
        size = input_px or (FREE_SIDE_PX, FREE_SIDE_PX)
        for at, side in ((2, size[1]), (3, size[0])):
            shape[at] = side if tensor.shape[at] is None else shape[at]
    if math.prod(shape) > MAX_ELEMENTS or min(shape, default=1) < 0:
        raise ModelError(f"the model's input {tensor.name} is absurd: {list(tensor.shape)}")
    return np.zeros(shape, ELEMENTS[tensor.kind])


def in_a_child(content: bytes, *, memory_bytes: int = MEMORY_BYTES, time_s: float = TIME_S) -> None:
    """`probe` in a process with limits. Raises ModelError where the model did harm there.

    That it cannot be loaded or run is no harm: whoever opens it tells the reason.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "perception.inference.model_trial", str(memory_bytes)]
    try:
        child = subprocess.run(  # noqa: S603 - our own module
            [*command, str(math.ceil(time_s))],
            input=content,
            capture_output=True,
            timeout=time_s,
            env=os.environ | {"PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _never_ends(time_s) from None
    if child.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _never_ends(time_s)
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        raise ModelError(
            f"the model makes ONNX Runtime crash ({name})", "do not use it; export it again"
        )
    if child.stdout == NO_MEMORY:
        raise ModelError(
            f"the model wants more than {memory_bytes >> 20} MiB of memory for one picture",
            "use a smaller model",
        )
    if child.stdout != DONE:
        raise ModelError(
            f"the trial of the model ended with exit code {child.returncode}, without a result",
            "is there room in memory? try again; else do not use this model",
        )


def _never_ends(time_s: float) -> ModelError:
    return ModelError(
        f"the model does not finish one picture within {time_s:g} s of a trial",
        "use a smaller model, or one without endless loops",
    )


def _limit(memory_bytes: int, time_s: int) -> None:
    """What this process may still take, from here on."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (time_s, time_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """The child: the model on stdin, the verdict on stdout."""
    memory_bytes, time_s = map(int, sys.argv[1:])
    _limit(memory_bytes, time_s)
    verdict = DONE
    try:
        probe(sys.stdin.buffer.read())
    except ModelError as failure:
        if any(words in str(failure) for words in OUT_OF_MEMORY):
            verdict = NO_MEMORY
    except MemoryError:
        verdict = NO_MEMORY
    sys.stdout.buffer.write(verdict)


if __name__ == "__main__":
    main()
