"""A model that was exported for pictures of one size, made to take another.

A graph of convolutions does not care for the size of its picture, but the file says it: in the
shape of its input, of its outputs, and of the values between them. Here the input gets the new size
and the other shapes are left out, for ONNX Runtime to work out again. Where constants within the
graph hold the old size too, that fails, and the model is refused: nothing is guessed.

The file is rewritten field by field, as it stands on the wire (onnx.proto3), so that no unit needs
the `onnx` package for it.
"""

from collections.abc import Callable, Iterator

from perception.errors import ModelError
from perception.inference.model_file import BYTES, VARINT, chunk, field_value, varint

GRAPH = 7  # in ModelProto
INPUT, OUTPUT, VALUE_INFO = 11, 12, 13  # in GraphProto
NAME, TYPE = 1, 2  # in ValueInfoProto
TENSOR_TYPE = 1  # in TypeProto
ELEMENT, SHAPE = 1, 2  # in TypeProto.Tensor
SIDE = 1  # in TensorShapeProto
SIDE_VALUE = 1  # in Dimension

Edit = Callable[[memoryview], bytes | None]  # the new content of a field; None leaves it out


def resized(content: bytes, picture: str, width_px: int, height_px: int) -> bytes:
    """The model with its input `picture` of [1, 3, height, width]. Raises ModelError if damaged."""

    def of_input(message: memoryview) -> bytes:
        if _text(message, NAME) != picture:
            return bytes(message)
        return _with_shape(message, (1, 3, height_px, width_px))

    graph = _edited({INPUT: of_input, OUTPUT: _without_shape, VALUE_INFO: _left_out})
    return _edited({GRAPH: graph})(memoryview(content))


def _left_out(message: memoryview) -> None:  # noqa: ARG001 - an `Edit` gets what it replaces
    return None


def _without_shape(message: memoryview) -> bytes:
    """A ValueInfoProto of the same name and element type."""
    tensor = _edited({SHAPE: _left_out})
    return _edited({TYPE: _edited({TENSOR_TYPE: tensor})})(message)


def _with_shape(message: memoryview, sides: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(SIDE, _number(SIDE_VALUE, side)) for side in sides)

    def tensor(old: memoryview) -> bytes:
        return _edited({SHAPE: _left_out})(old) + _field(SHAPE, dims)

    return _edited({TYPE: _edited({TENSOR_TYPE: tensor})})(message)


def _edited(edits: dict[int, Edit]) -> Callable[[memoryview], bytes]:
    """What rewrites the fields of these numbers and keeps all others as they are."""

    def rewrite(message: memoryview) -> bytes:
        parts: list[bytes | memoryview] = []
        for number, value, whole in _fields(message):
            edit = edits.get(number)
            if edit is None:
                parts.append(whole)
                continue
            new = edit(chunk(value))
            if new is not None:
                parts.append(_field(number, new))
        return b"".join(parts)

    return rewrite


def _text(message: memoryview, wanted: int) -> str:
    for number, value, _ in _fields(message):
        if number == wanted:
            return bytes(chunk(value)).decode("utf-8", "replace")
    return ""


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview, memoryview]]:
    """Number, value, and the whole field as it stands, of each field of a message."""
    at = 0
    while at < len(message):
        start = at
        key, at = varint(message, at)
        value, at = field_value(message, at, key & 7)
        yield key >> 3, value, message[start:at]


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | VARINT) + _varint(value)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def cannot(size: tuple[int, int], own: tuple[int, int], error: ModelError) -> ModelError:
    """That the model does not take pictures of this size, with the reason."""
    return ModelError(
        f"this model cannot take pictures of {size[0]}x{size[1]}: {error}",
        f"leave its own {own[0]}x{own[1]}; other sizes work, if at all, in steps of 32 pixels",
    )
