"""Asking the unit that runs on this computer, through its socket."""

import json
import os
import socket
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from config.language import tell, unpacked
from edge.local.unix_socket import address_of, socket_paths
from telemetry.commands.handling import OrderRefusedError, Progress
from telemetry.commands.strict_json import BadJsonError, loads_object

MAX_ANSWER_BYTES = 8 * 1024 * 1024


NOBODY_THERE = (FileNotFoundError, NotADirectoryError, ConnectionRefusedError)


class NoUnitError(Exception):
    """Nobody answers. The text says why, `cure` what to do."""

    def __init__(self, words: str, cure: str) -> None:
        super().__init__(words)
        self.cure = cure


def ask(
    state_dir: Path,
    name: str,
    args: dict[str, Any] | None = None,
    *,
    timeout_s: float = 10.0,
    progress: Progress = lambda _percent, _text: None,
) -> dict[str, Any]:
    """What the unit that runs in this state folder answers.

    Raises NoUnitError, and what its handler raised: OrderRefusedError (or OrderFailedError as it).
    """
    path, spare = socket_paths(state_dir)
    request = {"name": name, "args": args or {}, "user": os.environ.get("SUDO_USER", "")}
    with suppress(*NOBODY_THERE):
        return _asked(path, request, timeout_s, progress)
    try:
        return _asked(spare, request, timeout_s, progress)
    except NOBODY_THERE as error:
        raise NoUnitError(
            tell("no unit runs in {folder}", folder=str(state_dir)),
            tell("start it: systemctl start patrol-edge"),
        ) from error


def _asked(
    path: Path, request: dict[str, Any], timeout_s: float, progress: Progress
) -> dict[str, Any]:
    """Raises NoUnitError; NOBODY_THERE where nobody listens under this name."""
    try:
        with address_of(path) as address, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(address)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                return _result(lines, progress)
    except NOBODY_THERE:
        raise
    except PermissionError as error:
        raise NoUnitError(
            tell("{path} may not be used by this user", path=str(path)),
            tell("ask with sudo, or as the service's user"),
        ) from error
    except OSError as error:
        raise NoUnitError(
            tell("the unit gives no answer: {why}", why=error),
            tell("see `journalctl -u patrol-edge`"),
        ) from error


def _result(lines: BufferedReader, progress: Progress) -> dict[str, Any]:
    while line := lines.readline(MAX_ANSWER_BYTES):
        try:
            answer = loads_object(line)
        except BadJsonError as error:
            raise OSError(f"it answers {error}") from error
        if "progress" in answer:
            progress(int(answer["progress"]), str(answer.get("text", "")))
        elif answer.get("ok") is True:
            return dict(answer.get("result") or {})
        else:
            words = unpacked(str(answer.get("text")), answer.get("told"))
            raise OrderRefusedError(str(answer.get("code")), words)
    raise OSError("it closed the connection")
