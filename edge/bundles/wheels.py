"""The wheels of a runtime: that they run where it is for, and that none is missing.

A unit has no network to get what is missing from, so whatever the runtime needs (core metadata,
Requires-Dist, through all that it leads to) must be there. What only an extra's package asks for is
told: such a set may be meant, as with opencv-python-headless in place of opencv-python.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from config.language import tell
from edge.bundles.manifest import Manifest, Platform
from edge.bundles.refusal import BundleError

OURS = "patrol-edge"
NEWEST_GLIBC = 35  # 2.35, of the oldest system that units run (Ubuntu 22.04); Debian 12 has 2.36
ANEW = tell("pip download --only-binary=:all: --platform PLATFORM --python-version VERSION")
MOST_METADATA_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wheel:
    name: str
    version: Version
    file: str
    path: Path
    tags: frozenset[Tag]


def check_wheels(manifest: Manifest, files: Mapping[str, Path]) -> list[str]:
    """What else is missing. Raises BundleError naming every wheel that does not fit, and those
    without which the runtime cannot start."""
    platform = manifest.platform
    if platform is None:
        raise BundleError("malformed", tell("a runtime says where it runs"))
    wheels = [_wheel(name, path) for name, path in files.items()]
    _refuse_twice(wheels)
    fitting = frozenset(tags_of(platform))
    if wrong := [each.file for each in wheels if not each.tags & fitting]:
        text = tell("not for {machine} with Python {python}: {files}",
                    machine=platform.machine, python=platform.python,
                    files=", ".join(wrong))  # fmt: skip
        raise BundleError("unsupported", text, ANEW)
    if OURS not in (each.name for each in wheels):
        raise BundleError("malformed", tell("there is no wheel of {ours}", ours=OURS))
    asked = {each.name: _asked(each, platform) for each in wheels}
    there = {each.name: each.version for each in wheels}
    missing = {name: [str(each) for each in wanted if not _met(each, there)]
               for name, wanted in asked.items()}  # fmt: skip
    needed = sorted(each for name in _reached(asked) for each in missing[name])
    if needed:
        text = tell("wheels are missing: {what}", what=", ".join(needed))
        raise BundleError("malformed", text, tell("add them: there is no network on a unit"))
    return [
        tell("{name} asks for what is not there: {what}", name=name, what=", ".join(wanted))
        for name, wanted in missing.items()
        if wanted
    ]


def _reached(asked: Mapping[str, list[Requirement]]) -> set[str]:
    """The runtime's own wheel, and all that it leads to and that is there."""
    found, waiting = set[str](), [OURS]
    while waiting:
        name = waiting.pop()
        if name in asked and name not in found:
            found.add(name)
            waiting += [str(canonicalize_name(each.name)) for each in asked[name]]
    return found


def _met(wanted: Requirement, there: Mapping[str, Version]) -> bool:
    found = there.get(canonicalize_name(wanted.name))
    return found is not None and wanted.specifier.contains(found, prereleases=True)


def tags_of(platform: Platform) -> Iterator[Tag]:
    """What runs there: CPython of this version, on glibc up to 2.35 (PEP 425, PEP 600)."""
    major, minor = map(int, platform.python.split("."))
    machine = platform.machine
    platforms = [
        *(f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_GLIBC, 16, -1)),
        f"manylinux2014_{machine}",
        f"linux_{machine}",
    ]
    if machine == "x86_64":  # older names (PEP 513, PEP 571) are of this machine alone
        older = (f"manylinux_2_{minor}_{machine}" for minor in range(16, 4, -1))
        platforms += [*older, "manylinux2010_x86_64", "manylinux1_x86_64"]
    interpreter = f"cp{major}{minor}"
    yield from cpython_tags((major, minor), platforms=platforms)
    yield from compatible_tags((major, minor), interpreter, platforms)


def _wheel(name: str, path: Path) -> Wheel:
    try:
        found, version, _, tags = parse_wheel_filename(name)
    except InvalidWheelFilename as error:
        text = tell("{name} is no wheel; a runtime holds nothing else", name=name)
        raise BundleError("malformed", text, ANEW) from error
    return Wheel(str(found), version, name, path, tags)


def _refuse_twice(wheels: list[Wheel]) -> None:
    names = [each.name for each in wheels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        text = tell("more than one wheel of {names}", names=", ".join(twice))
        raise BundleError("malformed", text, tell("keep one of each"))


def _asked(wheel: Wheel, platform: Platform) -> list[Requirement]:
    """What it needs there, without its extras. Raises BundleError."""
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": platform.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{platform.python}.0",
        "python_version": platform.python,
        "sys_platform": "linux",
        "extra": "",
    }
    wanted = _requirements(wheel)
    return [each for each in wanted if each.marker is None or each.marker.evaluate(environment)]


def _requirements(wheel: Wheel) -> list[Requirement]:
    """Raises BundleError for what is no wheel inside."""
    try:
        with zipfile.ZipFile(wheel.path) as archive:
            entry = next(
                each
                for each in archive.infolist()
                if each.filename.endswith(".dist-info/METADATA") and each.filename.count("/") == 1
            )
            with archive.open(entry) as file:
                metadata = BytesParser().parsebytes(file.read(MOST_METADATA_BYTES))
        return [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    except (zipfile.BadZipFile, StopIteration, InvalidRequirement, OSError, ValueError) as error:
        text = tell("{file} is damaged: {why}", file=wheel.file, why=str(error) or "METADATA")
        raise BundleError("malformed", text, ANEW) from error
