"""A flashed model: looked through, and run once, in a process with limits.

Against what such files have been made to do, see docs/security.md and S-MODEL-1: data outside of
the file, custom operators, tensors of gigabytes, loops without end.
"""

import json
import os
import sys
from pathlib import Path

from config.language import tell
from config.slots import FILES
from edge.bundles.manifest import Manifest
from edge.bundles.refusal import BundleError
from edge.flashing.contents.children import run

MEMORY_BYTES = 6 * 2**30  # address space; ONNX Runtime and OpenCV reserve more than they use
TIME_S = 180.0  # the trial itself gives the model 60 s
ENDING = ".onnx"
ROOT = Path(__file__).parents[3]


def try_model(slot: Path, manifest: Manifest) -> tuple[str, ...]:
    """Returns what it turned out to be. Raises BundleError, OSError."""
    models = [file.name for file in manifest.files if file.name.endswith(ENDING)]
    if len(models) != 1:
        told = tell("it holds {count} models; it must be one", count=len(models))
        raise BundleError("invalid_model", told, tell("build a bundle for each"))
    path = slot / FILES / models[0]
    code = "import sys; from edge.flashing.contents.model import child; child(sys.argv[1])"
    environ = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-c", code, str(path)]
    ended = run(command, home=slot, time_s=TIME_S, environ=environ)
    try:
        found = json.loads(ended.stdout)
    except ValueError:
        found = {"error": ended.words}
    if ended.code != 0 or "error" in found:
        told = tell("the model cannot be used: {why}", why=str(found.get("error", ended.how)))
        cure = str(found.get("cure") or "") or tell("export it again, or take another")
        raise BundleError("invalid_model", told, cure)
    size = found["input_px"]
    told = tell("the model is a {family} for pictures of {size}", family=found["family"],
                size="x".join(map(str, size)) if size else "?")  # fmt: skip
    return (told,)


def child(path: str) -> None:
    """In the process of its own: one JSON object on stdout."""
    import resource
    from dataclasses import replace

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    from perception.errors import PerceptionError
    from perception.inference.catalogue import Catalogue
    from perception.verifying import verify

    try:
        spec = Catalogue(Path(path).parent).find(path)
        found = verify(replace(spec, untried=True))
    except PerceptionError as error:
        sys.stdout.write(json.dumps({"error": str(error), "cure": error.cure}))
        return
    size = None if found.input_px is None else list(found.input_px)
    sys.stdout.write(json.dumps({"family": found.family, "input_px": size}))
