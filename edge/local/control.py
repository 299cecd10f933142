"""Control on the spot: a Unix socket in the state folder, for this computer's own commands.

Where that folder takes none (a card that has gone read-only), it is below /run, in memory: a crew
must be able to call for help whatever its disk does.

One connection asks one thing: a line of JSON in, lines of progress perhaps, a line of JSON out.
Whoever may open the socket (its owner and group, and root) is an operator on the spot; the kernel
says who that is (SO_PEERCRED, unix(7)), and the name goes into the journal.
"""

import json
import os
import pwd
import selectors
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from config.language import packed, said
from drivers.clock import Clock
from edge.local.unix_socket import identity, listening, socket_paths
from edge.running.worker import Beat
from telemetry.commands.handling import OrderFailedError, OrderRefusedError, Progress
from telemetry.commands.strict_json import BadJsonError, loads_object
from telemetry.contract.wire_types import short, text

MAX_REQUEST_BYTES = 64 * 1024
REQUEST_WITHIN_S = 2.0  # from the connection to the end of the line
WRITE_WITHIN_S = 1.0  # whoever does not read its answer is left
CONNECTIONS = 8  # at once; more wait in the kernel's queue
LOOK_EVERY_S = 0.25
LOOK_AT_NAME_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One thing that somebody on the spot asks for."""

    name: str
    args: dict[str, Any]
    issuer: str  # local:USER
    uid: int
    progress: Progress  # 0..100, and what is being done; told to the asker at once


# Returns within a second or tells its progress. Raises OrderRefusedError or OrderFailedError.
LocalHandler = Callable[[Call], dict[str, Any] | None]


@dataclass(slots=True)
class _Caller:
    """Somebody who has connected, and what came of the line so far."""

    connection: socket.socket
    ends_mono_s: float
    line: bytearray = field(default_factory=bytearray)


class LocalControl:
    """Answers on the socket. `work` is one worker's; `register` before it starts.

    `note` is told of each request that was carried out, or refused with the code.
    """

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self.path, self._spare = socket_paths(state_dir)
        self.fault: str | None = None  # why there is no socket now
        self._clock = clock
        self._handlers: dict[str, LocalHandler] = {"ping": lambda _call: {"pid": os.getpid()}}
        self._callers: dict[int, _Caller] = {}
        self.note: Callable[[Call, str | None], None] = _no_note

    def register(self, name: str, handler: LocalHandler) -> None:
        if name in self._handlers:
            raise ValueError(f"{name} has a handler")
        self._handlers[name] = handler

    def work(self, beat: Beat, stop: threading.Event) -> None:
        """Serve until told to stop. A folder that takes no socket is a fault, and tried again."""
        while not stop.is_set():
            beat()
            try:
                self._listen(self.path, beat, stop)
            except OSError as error:
                self.fault = f"{self.path}: {error.strerror or error}"
                if error.errno is not None:  # the disk's doing, not somebody's in the way
                    with suppress(OSError):
                        self._listen(self._spare, beat, stop)
                stop.wait(1.0)

    def _listen(self, path: Path, beat: Beat, stop: threading.Event) -> None:
        with listening(path, CONNECTIONS) as listener:
            self.fault = None
            self._serve(listener, path, beat, stop)

    def _serve(
        self, listener: socket.socket, path: Path, beat: Beat, stop: threading.Event
    ) -> None:
        """Until stopped, or until the socket's name has gone from the folder."""
        ours = identity(path)
        looked_mono_s = self._clock.mono_s()
        with selectors.DefaultSelector() as ears:
            ears.register(listener, selectors.EVENT_READ)
            try:
                while not stop.is_set():
                    beat()
                    for key, _ in ears.select(LOOK_EVERY_S):
                        beat()  # each may take a second, and eight can ask at once
                        self._hear(key.fd, listener, ears)
                    self._drop_the_slow(ears)
                    if self._clock.mono_s() - looked_mono_s > LOOK_AT_NAME_S:
                        looked_mono_s = self._clock.mono_s()
                        if identity(path) != ours:
                            return
            finally:
                for handle in list(self._callers):
                    self._leave(handle, ears)

    def _hear(self, handle: int, listener: socket.socket, ears: selectors.BaseSelector) -> None:
        if handle != listener.fileno():
            self._read(handle, ears)
            return
        if len(self._callers) >= CONNECTIONS:
            self._drop_the_slow(ears)
            if len(self._callers) >= CONNECTIONS:
                self._leave(min(self._callers, key=lambda n: self._callers[n].ends_mono_s), ears)
        with suppress(BlockingIOError, ConnectionAbortedError):  # it has gone again
            connection, _ = listener.accept()
            connection.setblocking(False)
            ends_mono_s = self._clock.mono_s() + REQUEST_WITHIN_S
            self._callers[connection.fileno()] = _Caller(connection, ends_mono_s)
            ears.register(connection, selectors.EVENT_READ)

    def _read(self, handle: int, ears: selectors.BaseSelector) -> None:
        caller = self._callers.get(handle)
        if caller is None:
            return  # it had to leave for another in this very round
        try:
            data = caller.connection.recv(MAX_REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        caller.line += data
        if b"\n" in data or len(caller.line) > MAX_REQUEST_BYTES:
            self._answer(caller)
        elif data:
            return
        self._leave(handle, ears)

    def _drop_the_slow(self, ears: selectors.BaseSelector) -> None:
        now_mono_s = self._clock.mono_s()
        for handle, caller in list(self._callers.items()):
            if now_mono_s > caller.ends_mono_s:
                _tell(caller.connection, _refusal("malformed", "no line came in time"))
                self._leave(handle, ears)

    def _leave(self, handle: int, ears: selectors.BaseSelector) -> None:
        caller = self._callers.pop(handle)
        with suppress(KeyError):
            ears.unregister(caller.connection)
        caller.connection.close()

    def _answer(self, caller: _Caller) -> None:
        def progress(percent: int, words: str) -> None:
            _tell(caller.connection, {"progress": percent, "text": text(words)})

        try:
            call = _call_in(bytes(caller.line), caller.connection, progress)
            answer = {"ok": True, "result": self._carried_out(call)}
        except (OrderRefusedError, OrderFailedError) as error:
            answer = _refusal(error.code, said(error))
        except BadJsonError as error:
            answer = _refusal("malformed", str(error))
        _tell(caller.connection, answer)

    def _carried_out(self, call: Call) -> dict[str, Any] | None:
        handler = self._handlers.get(call.name)
        log = structlog.get_logger().bind(request=call.name, issuer=call.issuer)
        if handler is None:
            raise OrderRefusedError("unsupported", f"this unit does not know {short(call.name)}")
        try:
            result = handler(call)
        except (OrderRefusedError, OrderFailedError) as error:
            log.info("local_request_refused", code=error.code)
            self.note(call, error.code)
            raise
        log.info("local_request_done")
        self.note(call, None)
        return result


def _no_note(_call: Call, _code: str | None) -> None:
    """Nobody keeps a record."""


def _call_in(line: bytes, connection: socket.socket, progress: Progress) -> Call:
    """Raises BadJsonError."""
    if len(line) > MAX_REQUEST_BYTES:
        raise BadJsonError(f"more than {MAX_REQUEST_BYTES} bytes")
    asked = loads_object(line.partition(b"\n")[0])
    name, args = asked.get("name"), asked.get("args", {})
    if not isinstance(name, str) or not isinstance(args, dict):
        raise BadJsonError("a request has a name, and an object of args")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid = struct.unpack("3i", raw)[1]
    claimed = asked.get("user")
    # Root may be anybody, and says for whom it speaks (sudo); nobody else is asked.
    user = claimed if uid == 0 and isinstance(claimed, str) and claimed else user_name(uid)
    return Call(name=name, args=args, issuer=short(f"local:{user}"), uid=uid, progress=progress)


def by_whom() -> str:
    """Who does it, for the record: whoever became root by sudo has a name."""
    return f"local:{os.environ.get('SUDO_USER') or user_name()}"


def user_name(uid: int | None = None) -> str:
    """Of this process's user if none is given; the number where it has no name."""
    wanted = os.getuid() if uid is None else uid
    try:
        return pwd.getpwuid(wanted).pw_name
    except KeyError:
        return str(wanted)


def _refusal(code: str, words: str) -> dict[str, Any]:
    """In English, and so that whoever asks can say it in another language."""
    words = text(words)
    return {"ok": False, "code": code, "text": words, "told": packed(words)}


def _tell(connection: socket.socket, answer: dict[str, Any]) -> None:
    with suppress(OSError):  # it has gone, or does not read: its own affair
        connection.settimeout(WRITE_WITHIN_S)
        connection.sendall(json.dumps(answer).encode() + b"\n")
