"""Model files come from outside: read once, compare the hash, look inside, and only then load.

ONNX files can name other files to be read as weights, and operators that only foreign code can
run. Both are refused here, before ONNX Runtime sees a byte (CVE-2022-25882, CVE-2024-27318 and
later ones let such names escape the model's folder). The field numbers are those of onnx.proto3.
"""

import hashlib
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from perception.errors import ModelError, WrongNameError

MAX_BYTES = 512 * 2**20
MAX_DEPTH = 24  # of nested graphs, attributes and tensors
MAX_FIELDS = 5_000_000
# ONNX Runtime's own container is told from ONNX by these bytes at offset 4, whatever stands around
# them: a file can be both, and would be looked through as the one and loaded as the other.
OTHER_FORMAT, OTHER_FORMAT_AT = b"ORTM", 4
# An operator that has its provider load an engine from another file, or run one from this.
ENGINE_NODES = frozenset({b"EPContext"})
BUILT_IN_DOMAINS = frozenset({b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft"})

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
EXTERNAL = 1  # TensorProto.DataLocation


def read(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The whole file. Raises ModelError: missing, no regular file, empty, too large, unreadable."""
    try:
        with _open_regular(path) as file:
            content = file.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise WrongNameError(f"{path}: {error.strerror}", "check the path") from error
    except PermissionError as error:
        raise ModelError(f"{path} may not be read by this user", f"ls -l {path}") from error
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}", "copy or pull it again") from error
    except ValueError as error:  # a NUL in the path
        raise WrongNameError(f"{path}: {error}", "check the path") from error
    if not content:
        raise ModelError(f"{path} is empty", "copy or pull it again")
    if len(content) > max_bytes:
        raise ModelError(f"{path} is larger than {max_bytes >> 20} MiB", "use a smaller model")
    return content


def _open_regular(path: Path) -> IO[bytes]:
    """Opened without waiting, as a pipe would have us do. Raises OSError, WrongNameError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(handle, "rb") if stat.S_ISREG(os.fstat(handle).st_mode) else None
    if file is None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        os.close(handle)
        what = "a folder" if folder else "not a regular file"
        raise WrongNameError(f"{path} is {what}", "give the ONNX file itself")
    return file


def digest(content: bytes) -> str:
    """SHA-256, lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def read_checked(path: Path, sha256: str | None, max_bytes: int = MAX_BYTES) -> bytes:
    """The file's bytes, if they have that hash and are a model that may be loaded.

    Raises ModelError with the reason.
    """
    content = read(path, max_bytes)
    if sha256 is not None and digest(content) != sha256:
        raise ModelError(
            f"{path} is not the file it should be: its sha-256 begins {digest(content)[:12]}, "
            f"expected {sha256[:12]}",
            "delete it and pull it again",
        )
    check(content)
    return content


def check(content: bytes) -> None:
    """Raises ModelError unless it is an ONNX model that needs nothing but itself."""
    if content[OTHER_FORMAT_AT : OTHER_FORMAT_AT + len(OTHER_FORMAT)] == OTHER_FORMAT:
        raise ModelError("this is a model in ONNX Runtime's own format", "export it as ONNX")
    Inspector().model(memoryview(content))


class Inspector:
    """One walk through the messages of a model, bounded in depth and number of fields."""

    def __init__(self) -> None:
        self._fields = 0
        self._domains = set(BUILT_IN_DOMAINS)
        self._used: set[bytes] = set()

    def model(self, message: memoryview) -> None:
        graphs = 0
        for number, value in self._fields_of(message, 0):
            if number == 7:
                graphs += 1
                self._graph(chunk(value), 1)
            elif number == 8:  # opset_import; a foreign one is harmless until a node uses it
                continue
            elif number == 20:  # training_info: graphs that are never run, but may be parsed
                self._training(chunk(value))
            elif number == 25:
                self._function(chunk(value))
        if graphs != 1:
            raise damaged(f"{graphs} graphs instead of one")
        if foreign := self._used - self._domains:
            names = ", ".join(sorted(name.decode("utf-8", "replace") for name in foreign))
            raise ModelError(
                f"the model needs operators from outside ONNX: {names[:200]}",
                "export it with standard operators only",
            )

    def _function(self, message: memoryview) -> None:
        for number, value in self._fields_of(message, 1):
            if number == 10:  # a function that the model brings along may have its own domain
                self._domains.add(bytes(chunk(value)))
            elif number == 7:
                self._node(chunk(value), 2)
            elif number == 11:  # what its attributes are unless a caller says otherwise
                self._attribute(chunk(value), 2)

    def _training(self, message: memoryview) -> None:
        for number, value in self._fields_of(message, 1):
            if number in (1, 2):
                self._graph(chunk(value), 2)

    def _graph(self, message: memoryview, depth: int) -> None:
        for number, value in self._fields_of(message, depth):
            if number == 1:
                self._node(chunk(value), depth + 1)
            elif number == 5:
                self._tensor(chunk(value), depth + 1)
            elif number == 15:
                self._sparse(chunk(value), depth + 1)

    def _node(self, message: memoryview, depth: int) -> None:
        domain = b""
        for number, value in self._fields_of(message, depth):
            if number == 7:
                domain = bytes(chunk(value))
            elif number == 5:
                self._attribute(chunk(value), depth + 1)
            elif number == 4 and bytes(chunk(value)) in ENGINE_NODES:
                raise ModelError(
                    "the model has another program's engine in it, which is refused",
                    "export the ONNX model itself; engines are built on the unit",
                )
        self._used.add(domain)

    def _attribute(self, message: memoryview, depth: int) -> None:
        for number, value in self._fields_of(message, depth):
            if number in (5, 10):
                self._tensor(chunk(value), depth + 1)
            elif number in (6, 11):
                self._graph(chunk(value), depth + 1)
            elif number in (22, 23):
                self._sparse(chunk(value), depth + 1)

    def _sparse(self, message: memoryview, depth: int) -> None:
        for number, value in self._fields_of(message, depth):
            if number in (1, 2):
                self._tensor(chunk(value), depth + 1)

    def _tensor(self, message: memoryview, depth: int) -> None:
        dims: list[int] = []
        for number, value in self._fields_of(message, depth):
            if number == 13 or (number == 14 and value == EXTERNAL):
                raise ModelError(
                    "the model keeps weights in another file, which is refused",
                    "save it as one file (onnx.save without external data)",
                )
            if number == 1:
                dims += [value] if isinstance(value, int) else packed(value)
        if any(side >= 1 << 63 for side in dims):
            raise damaged("a tensor with a negative side")
        # The smallest element type has four bits; a claim beyond the file is a lie or an attack.
        if math.prod(dims) > 2 * MAX_BYTES or math.prod(dims) > 2 * max(len(message), 2):
            raise damaged(f"a tensor claims {math.prod(dims)} elements in {len(message)} bytes")

    def _fields_of(self, message: memoryview, depth: int) -> Iterator[tuple[int, int | memoryview]]:
        if depth > MAX_DEPTH:
            raise damaged("nested too deeply")
        at, end = 0, len(message)
        while at < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise damaged("too many fields")
            key, at = varint(message, at)
            value, at = field_value(message, at, key & 7)
            yield key >> 3, value


def field_value(message: memoryview, at: int, wire_type: int) -> tuple[int | memoryview, int]:
    """One value of the protobuf wire format at `at`, and where the next field begins."""
    if wire_type == VARINT:
        return varint(message, at)
    if wire_type == BYTES:
        length, at = varint(message, at)
    elif wire_type in (FIXED64, FIXED32):
        length = 8 if wire_type == FIXED64 else 4
    else:
        raise damaged(f"wire type {wire_type}")
    if length > len(message) - at:
        raise damaged("it is cut off")
    return message[at : at + length], at + length


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """An unsigned base-128 number of at most 64 bits, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise damaged("it is cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise damaged("a number of more than ten bytes")


def packed(message: memoryview) -> list[int]:
    """Numbers written one after the other, as proto3 does by default."""
    numbers, at = [], 0
    while at < len(message):
        number, at = varint(message, at)
        numbers.append(number)
        if len(numbers) > 64:
            raise damaged("a tensor of more than 64 dimensions")
    return numbers


def chunk(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise damaged("a number where a message belongs")
    return value


def damaged(what: str) -> ModelError:
    return ModelError(f"this is no usable ONNX model: {what}", "copy, pull or export it again")
