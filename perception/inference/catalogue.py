"""The models that are known by name: the catalogue that ships, and what the user has added.

A name leads to a ModelSpec and, if the model is on this computer, to its file: first among the
shipped ones, then in the folders for pulled models.
"""

import difflib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from config.section import Section
from perception.errors import CatalogueError, ModelError, WrongNameError
from perception.inference import model_file
from perception.inference.model_spec import LABEL_MAPS, ModelSpec, Precision, Task

SHIPPED = Path(__file__).parents[1] / "models"
CATALOGUE = SHIPPED / "models.yaml"
SYSTEM_DIR = Path("/var/lib/patrol-edge/models")
USER_CATALOGUE = "models.yaml"  # within a models folder
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
URL_PATTERN = (
    r"^(https://|http://(127\.0\.0\.1|localhost)[:/])\S+$"  # http within this computer only
)
MAX_CATALOGUE_BYTES = 1_000_000

Score = Annotated[float, Field(gt=0, lt=1)]
Side = Annotated[int, Field(ge=32, le=4096)]


class Entry(Section):
    """One model, as the catalogue file has it."""

    about: str = ""
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$")
    url: str | None = Field(None, pattern=URL_PATTERN)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0, le=model_file.MAX_BYTES)
    licence: str = "unknown"
    origin: str = ""
    task: Task = "detection"
    precision: Precision = "fp32"
    family: str | None = None
    input_px: tuple[Side, Side] | None = None
    labels: str | tuple[str, ...] | None = None
    score_threshold: Score = 0.5
    score_low: Score = 0.1
    score_floor: Score = 0.01
    nms_iou: Score | None = None

    @model_validator(mode="after")
    def _known_labels(self) -> Self:
        if isinstance(self.labels, str) and self.labels not in LABEL_MAPS:
            raise ValueError(f"labels must be one of {', '.join(LABEL_MAPS)}, or a list of names")
        return self

    def spec(self, name: str) -> ModelSpec:
        return ModelSpec(name=name, **self.model_dump(exclude={"about"}))


class CatalogueFile(Section):
    """A whole catalogue file."""

    version: Literal[1]
    models: dict[Annotated[str, Field(pattern=NAME_PATTERN)], Entry] = Field(default_factory=dict)


def load(path: Path) -> CatalogueFile:
    """Read and check a catalogue file. Raises CatalogueError naming every fault at once."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CATALOGUE_BYTES + 1)
    except OSError as error:
        raise CatalogueError(f"{path}: {error.strerror}") from error
    if len(text) > MAX_CATALOGUE_BYTES:
        raise CatalogueError(f"{path}: larger than {MAX_CATALOGUE_BYTES} bytes")
    try:
        return CatalogueFile.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = str(error).replace("\n", " ")
        raise CatalogueError(f"{path} is no YAML: {line}") from error
    except RecursionError as error:
        raise CatalogueError(f"{path} is nested too deeply") from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise CatalogueError(f"{path}: " + "; ".join(faults)) from None


def default_models_dir() -> Path:
    """Where pulled models go: the unit's folder if we may write there, else the user's own."""
    if closed(SYSTEM_DIR):
        return user_models_dir()
    there = next(path for path in (SYSTEM_DIR, *SYSTEM_DIR.parents) if path.exists())
    return SYSTEM_DIR if there.is_dir() and os.access(there, os.W_OK) else user_models_dir()


def user_models_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "patrol-edge" / "models"


def closed(path: Path) -> bool:
    """Whether this user may not look into the folder, or at it. False if it is not there."""
    try:
        return path.exists() and not os.access(path, os.R_OK | os.X_OK)
    except PermissionError:  # a folder above it is closed
        return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        return False


class Catalogue:
    """All known models, and where their files are looked for."""

    def __init__(self, models_dir: Path | None = None) -> None:
        """`models_dir` None: the unit's folder and the user's. Raises CatalogueError."""
        dirs: tuple[Path, ...] = (models_dir,) if models_dir else (SYSTEM_DIR, user_models_dir())
        if models_dir is not None and _is_file(models_dir):
            raise CatalogueError(f"{models_dir} is no folder", "name the one that holds models")
        if models_dir is not None and closed(models_dir):
            raise CatalogueError(
                f"{models_dir} may not be read by this user", "run as its owner, or name another"
            )
        dirs = tuple(folder for folder in dirs if not closed(folder))  # another user's is no fault
        self.folders = (SHIPPED, *dirs)
        self.models_dir = models_dir or default_models_dir()  # where new models go
        self.entries = dict(load(CATALOGUE).models)
        for folder in dirs:
            path = folder / USER_CATALOGUE
            if path.exists():
                self._add(path)

    def _add(self, path: Path) -> None:
        for name, entry in load(path).models.items():
            if name in self.entries:
                raise CatalogueError(
                    f"{path}: {name} is the name of another model", "rename it in that file"
                )
            self.entries[name] = entry

    def specs(self) -> list[ModelSpec]:
        """All models, with `path` set where the file is here."""
        return [self._located(name) for name in self.entries]

    def spec(self, name: str) -> ModelSpec:
        """The model of that name. Raises ModelError, with the nearest known name."""
        if name not in self.entries:
            near = difflib.get_close_matches(name, self.entries, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise WrongNameError(
                f"there is no model {name}", f"{hint}known: {', '.join(self.entries)}"
            )
        return self._located(name)

    def find(
        self, name_or_file: str, *, family: str | None = None, task: Task = "detection"
    ) -> ModelSpec:
        """The model of that name, or the one in that file; its file is on this computer.

        A file whose content is that of a model in the catalogue, or in one beside the file, has
        that model's settings, and of a file that nobody knows is believed what `task` says.
        `family` overrules what is known. Raises ModelError; WrongNameError for a model that is
        known to be for another task.
        """
        if is_file_name(name_or_file) and name_or_file not in self.entries:
            spec = self._of_file(Path(name_or_file), task)
        else:
            spec = self.spec(name_or_file)
        spec.require(task)
        if spec.path is None:
            raise ModelError(
                f"model {spec.name} is not on this computer",
                f"patrol-edge models pull {spec.name}",
            )
        return replace(spec, family=family) if family else spec

    def _located(self, name: str) -> ModelSpec:
        spec = self.entries[name].spec(name)
        here = (folder / spec.file for folder in self.folders)
        return replace(spec, path=next((path for path in here if path.is_file()), None))

    def _of_file(self, path: Path, task: Task) -> ModelSpec:
        content = model_file.read(path)
        digest = model_file.digest(content)
        for name, entry in (self.entries | _beside(path)).items():
            if entry.sha256 == digest:
                return replace(entry.spec(name), path=path)
        return ModelSpec(
            name=path.stem,
            family=None,
            labels=None,
            file=path.name,
            sha256=digest,
            size_bytes=len(content),
            path=path,
            task=task,
            untried=True,
        )


def _beside(path: Path) -> dict[str, Entry]:
    """The catalogue in the file's own folder: so a flashed model comes with its settings."""
    catalogue = path.parent / USER_CATALOGUE
    return dict(load(catalogue).models) if _is_file(catalogue) else {}


def is_file_name(text: str) -> bool:
    """Whether this means a file and not a catalogue name."""
    return "/" in text or text.endswith(".onnx") or not re.match(NAME_PATTERN, text)


def find(name_or_file: str, task: Task, models_dir: Path | None = None) -> ModelSpec:
    """`Catalogue(models_dir).find(name_or_file, task=task)`. Raises CatalogueError, ModelError."""
    return Catalogue(models_dir).find(name_or_file, task=task)
