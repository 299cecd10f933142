"""The key that a command is signed with, from a file."""

from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import USAGE, CommandError

if TYPE_CHECKING:
    from telemetry.hub.orders import Signer


def signer_of(path: Path | None, kid: str | None) -> "Signer | None":
    """None without a file. Raises CommandError for one that is no private key of its owner's."""
    from telemetry.commands.files import FileRefusedError
    from telemetry.commands.keys import read_private_key
    from telemetry.hub.orders import Signer

    if path is None:
        return None
    try:
        key = read_private_key(path)
    except FileRefusedError as error:
        if not _may_hold_one(path):  # to close it to others would be no cure
            cure = "give the one that `patrol-edge keys new` or `openssl genpkey` made"
            raise CommandError(f"--key: {path} is no private key", cure, USAGE) from error
        raise CommandError(f"--key: {error}", error.cure, USAGE) from error
    except FileNotFoundError as error:
        raise CommandError(
            f"--key: there is no {path}", "make one with `patrol-edge keys new`", USAGE
        ) from error
    return Signer(key, kid or key.public.kid)


def _may_hold_one(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"PRIVATE KEY" in file.read(64 * 1024)
    except OSError:
        return True
