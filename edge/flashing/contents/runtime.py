"""A flashed runtime: its wheels unpacked beside it, and started once as the launcher starts it."""

import os
import platform
import stat
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from config.language import tell
from config.slots import FILES
from edge.booting.runtime import CODE, PYTHON, SITE
from edge.bundles.manifest import Manifest
from edge.bundles.refusal import BundleError
from edge.flashing.contents.children import Ended, run
from edge.flashing.space import need_room
from edge.flashing.unit import Unit
from edge.slots.folders import give_all_away, remove, sync_all

WHEEL = ".whl"
MOST_UNPACKED_BYTES = 4 * 2**30
MOST_UNPACKED_FILES = 60_000
START_WITHIN_S = 60.0
ANEW = tell("build the bundle anew on a computer like this one: patrol-edge bundle build")


def try_runtime(unit: Unit, slot: Path, manifest: Manifest) -> tuple[str, ...]:
    """Raises BundleError, OSError."""
    wanted = manifest.platform
    if wanted is None or (wanted.machine, wanted.python) != (platform.machine(), PYTHON):
        told = tell(
            "this runtime is for {machine} with Python {python}; here is {here} with {there}",
            machine="?" if wanted is None else wanted.machine,
            python="?" if wanted is None else wanted.python,
            here=platform.machine(), there=PYTHON,
        )  # fmt: skip
        raise BundleError("unsupported", told, tell("take the one that was made for this computer"))
    files = slot / FILES
    wheels = [files / file.name for file in manifest.files if file.name.endswith(WHEEL)]
    if len(wheels) != len(manifest.files):
        told = tell("this runtime holds something else than wheels")
        raise BundleError("invalid_runtime", told, ANEW)
    site = files / SITE
    _unpack(wheels, site)
    give_all_away(site)
    sync_all(site)
    return (_started(unit, slot, site),)


# --- unpacking ---


def _unpack(wheels: list[Path], site: Path) -> None:
    remove(site)
    try:
        total_bytes, count = _looked_through(wheels)
        need_room(site.parent, total_bytes, count)
        site.mkdir(mode=0o700)
        for wheel in wheels:
            _unpack_one(wheel, site)
    except (zipfile.BadZipFile, InstallerError, InvalidWheelFilename, KeyError) as error:
        raise _unusable(str(error).splitlines()[0] if str(error) else "?") from error
    except (ValueError, FileExistsError, NotImplementedError, AssertionError) as error:
        raise _unusable(str(error)) from error


def _looked_through(wheels: list[Path]) -> tuple[int, int]:
    """How many bytes and files they unpack to. Raises BundleError, zipfile.BadZipFile."""
    fitting = frozenset(sys_tags())
    total_bytes = count = 0
    for wheel in wheels:
        *_, tags = parse_wheel_filename(wheel.name)
        if not tags & fitting:
            raise _unusable(tell("{file} does not run on this computer", file=wheel.name))
        with zipfile.ZipFile(wheel) as archive:
            for item in archive.infolist():
                _check_name(item, wheel)
                total_bytes += item.file_size
                count += 1
    if total_bytes > MOST_UNPACKED_BYTES or count > MOST_UNPACKED_FILES:
        raise _unusable(tell("it unpacks to {mib} MiB in {count} files, which is too much",
                             mib=total_bytes >> 20, count=count))  # fmt: skip
    return total_bytes, count


def _check_name(item: zipfile.ZipInfo, wheel: Path) -> None:
    mode = item.external_attr >> 16
    path = PurePosixPath(item.filename)
    odd = mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and stat.S_IFMT(mode)
    if odd or path.is_absolute() or ".." in path.parts or "\\" in item.filename:
        raise _unusable(tell("{file} holds what no wheel may", file=wheel.name))


def _unpack_one(wheel: Path, site: Path) -> None:
    """Its sizes are what its directory says: zipfile reads no more than that of each."""
    places = {"purelib": site, "platlib": site, "headers": site / ".headers"}
    places |= {"scripts": site / ".bin", "data": site / ".data"}
    destination = SchemeDictionaryDestination(
        {name: str(place) for name, place in places.items()},
        interpreter=sys.executable,
        script_kind="posix",
    )
    with WheelFile.open(wheel) as source:
        source.validate_record()
        install(source, destination, additional_metadata={"INSTALLER": b"patrol-edge\n"})


def _unusable(why: str) -> BundleError:
    told = tell("the runtime cannot be unpacked: {why}", why=why)
    return BundleError("invalid_runtime", told, ANEW)


# --- starting ---


def _started(unit: Unit, slot: Path, site: Path) -> str:
    """As the launcher does it, twice: who it is, and whether it takes this unit's file."""
    first = _run(slot, site, ["version"])
    if first.code != 0:
        raise _fails(first)
    check = _run(slot, site, ["config", "check", str(unit.config.absolute())])
    if check.code not in (0, 2):
        raise _fails(check)
    if check.code == 2 and _run_own(slot, unit).code == 0:
        told = tell("this runtime does not take the configuration in use: {why}", why=check.words)
        cure = tell("flash a configuration for it first, or take another runtime")
        raise BundleError("invalid_config", told, cure)
    version = next(_words_of(first.stdout), "?")
    return tell("it starts: runtime {version}", version=version)


def _words_of(stdout: str) -> Iterator[str]:
    for line in stdout.splitlines():
        name, _, rest = line.partition(" ")
        if name == "patrol-edge":
            yield rest.strip()


def _run(slot: Path, site: Path, arguments: list[str]) -> Ended:
    code = CODE.format(site=str(site))
    command = [sys.executable, "-B", "-I", "-S", "-c", code, *arguments]
    return run(command, home=slot, time_s=START_WITHIN_S, environ=_environ())


def _run_own(slot: Path, unit: Unit) -> Ended:
    """What the runtime that runs now says of the same file."""
    command = [sys.executable, "-B", "-P", "-m", "edge.cli.start", "config", "check"]
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    environ = _environ() | {"PYTHONPATH": path.rstrip(os.pathsep)}
    config = str(unit.config.absolute())
    return run([*command, config], home=slot, time_s=START_WITHIN_S, environ=environ)


def _environ() -> dict[str, str]:
    """English, so that what it says can be told on."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    return kept | {"LC_ALL": "C.UTF-8"}


def _fails(ended: Ended) -> BundleError:
    told = tell("this runtime does not start here: {why}", why=ended.words)
    return BundleError("invalid_runtime", told, ANEW)
