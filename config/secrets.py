"""Files that the unit keeps to itself: from where they come, who else may open them, how to read.

The one place for it: the check of a unit file, the link, the cameras and the keyring all ask here.

systemd hands credentials over in a folder of the service's own (systemd.exec(5), Credentials). A
unit file names them as `credential:NAME`; from the loading on they are paths like any other, so
that whoever reads them need not know.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from config.language import tell

CREDENTIAL = "credential:"
CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
ALL_CREDENTIALS = Path("/run/credentials")  # systemd's, with a folder for each service
SERVICE_CREDENTIALS = ALL_CREDENTIALS / "patrol-edge.service"
SHIPPED_CREDENTIALS = ("unit.key", "hub.password", "device.key")  # of patrol-edge.service
LONGEST_BYTES = 65_536  # of a key, a certificate chain, a password

# secret: nobody else may read it. intact: nobody else may change it, such as public keys.
# open: whatever anybody may do with it, since something else proves it.
Keeping = Literal["secret", "intact", "open"]
_FORBIDDEN: dict[Keeping, int] = {"secret": 0o077, "intact": 0o022, "open": 0}
# Where its file system has access lists, systemd shows a credential as 0440 (systemd issue 29435);
# nobody but the service can enter the folder.
_FORBIDDEN_IN_CREDENTIALS = 0o037


class SecretFileError(Exception):
    """The file is missing, or not fit to be trusted: the text says why, and what to do."""


class SecretMissingError(SecretFileError):
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Marks a field of the configuration whose file is kept, and may be a credential."""

    keeping: Keeping


SecretFile = Annotated[Path, Kept("secret")]
IntactFile = Annotated[Path, Kept("intact")]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the file system says of a file."""

    mode: int  # permission bits
    owner: int  # user id
    regular: bool = True

    @classmethod
    def of(cls, found: os.stat_result) -> "Standing":
        return cls(stat.S_IMODE(found.st_mode), found.st_uid, stat.S_ISREG(found.st_mode))


def credentials_folder(environ: Mapping[str, str]) -> Path:
    """Where this service's credentials lie; outside of a service, where they would."""
    return Path(environ.get("CREDENTIALS_DIRECTORY") or SERVICE_CREDENTIALS)


def credential_path(text: str, folder: Path) -> Path:
    """The path of `credential:NAME`. Raises ValueError with the cure for a name that is none."""
    name = text.removeprefix(CREDENTIAL)
    if not CREDENTIAL_NAME.fullmatch(name):
        raise ValueError(tell("is no credential's name; write e.g. credential:unit.key"))
    return folder / name


def credstore(path: Path) -> Path:
    """Where the shipped service has this credential from."""
    return Path(f"/etc/credstore/patrol-edge.{path.name}")


def is_credential(path: Path) -> bool:
    """True for a file in a folder that systemd made for a service."""
    own = os.environ.get("CREDENTIALS_DIRECTORY")
    return path.parent.parent == ALL_CREDENTIALS or (own is not None and path.parent == Path(own))


def unfit(path: Path, standing: Standing, keeping: Keeping = "secret") -> str | None:
    """Why this file is not fit to be trusted, with the cure; None if it is.

    It must be a regular file, belong to root or to this user (root may look at anybody's), and be
    closed to all others.
    """
    if not standing.regular:
        return tell("{path} is not a regular file; give one that is", path=path)
    forbidden = _FORBIDDEN[keeping]
    if keeping == "secret" and is_credential(path):
        forbidden = _FORBIDDEN_IN_CREDENTIALS
    if standing.mode & forbidden:
        if keeping == "secret":
            return tell(
                "{path} is open to other users (mode {mode:04o}); run: chmod 600 {path}",
                path=path,
                mode=standing.mode,
            )
        return tell(
            "{path} may be changed by other users (mode {mode:04o}); run: chmod 644 {path}",
            path=path,
            mode=standing.mode,
        )
    user = os.geteuid()
    if keeping != "open" and user != 0 and standing.owner not in (user, 0):
        return tell(
            "{path} belongs to another user (number {owner}); run: chown {user} {path}",
            path=path,
            owner=standing.owner,
            user=user,
        )
    return None


def missing(path: Path) -> str:
    """What to say of a file that is not there. The name itself may be a secret put there by
    mistake, so only its folder is told; the configuration has the line."""
    if is_credential(path):
        shipped = (
            tell("put it into {credstore}, or ", credstore=credstore(path))
            if path.name in SHIPPED_CREDENTIALS
            else ""
        )
        return tell(
            "systemd has handed over no credential {name}; {shipped}add it to the "
            "service (systemctl edit patrol-edge): "
            "LoadCredential={name}:/etc/patrol-edge/{name}",
            name=path.name,
            shipped=shipped,
        )
    return tell(
        "there is no such file in {parent}; copy it there, or correct the path", parent=path.parent
    )


def check_kept(path: Path, keeping: Keeping = "secret") -> None:
    """Raises SecretFileError where the file is missing or not fit to be trusted."""
    try:
        standing = Standing.of(path.stat())
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if (text := unfit(path, standing, keeping)) is not None:
        raise SecretFileError(text)


def read_kept(path: Path, keeping: Keeping = "secret", most_bytes: int = LONGEST_BYTES) -> bytes:
    """The content of a file that is kept. Raises SecretFileError.

    What is checked is what is read: a file that is swapped meanwhile is not taken for it.
    """
    try:
        # Opening a pipe would wait for whoever writes to it.
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    try:
        if (text := unfit(path, Standing.of(os.fstat(number)), keeping)) is not None:
            raise SecretFileError(text)
        content = os.read(number, most_bytes + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(number)
    if len(content) > most_bytes:
        raise SecretFileError(
            tell(
                "{path} is larger than {size} KiB; is it the right file?",
                path=path,
                size=most_bytes // 1024,
            )
        )
    return content


def read_line(path: Path, what: str) -> str:
    """The one line of text in a secret file. `what` names it in errors. Raises SecretFileError."""
    try:
        text = read_kept(path).decode()
    except UnicodeDecodeError:  # not chained: its text shows the bytes
        raise SecretFileError(
            tell("{path} is not text; write {what} on one line into it", path=path, what=what)
        ) from None
    line, _, rest = text.removesuffix("\n").removesuffix("\r").partition("\n")
    if not line or rest:
        raise SecretFileError(
            tell("{path} must be one line; write {what} into it", path=path, what=what)
        )
    return line


def _unreadable(path: Path, error: OSError | ValueError) -> SecretFileError:
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return SecretMissingError(missing(path))
    if isinstance(error, PermissionError):
        text = tell(
            "{path} may not be read by this user; run: chown {user} {path}",
            path=path,
            user=os.geteuid(),
        )
        return SecretFileError(text)
    return SecretFileError(
        tell("{path} cannot be read ({why}); copy it again", path=path, why=error.strerror)
    )
