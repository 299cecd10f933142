"""ONNX Runtime, behind one class: the only module that knows it.

Threads are bounded so that one core stays free for sensors and the outbox; more threads than free
cores make inference slower, not faster. Workers do not spin between frames: spinning burns a core
to save less than a millisecond.
"""

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from perception.errors import ModelError

# ONNX Runtime's official Linux builds report to their maker from 1.29 on, by default, from a thread
# that starts with the import (upstream PR 27379). A unit speaks to its hub and to nobody else.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

ort.disable_telemetry_events()

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}

# What ONNX Runtime raises; they share no base class but Exception.
ORT_ERRORS = (
    ort_errors.EPFail,
    ort_errors.EngineError,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
    ValueError,
)
FATAL_ONLY = 3  # severity "error": exporters' warnings of a model are no news for an operator


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name, element type and shape of an input or output; None for a free dimension."""

    name: str
    kind: str  # "tensor(float)"
    shape: tuple[int | None, ...]


def thread_count(threads: int | Literal["auto"]) -> int:
    """`auto` is one less than the cores this process may use, at least one."""
    if threads == "auto":
        return max(1, len(os.sched_getaffinity(0)) - 1)
    return max(1, threads)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What single providers are told; names and meaning as in `config.perception`."""

    cuda_memory_mib: int | None = None
    tensorrt_cache: Path | None = None
    tensorrt_fp16: bool = True
    openvino_device: str = "CPU"

    def options(self, provider: str) -> dict[str, str]:
        """As ONNX Runtime's providers name them (onnxruntime.ai/docs/execution-providers)."""
        if provider == PROVIDERS["cuda"] and self.cuda_memory_mib is not None:
            return {"gpu_mem_limit": str(self.cuda_memory_mib * 2**20)}
        if provider == PROVIDERS["openvino"]:
            return {"device_type": self.openvino_device}
        if provider == PROVIDERS["tensorrt"]:
            told = {"trt_fp16_enable": str(self.tensorrt_fp16)}
            if self.tensorrt_cache is not None:
                told |= {"trt_engine_cache_enable": "True"}
                told |= {"trt_engine_cache_path": str(self.tensorrt_cache)}
            return told
        return {}


def choose_providers(wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """The providers that are there, in order of preference, and the names of those that are not.

    The CPU is always the last resort. Raises ModelError for a name that does not exist.
    """
    available = set(ort.get_available_providers())
    chosen, skipped = [], []
    for name in wanted:
        if name not in PROVIDERS:
            raise ModelError(
                f"there is no provider {name}", f"there are: {', '.join(sorted(PROVIDERS))}"
            )
        if PROVIDERS[name] in available:
            chosen.append(PROVIDERS[name])
        else:
            skipped.append(name)
    if PROVIDERS["cpu"] not in chosen:
        chosen.append(PROVIDERS["cpu"])
    return chosen, skipped


class Session:
    """One loaded model."""

    def __init__(self, session: Any, threads: int, skipped: list[str]) -> None:
        self._session = session
        self.threads = threads
        self.inputs = tuple(_tensor(arg) for arg in session.get_inputs())
        self.outputs = tuple(_tensor(arg) for arg in session.get_outputs())
        self.skipped = tuple(skipped)  # providers that were asked for and are not there
        self.metadata: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        names = {full: name for name, full in PROVIDERS.items()}
        self.providers = tuple(names.get(p, p) for p in session.get_providers())
        self._output_names = [output.name for output in self.outputs]

    @classmethod
    def open(
        cls,
        model: bytes,
        *,
        providers: Sequence[str] = ("cpu",),
        threads: int | Literal["auto"] = "auto",
        tuning: Tuning = Tuning(),
    ) -> "Session":
        """Load a model from bytes that were checked before (see `model_file`). May take seconds.

        Raises ModelError where ONNX Runtime refuses it.
        """
        chosen, skipped = choose_providers(providers)
        count = thread_count(threads)
        try:
            session = ort.InferenceSession(
                model,
                _options(count),
                providers=[(provider, tuning.options(provider)) for provider in chosen],
            )
        except ORT_ERRORS as error:
            raise ModelError(
                f"ONNX Runtime cannot load the model: {_first_line(error)}",
                "export it again, with an opset that this version knows",
            ) from error
        # One that is built in and finds no device is left out without an error.
        names = {full: name for name, full in PROVIDERS.items()}
        silent = [names[full] for full in chosen if full not in session.get_providers()]
        return cls(session, count, [*skipped, *silent])

    def run(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """All outputs, in graph order. Raises ModelError."""
        try:
            outputs: list[NDArray[Any]] = self._session.run(self._output_names, inputs)
        except ORT_ERRORS as error:
            raise ModelError(f"the model failed on a picture: {_first_line(error)}") from error
        return outputs


def _options(threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = FATAL_ONLY
    # Shapes are fixed, so planning memory ahead saves no time but 13 MB (NanoDet-g, measured).
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Only what `model_file` has looked through, and never what a name in it leads to.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


def save_optimized(model: bytes, path: Path) -> None:
    """Write the model as ONNX Runtime simplifies it for any processor. Raises ModelError."""
    options = _options(1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    try:
        ort.InferenceSession(model, options, providers=[PROVIDERS["cpu"]])
    except ORT_ERRORS as error:
        raise ModelError(f"ONNX Runtime cannot load the model: {_first_line(error)}") from error


def release_memory() -> None:
    """Give back what loading a model left on the heap: 24 of 139 MB with NanoDet-g, measured.

    Worth calling once, after the warm-up. malloc_trim is glibc's; elsewhere nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _tensor(arg: Any) -> Tensor:
    shape = tuple(side if isinstance(side, int) else None for side in arg.shape)
    return Tensor(arg.name, arg.type, shape)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
