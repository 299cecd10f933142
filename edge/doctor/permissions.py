"""Who may read, change and command what: secrets, the unit's file, the keys that are trusted."""

import grp
import stat
from collections.abc import Iterator
from pathlib import Path

from config.language import halves, said, tell
from config.secrets import SecretFileError, SecretMissingError, check_kept, is_credential
from edge.booting.state_folder import usual_trust
from edge.doctor.case import Case
from edge.doctor.kept_files import kept_files
from edge.doctor.line import Line, fault, none, ok, warning
from edge.doctor.service import NAME, user_id

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def examine(case: Case) -> Iterator[Line]:
    yield from _secrets(case)
    yield _file(case.file)
    yield _anchor(case)
    yield _group()


def _secrets(case: Case) -> Iterator[Line]:
    """Those that are there: of a missing one the group config tells."""
    sound = 0
    for file in kept_files(case.settings):
        if is_credential(file.path):
            continue  # the service gets it at its start, and nobody else
        try:
            check_kept(file.path, file.keeping)
        except SecretMissingError:
            continue
        except SecretFileError as error:
            text, cure = halves(said(error))
            cure = cure or tell("give it to the service's user, for that alone: chmod 600")
            yield fault("secret_unfit", file.key, text, cure)
        else:
            sound += 1
    told = tell("{count} files of keys and passwords, each for those that need it", count=sound)
    yield ok("secrets", told) if sound else none("secrets", tell("no files of keys or passwords"))


def _file(path: Path) -> Line:
    """The unit's file says whom it obeys, so the service must not change it, nor anybody else."""
    try:
        found = path.stat()
    except OSError as error:
        return none("unit file", tell("it cannot be looked at: {why}", why=error.strerror))
    if found.st_mode & OTHERS_WRITE or found.st_uid == user_id():
        text = tell("{file} may be changed by others than root", file=path)
        cure = tell(
            "sudo chown root:{group} {file} && sudo chmod 640 {file}", group=NAME, file=path
        )
        return warning("config_open", "unit file", text, cure)
    return ok("unit file", tell("mode {mode:04o}", mode=stat.S_IMODE(found.st_mode)))


def _anchor(case: Case) -> Line:
    """Whose signatures count: whoever may change that may flash anything."""
    settings = case.settings
    path = settings.security.trust or usual_trust(case.file, settings.state_dir)
    try:
        found, folder = path.lstat(), path.parent.stat()
    except FileNotFoundError:
        return none("trust", tell("no list of keys: nothing can be flashed onto this unit"))
    except OSError as error:
        return none("trust", tell("it cannot be looked at: {why}", why=error.strerror))
    theirs = any(one.st_uid != 0 or one.st_mode & OTHERS_WRITE for one in (found, folder))
    if theirs or stat.S_ISLNK(found.st_mode):
        text = tell("{file} or its folder may be changed by others than root", file=path)
        cure = tell(
            "keep it in /etc/patrol-edge (security.trust), root's: whoever changes it decides "
            "whose bundles are taken"
        )
        return warning("trust_open", "trust", text, cure)
    return ok("trust", tell("{file} is root's", file=path))


def _group() -> Line:
    """Whoever is in it may give orders on the spot."""
    try:
        names = grp.getgrnam(NAME).gr_mem
    except KeyError:
        return none("on the spot", tell("there is no group {group}: root alone", group=NAME))
    if not names:
        return ok("on the spot", tell("nobody but root and the service is in its group"))
    told = tell("{names} may control the unit on the spot", names=", ".join(sorted(names)))
    return ok("on the spot", told)
