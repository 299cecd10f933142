"""The folder of pulled and added models, and the user's own catalogue in it."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from edge.cli.vision.model_pull import copy, disk_error, file_digest, install
from perception.errors import ModelError, WrongNameError
from perception.inference import catalogue
from perception.inference.catalogue import NAME_PATTERN, USER_CATALOGUE, Catalogue
from perception.inference.model_spec import ModelSpec
from perception.verifying import verify

USB_ROOTS = (Path("/media"), Path("/run/media"), Path("/mnt"))
MAX_SEARCHED = 20_000  # files on a stick


def find_copy(spec: ModelSpec, where: str) -> Path:
    """The model's file in a folder, below it, or on any mounted stick (`usb`).

    It is known by its content, whatever its name. Raises ModelError.
    """
    roots = mounted() if where.lower() == "usb" else [Path(where)]
    if not roots:
        raise ModelError("no stick is mounted", "put it in and mount it, or give its folder")
    for root in roots:
        if not root.exists():
            raise WrongNameError(f"{root} does not exist", "give the folder that has the file")
        if root.is_dir() and not os.access(root, os.R_OK | os.X_OK):
            raise ModelError(f"{root} may not be read by this user", f"look at: ls -ld {root}")
        for path in files_below(root):
            if _is_copy(path, spec):
                return path
    places = ", ".join(str(root) for root in roots)
    raise ModelError(
        f"{spec.file} ({spec.size_bytes} bytes, sha-256 {(spec.sha256 or '')[:12]}…) is not in "
        f"{places}",
        f"copy it there from {spec.url or spec.origin}",
    )


def _is_copy(path: Path, spec: ModelSpec) -> bool:
    try:
        return path.stat().st_size == spec.size_bytes and file_digest(path) == spec.sha256
    except OSError:
        return False


def mounted() -> list[Path]:
    """Mount points below the folders where sticks are mounted."""
    found = []
    for root in USB_ROOTS:
        for path in [root, *root.glob("*"), *root.glob("*/*")]:
            if path.is_mount():
                found.append(path)
    return found


def files_below(root: Path) -> Iterator[Path]:
    """Regular files, nearest first within each folder; links are not followed."""
    if root.is_file():
        yield root
        return
    seen = 0
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            seen += 1
            if seen > MAX_SEARCHED:
                return
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def add(known: Catalogue, spec: ModelSpec, about: str) -> ModelSpec:
    """Take a local file into the models folder and the user's catalogue, after verifying it.

    `spec` has the file's own path, hash and size. Raises ModelError, CatalogueError.
    """
    if not re.fullmatch(NAME_PATTERN, spec.name):
        raise WrongNameError(f"{spec.name!r} is no name for a model", "use a-z, 0-9, dot, _ and -")
    if spec.name in known.entries:
        raise WrongNameError(f"there is a model {spec.name} already", "give another --name")
    source = spec.path
    if source is None:
        raise ModelError(f"model {spec.name} has no file")
    found = verify(replace(spec, untried=True))
    spec = replace(spec, family=found.family, input_px=found.input_px)
    stored = replace(spec, file=f"{spec.name}.onnx")
    part = copy(source, stored, known.models_dir)
    target = known.models_dir / stored.file
    install(part, target)
    _remember(known.models_dir / USER_CATALOGUE, stored, about)
    return replace(stored, path=target)


def _remember(path: Path, spec: ModelSpec, about: str) -> None:
    """Write the user's catalogue anew, all or nothing."""
    content: dict[str, Any] = {"version": 1, "models": {}}
    if path.exists():
        content = catalogue.load(path).model_dump(mode="json", exclude_defaults=True)
        content.setdefault("models", {})
    entry = {
        "about": about,
        "file": spec.file,
        "sha256": spec.sha256,
        "size_bytes": spec.size_bytes,
        "licence": spec.licence,
        "origin": spec.origin,
        "family": spec.family,
        "input_px": list(spec.input_px or ()),
        "labels": list(spec.labels) if isinstance(spec.labels, tuple) else spec.labels,
        "score_threshold": spec.score_threshold,
    }
    content["models"][spec.name] = {key: value for key, value in entry.items() if value}
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yaml.safe_dump(content, file, sort_keys=False, allow_unicode=True)
            file.flush()
            os.fsync(file.fileno())
        install(part, path)
    except OSError as error:
        raise disk_error(error, path.parent) from error
