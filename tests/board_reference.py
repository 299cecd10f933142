"""The C reference of the board link, compiled on this computer: as a board, and as a library."""

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[1] / "firmware_bridge" / "reference"
CORE = [REFERENCE / "patrol_frame.c", REFERENCE / "patrol_board.c"]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow"]
COMPILERS = ["gcc", "clang"]
SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def compiler(*names: str) -> str:
    """The first of these that is there; skips the test where none is."""
    for name in names or COMPILERS:
        if shutil.which(name):
            return name
    pytest.skip(f"no C compiler: {' or '.join(names or COMPILERS)} (apt-get install gcc clang)")


def compiled(folder: Path, source: str, *options: str, cc: str) -> Path:
    """One of reference/host/, with the reference itself."""
    made = folder / f"{Path(source).stem}.{cc}"
    sources = [str(REFERENCE / "host" / source), *map(str, CORE)]
    command = [cc, *STRICT, *options, f"-I{REFERENCE}", *sources, "-o", str(made)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return made


@contextmanager
def running(program: list[str], link: Path) -> Iterator["subprocess.Popen[str]"]:
    """A board on a pseudo-terminal. It ends when its stdin does; then it must end well."""
    with subprocess.Popen(
        [*program, str(link)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            told = process.stderr.readline()
            assert str(link) in told, told
            yield process
        finally:
            try:
                if process.poll() is None:
                    process.stdin.close()
                process.wait(20)
            finally:
                process.kill()
    assert process.returncode == 0


class Script:
    """The reference as a library, by a clock of ours."""

    def __init__(self, library: Path) -> None:
        self._c = ctypes.CDLL(str(library))
        self._c.script_poll.restype = ctypes.c_size_t
        self._room = ctypes.create_string_buffer(65_536)

    def start(self, now_ms: int) -> None:
        self._c.script_start(ctypes.c_uint32(now_ms))

    def step(self, data: bytes, now_ms: int) -> bytes:
        """Feed, poll; what it sends."""
        self._c.script_feed(data, ctypes.c_size_t(len(data)))
        room = ctypes.c_size_t(len(self._room))
        count = self._c.script_poll(ctypes.c_uint32(now_ms), self._room, room)
        return self._room.raw[:count]

    def press(self, number: int, *, pressed: bool) -> None:
        self._c.script_input(ctypes.c_uint8(number), ctypes.c_bool(pressed))

    def faults(self, bits: int, *, on: bool) -> None:
        self._c.script_faults(ctypes.c_uint16(bits), ctypes.c_bool(on))

    def crc32(self, data: bytes) -> int:
        self._c.pf_crc32.restype = ctypes.c_uint32
        return int(self._c.pf_crc32(data, ctypes.c_size_t(len(data))))

    def stuff(self, data: bytes) -> bytes:
        self._c.pf_cobs_encode.restype = ctypes.c_size_t
        out = ctypes.create_string_buffer(2 * len(data) + 2)
        count = self._c.pf_cobs_encode(data, ctypes.c_size_t(len(data)), out)
        return out.raw[:count]

    def unstuff(self, data: bytes) -> bytes | None:
        self._c.pf_cobs_decode.restype = ctypes.c_bool
        out, count = ctypes.create_string_buffer(len(data) + 1), ctypes.c_size_t()
        length = ctypes.c_size_t(len(data))
        if not self._c.pf_cobs_decode(data, length, out, ctypes.byref(count)):
            return None
        return out.raw[: count.value]

    def frame(self, kind: int, sequence: int, payload: bytes) -> bytes:
        """As pf_encode puts it on the line."""
        frame, out = _Frame(2, kind, sequence, len(payload)), ctypes.create_string_buffer(260)
        ctypes.memmove(frame.payload, payload, len(payload))
        self._c.pf_encode.restype = ctypes.c_size_t
        count = self._c.pf_encode(ctypes.byref(frame), out)
        return out.raw[:count]

    def unframe(self, stuffed: bytes) -> tuple[int, int, bytes] | None:
        """Type, sequence, payload, as pf_decode reads them; None where it refuses."""
        frame = _Frame()
        if self._c.pf_decode(stuffed, ctypes.c_size_t(len(stuffed)), ctypes.byref(frame)):
            return None
        return frame.type, frame.sequence, bytes(frame.payload)[: frame.length]


class _Frame(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint8),
        ("type", ctypes.c_uint8),
        ("sequence", ctypes.c_uint16),
        ("length", ctypes.c_uint8),
        ("payload", ctypes.c_uint8 * 240),
    )
