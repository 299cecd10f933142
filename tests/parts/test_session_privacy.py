"""A unit speaks to its hub and to nobody else: no telemetry of ONNX Runtime's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import perception.models

MODEL = Path(perception.models.__file__).with_name("nanodet_g_416.onnx")
LIBRARY_ALONE = f"import onnxruntime; onnxruntime.InferenceSession({str(MODEL)!r})"
OURS = (
    "from perception.inference.session import Session; from pathlib import Path; "
    f"Session.open(Path({str(MODEL)!r}).read_bytes(), providers=['cpu'], threads=1)"
)


def files_after(script: str, home: Path) -> list[str]:
    """What lies in a fresh home after the script: the library keeps its device id there."""
    home.mkdir()
    # It is silent under CI by itself, which would make this test see nothing.
    hidden = {"CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    subprocess.run(
        [sys.executable, "-c", script], check=True, timeout=60, env=environ | {"HOME": str(home)}
    )
    return [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]


def test_opening_a_model_leaves_nothing_behind_and_calls_nobody(tmp_path: Path) -> None:
    if not files_after(LIBRARY_ALONE, tmp_path / "control"):
        pytest.skip("this build of ONNX Runtime keeps no telemetry files to look for")
    assert files_after(OURS, tmp_path / "ours") == []
