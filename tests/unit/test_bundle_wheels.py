"""A runtime's wheels: that they run where it is for, and that none is missing."""

import platform as host
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.tags import sys_tags

from edge.bundles.manifest import Platform
from edge.bundles.refusal import BundleError
from edge.bundles.wheels import check_wheels, tags_of
from tests.bundle_maker import manifest_of

X86: dict[str, Any] = {"machine": "x86_64", "python": "3.11"}


def wheel(folder: Path, name: str, *requires: str) -> Path:
    package, version = name.split("-")[:2]
    lines = [f"Name: {package}", f"Version: {version}", *(f"Requires-Dist: {x}" for x in requires)]
    path = folder / f"{name}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{package}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")
    return path


def check(*paths: Path, platform: dict[str, Any] = X86) -> list[str]:
    manifest = manifest_of({"x": b""}, kind="runtime", platform=platform)
    return check_wheels(manifest, {path.name: path for path in paths})


def refused(*paths: Path, platform: dict[str, Any] = X86) -> BundleError:
    with pytest.raises(BundleError) as caught:
        check(*paths, platform=platform)
    return caught.value


def test_a_whole_set_is_taken(tmp_path: Path) -> None:
    ours = wheel(tmp_path, "patrol_edge-0.2.0-py3-none-any", "numpy>=2", "pymodbus; extra == 'm'")
    numpy = wheel(tmp_path, "numpy-2.4.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64")
    assert check(ours, numpy) == []


def test_what_only_an_extra_asks_for_is_told(tmp_path: Path) -> None:
    ours = wheel(tmp_path, "patrol_edge-0.2.0-py3-none-any")
    plates = wheel(tmp_path, "rapidocr-1.4-py3-none-any", "opencv-python>=4")
    assert check(ours, plates) == ["rapidocr asks for what is not there: opencv-python>=4"]


def test_what_the_runtime_needs_through_others_must_be_there(tmp_path: Path) -> None:
    ours = wheel(tmp_path, "patrol_edge-0.2.0-py3-none-any", "Pydantic>=2")
    other = wheel(
        tmp_path, "pydantic-2.14.0-py3-none-any", "pydantic_core==2.50.4", "tzdata; os_name == 'nt'"
    )
    assert "pydantic_core==2.50.4" in str(refused(ours, other))
    old = wheel(tmp_path, "pydantic_core-2.40.0-cp311-cp311-manylinux2014_x86_64")
    assert "pydantic_core==2.50.4" in str(refused(ours, other, old))


@pytest.mark.parametrize(
    "name",
    [
        "numpy-2.4.0-cp311-cp311-manylinux_2_27_aarch64",
        "numpy-2.4.0-cp312-cp312-manylinux_2_27_x86_64",
        "numpy-2.4.0-cp311-cp311-manylinux_2_39_x86_64",
        "numpy-2.4.0-cp311-cp311-musllinux_1_2_x86_64",
        "numpy-2.4.0-cp311-cp311-win_amd64",
    ],
)
def test_what_does_not_run_there_is_named(tmp_path: Path, name: str) -> None:
    error = refused(wheel(tmp_path, "patrol_edge-0.2.0-py3-none-any"), wheel(tmp_path, name))
    assert (error.code, name in str(error)) == ("unsupported", True)


def test_what_is_no_wheel_or_there_twice_is_refused(tmp_path: Path) -> None:
    ours = wheel(tmp_path, "patrol_edge-0.2.0-py3-none-any")
    text = tmp_path / "readme.txt"
    text.write_text("x")
    damaged = tmp_path / "numpy-2.4.0-py3-none-any.whl"
    damaged.write_bytes(b"x" * 100)
    two = wheel(tmp_path, "patrol_edge-0.3.0-py3-none-any")
    assert "no wheel" in str(refused(ours, text))
    assert "damaged" in str(refused(ours, damaged))
    assert "more than one wheel of patrol-edge" in str(refused(ours, two))
    numpy = wheel(tmp_path, "numpy-2.4.0-cp311-cp311-manylinux2014_x86_64")
    assert "no wheel of patrol-edge" in str(refused(numpy))


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_all_that_is_plain_python_runs_everywhere(machine: str, python: str) -> None:
    platform = Platform.model_validate({"machine": machine, "python": python})
    found = {str(tag) for tag in tags_of(platform)}
    assert {"py3-none-any", f"cp{python.replace('.', '')}-abi3-linux_{machine}"} <= found
    assert "cp37-abi3-manylinux_2_17_" + machine in found


def test_what_we_say_runs_here_does() -> None:
    machine, here = host.machine(), f"{sys.version_info.major}.{sys.version_info.minor}"
    ours = {str(tag) for tag in sys_tags()}
    if machine not in ("x86_64", "aarch64") or f"py3-none-manylinux_2_35_{machine}" not in ours:
        pytest.skip("units have another processor, or a newer glibc")
    platform = Platform.model_validate({"machine": machine, "python": here})
    assert {str(tag) for tag in tags_of(platform)} <= ours
