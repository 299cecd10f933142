"""What a bundle carries is tried before the unit changes over: models, runtimes, firmware."""

import base64
import csv
import hashlib
import io
import platform
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from config.loading import load
from config.slots import FILES, slot_folder
from edge.bundles.manifest import Platform
from edge.bundles.refusal import BundleError
from edge.bundles.slot_check import verify_slot
from edge.flashing import records
from edge.flashing.contents import runtime as trying_runtime
from perception.inference.catalogue import SHIPPED
from tests.flashing_stand import Stand, made
from tests.onnx_writer import constant_model
from tests.parts.test_firmware_command import Workshop
from tests.parts.test_simulated_board import simulated

MODEL = "nanodet_g_416_int8.onnx"
HERE = Platform(
    machine="aarch64" if platform.machine() == "aarch64" else "x86_64",
    python=f"{sys.version_info.major}.{sys.version_info.minor}",
)
START = """\
import sys
def main():
    if sys.argv[1] == "version":
        print("patrol-edge              9.9.9")
        return 0
    print("ok")
    return {check}
"""


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def refusal(stand: Stand, data: bytes) -> BundleError:
    with pytest.raises(BundleError) as found:
        stand.flash(data)
    return found.value


# --- models ---


def model_files(content: bytes) -> dict[str, bytes]:
    """With the entry of the shipped one."""
    known = yaml.safe_load((SHIPPED / "models.yaml").read_bytes())["models"]
    entry = next(each for each in known.values() if each["file"] == MODEL)
    digest = hashlib.sha256(content).hexdigest()
    own = entry | {"file": "mine.onnx", "sha256": digest, "size_bytes": len(content)}
    listed = yaml.safe_dump({"version": 1, "models": {"mine": own}}).encode()
    return {"mine.onnx": content, "models.yaml": listed}


def test_a_model_is_run_once_and_in_effect(stand: Stand) -> None:
    content = (SHIPPED / MODEL).read_bytes()
    outcome = stand.flash(made(model_files(content), "model", 1))
    assert "nanodet" in " ".join(outcome.notes)
    place = slot_folder(stand.unit.folder, "model", "a") / FILES / "mine.onnx"
    assert load(stand.unit.config).settings.perception.model == str(place)


def test_a_model_that_is_none_is_refused(stand: Stand) -> None:
    data = made({"mine.onnx": b"no model at all"}, "model", 1)
    assert refusal(stand, data).code == "invalid_model"
    two = {"a.onnx": b"x", "b.onnx": b"y"}
    assert refusal(stand, made(two, "model", 1)).code == "invalid_model"


def test_a_model_for_another_task_is_refused(stand: Stand) -> None:
    answer = {"out": np.zeros((1, 4), np.float32)}
    other = constant_model(answer, {"in": ((1, 7), 1)})
    found = refusal(stand, made({"mine.onnx": other}, "model", 1))
    assert found.code == "invalid_model"


# --- runtimes ---


def wheel(files: dict[str, str], name: str = "patrol_edge", more: str = "") -> bytes:
    """A wheel with its RECORD."""
    info = f"{name}-9.9.9.dist-info"
    content = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9.9\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n" + more,
    }
    record = io.StringIO()
    lines = csv.writer(record, lineterminator="\n")
    for path, text in content.items():
        raw = hashlib.sha256(text.encode()).digest()
        digest = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        lines.writerow([path, f"sha256={digest}", len(text.encode())])
    lines.writerow([f"{info}/RECORD", "", ""])
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", record.getvalue())
    return data.getvalue()


def program(check: int = 0, start: str | None = None) -> dict[str, str]:
    told = START.format(check=check) if start is None else start
    return {"edge/__init__.py": "", "edge/cli/__init__.py": "", "edge/cli/start.py": told}


def runtime(content: bytes, name: str = "patrol_edge-9.9.9-py3-none-any.whl") -> bytes:
    return made({name: content}, "runtime", 1, platform=HERE)


def test_a_runtime_is_unpacked_started_and_still_what_was_signed(stand: Stand) -> None:
    outcome = stand.flash(runtime(wheel(program())))
    assert "9.9.9" in " ".join(outcome.notes)
    slot = slot_folder(stand.unit.folder, "runtime", "a")
    assert (slot / FILES / "site" / "edge" / "cli" / "start.py").is_file()
    assert verify_slot(slot, stand.trust).serial == 1


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (wheel(program(start="raise SystemExit(7)")), None, "invalid_runtime"),
        (wheel(program(check=2)), None, "invalid_config"),
        (wheel({"x.py": ""}), None, "invalid_runtime"),
        (b"no wheel", None, "invalid_runtime"),
        (wheel({"../../x.py": ""} | program()), None, "invalid_runtime"),
        (wheel(program()), "patrol_edge-9.9.9-cp27-none-any.whl", "invalid_runtime"),
        (wheel(program()), "patrol_edge.whl", "invalid_runtime"),
    ],
)
def test_a_runtime_that_would_not_run_is_refused(
    stand: Stand, content: bytes, name: str | None, code: str
) -> None:
    data = runtime(content, *([name] if name else []))
    assert refusal(stand, data).code == code
    assert not (stand.unit.folder / "runtime" / "a").exists()


def test_a_runtime_that_hangs_is_refused(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying_runtime, "START_WITHIN_S", 0.5)
    slow = wheel(program(start="import time\ntime.sleep(60)\n"))
    assert "in time" in str(refusal(stand, runtime(slow)))


def test_a_runtime_for_another_computer_is_refused(stand: Stand) -> None:
    other = Platform(machine=HERE.machine, python="3.99")
    data = made({"a-1-py3-none-any.whl": b""}, "runtime", 1, platform=other)
    assert refusal(stand, data).code == "unsupported"


# --- firmware ---


def test_firmware_for_no_board_here_and_firmware_that_is_none_are_refused(stand: Stand) -> None:
    assert refusal(stand, made({"lamp.pefw": b"x"}, "firmware", 1)).code == "malformed"
    assert refusal(stand, made({"lamp.bin": b"x"}, "firmware", 1)).code == "malformed"
    left = [path.name for path in stand.unit.folder.iterdir()]
    assert not [name for name in left if name.startswith("firmware-")]


def test_firmware_in_a_bundle_goes_onto_the_board_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulated(tmp_path, "--flash", str(tmp_path / "flash")) as (port, control):
        shop = Workshop(tmp_path, port, control)
        stand = Stand(tmp_path)
        package = Path(shop.package("1.1.0", 5)).read_bytes()
        changes = {"made_for": {"units": ("car-07",)}}
        outcome = stand.flash(made({"lamp.pefw": package}, "firmware", 5, **changes))
        assert outcome.end == "flashed"
        assert outcome.notes == ("board lamp: 1.1.0, confirmed",)
        older = Path(shop.package("1.0.5", 4)).read_bytes()
        found = refusal(stand, made({"lamp.pefw": older}, "firmware", 6, **changes))
        assert "board lamp" in str(found)
        assert not stand.slots.lanes
        steps = [each["step"] for each in records.waiting(stand.unit.folder)]
        assert steps == ["flashing", "flashed", "flashing", "refused"]
