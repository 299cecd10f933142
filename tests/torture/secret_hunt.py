"""Search what a program let out for planted secrets, and show that the search finds them."""

import base64
import os
import resource
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.torture.trials import held


@dataclass(slots=True)
class Hunt:
    """What is looked for, and everything that was let out so far."""

    folder: Path
    words: dict[str, str] = field(default_factory=dict)  # by what they are
    let_out: dict[str, bytes] = field(default_factory=dict)  # by where it was seen

    def plant(self, what: str, text: str | None = None) -> str:
        self.words[what] = text or secrets.token_hex(12)
        return self.words[what]

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Each secret as it is, and as programs write such things."""
        for what, word in self.words.items():
            raw = word.encode()
            for form in (
                raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode(), quote(word).encode(),
                raw.decode().encode("utf-16-le"),
            ):  # fmt: skip
                yield what, form

    def hits(self, places: dict[str, bytes]) -> list[str]:
        return [
            f"{what} in {place}"
            for what, form in self.forms()
            for place, content in places.items()
            if form in content
        ]


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def allow_core_dumps() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def controls(hunt: Hunt, folder: Path) -> str:
    """That the search finds what is there, and that a core dump would have been."""
    leaks = list(hunt.forms())
    blind = [what for what, form in leaks if not hunt.hits({"x": b"..." + form + b"..."})]
    held(not blind, f"the search does not see: {blind}")
    planted = folder / "planted"
    planted.mkdir()
    (planted / "outbox.db").write_bytes(os.urandom(4096) + hunt.words["password"].encode())
    held(hunt.hits(files_in(planted)), "the search does not see a file with a password")
    return f"{len(leaks)} of {len(leaks)} seen when planted, {core_dump(hunt, folder)}"


def core_dump(hunt: Hunt, folder: Path) -> str:
    """A program that reads the same file and does not forbid dumps, killed the same way."""
    place = folder / "dump"
    place.mkdir()
    code = (
        "import os, sys; word = open(sys.argv[1]).read(); print('read', flush=True); "
        "os.kill(os.getpid(), 11)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(folder / "keys" / "password")],
        cwd=place,
        check=False,
        capture_output=True,
        preexec_fn=allow_core_dumps,
    )
    if not list(place.iterdir()):
        return "core dumps go elsewhere on this machine"
    held(hunt.hits(files_in(place)), "the core dump of the control holds no password")
    return "a careless program's core dump holds the password"
