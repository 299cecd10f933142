"""Writes small ONNX files for tests: a picture in, prepared arrays out (see onnx.proto3)."""

from collections.abc import Mapping, Sequence

import numpy as np

ELEMENT = {np.dtype(np.float32): 1, np.dtype(np.int32): 6, np.dtype(np.int64): 7}


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a message: a number, or a length and as many bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, array: np.ndarray, extra: bytes = b"") -> bytes:
    """A TensorProto; `extra` are more fields of it."""
    dims = b"".join(field(1, side) for side in array.shape)
    element = field(2, ELEMENT[array.dtype])
    return dims + element + field(8, name) + field(9, array.tobytes()) + extra


def value(name: str, shape: Sequence[int | str], element: int = 1) -> bytes:
    """A ValueInfoProto; a side may have a name instead of a size."""
    sides = b"".join(
        field(1, field(2, side) if isinstance(side, str) else field(1, side)) for side in shape
    )
    return field(1, name) + field(2, field(1, field(1, element) + field(2, sides)))


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], extra: bytes = b"") -> bytes:
    names = [field(1, name) for name in inputs] + [field(2, name) for name in outputs]
    return b"".join(names) + field(4, kind) + extra


def model(graph: bytes, extra: bytes = b"") -> bytes:
    """A ModelProto of IR version 8 and opset 17."""
    return field(1, 8) + field(8, field(2, 17)) + field(7, graph) + extra


def constant_model(
    outputs: Mapping[str, np.ndarray],
    inputs: Mapping[str, tuple[Sequence[int | str], int]],
) -> bytes:
    """A model that always answers with these arrays. `inputs`: name to shape and element type."""
    graph = b""
    for name, array in outputs.items():
        graph += field(1, node("Identity", [f"{name}_value"], [name]))
        graph += field(5, tensor(f"{name}_value", array))
    graph += field(2, "test")
    graph += b"".join(field(11, value(n, shape, kind)) for n, (shape, kind) in inputs.items())
    for name, array in outputs.items():
        graph += field(12, value(name, array.shape, ELEMENT[array.dtype]))
    return model(graph)


def batch_model(answer: np.ndarray, side_px: int) -> bytes:
    """A model that gives `answer` (1, ...) once for each picture of its batch.

    The mean of each picture, (N, 1, 1), times nothing is added to the answer.
    """
    keep = field(5, field(1, "keepdims") + field(3, 0) + field(20, 2))
    wide = field(5, field(1, "keepdims") + field(3, 1) + field(20, 2))
    graph = field(1, node("ReduceMax", ["images"], ["by_channel"], _ints("axes", [2, 3]) + keep))
    graph += field(1, node("ReduceMax", ["by_channel"], ["level"], _ints("axes", [1]) + wide))
    graph += field(1, node("Unsqueeze", ["level", "axis"], ["column"]))
    graph += field(1, node("Mul", ["column", "nothing"], ["zero"]))
    graph += field(1, node("Add", ["answer", "zero"], ["output"]))
    graph += field(5, tensor("axis", np.array([1], np.int64))) + field(5, tensor("answer", answer))
    graph += field(5, tensor("nothing", np.zeros(1, np.float32)))
    graph += field(2, "test") + field(11, value("images", ("n", 3, side_px, side_px)))
    graph += field(12, value("output", ("n", *answer.shape[1:])))
    return model(graph)


def _ints(name: str, numbers: Sequence[int]) -> bytes:
    """An AttributeProto of integers."""
    return field(5, field(1, name) + b"".join(field(8, n) for n in numbers) + field(20, 7))
