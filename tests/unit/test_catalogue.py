"""The catalogue: names to files, the user's additions, and every way to get them wrong."""

import contextlib
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.detection.detector import Detector
from perception.detection.families.kinds import KINDS
from perception.errors import ModelError, WrongNameError
from perception.inference import catalogue, model_file
from perception.inference.catalogue import CATALOGUE, SHIPPED, Catalogue, CatalogueError, load
from perception.inference.model_spec import Task, label_columns

ENTRY = {"file": "mine.onnx", "sha256": "ab" * 32, "size_bytes": 1000}


def user_catalogue(folder: Path, **models: dict[str, object]) -> None:
    (folder / "models.yaml").write_text(yaml.safe_dump({"version": 1, "models": models}))


def test_the_shipped_file_is_the_one_in_the_catalogue(tmp_path: Path) -> None:
    spec = Catalogue(tmp_path).find("nanodet-g-416")

    assert spec.path == SHIPPED / "nanodet_g_416.onnx"
    content = model_file.read_checked(spec.path, spec.sha256)
    assert len(content) == spec.size_bytes
    assert (SHIPPED / "LICENSE-nanodet.txt").read_text().lstrip().startswith("Apache License")
    assert str(spec.sha256) in (SHIPPED / "nanodet_g_416.md").read_text()


def test_every_entry_is_complete_and_pinned(tmp_path: Path) -> None:
    specs = Catalogue(tmp_path).specs()

    assert [spec.name for spec in specs if spec.path] == ["nanodet-g-416", "nanodet-g-416-int8"]
    for spec in specs:
        assert spec.family in KINDS or spec.task != "detection"
        assert spec.licence in {"Apache-2.0", "BSD-3-Clause", "MIT"}
        assert 0 < spec.score_floor < spec.score_low < spec.score_threshold < 1
        if spec.path is None and spec.name != "yamnet":  # its conversion is published nowhere
            assert spec.url is not None
            assert any(len(part) == 40 for part in spec.url.split("/")), "pinned to a commit"


def test_a_name_that_is_almost_right_names_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model nanodet-g-461") as caught:
        Catalogue(tmp_path).find("nanodet-g-461")
    assert "did you mean nanodet-g-416?" in caught.value.cure


def test_a_listed_model_that_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not on this computer") as caught:
        Catalogue(tmp_path).find("yolox-nano-416")
    assert caught.value.cure == "patrol-edge models pull yolox-nano-416"


@pytest.mark.parametrize(
    ("name", "task", "reason"),
    [
        ("face-yunet", "detection", "face-yunet is a model for redaction, not for detection"),
        ("yamnet", "detection", "yamnet is a model for audio, not for detection"),
        ("nanodet-g-416", "redaction", "nanodet-g-416 is a model for detection, not for redaction"),
        ("nanodet-g-416", "audio", "not for audio"),
    ],
)
def test_a_model_for_one_task_is_refused_for_another(
    name: str, task: Task, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongNameError, match=reason):
        Catalogue(tmp_path).find(name, task=task)


def test_a_file_is_what_its_content_is_whatever_its_name(tmp_path: Path) -> None:
    """Faces are found to be blurred: no way round leads to them as a detector."""
    content = b"some bytes"
    user_catalogue(
        tmp_path, faces=ENTRY | {"sha256": model_file.digest(content), "task": "redaction"}
    )
    renamed = tmp_path / "persons.onnx"
    renamed.write_bytes(content)

    with pytest.raises(WrongNameError, match="faces is a model for redaction"):
        Catalogue(tmp_path).find(str(renamed))
    found = Catalogue(tmp_path).find(str(renamed), task="redaction")
    with pytest.raises(WrongNameError, match="not for detection"):
        Detector.open(found)


def test_a_file_of_known_content_has_the_settings_of_its_entry(tmp_path: Path) -> None:
    copy = tmp_path / "renamed.onnx"
    shutil.copy(SHIPPED / "nanodet_g_416.onnx", copy)

    spec = Catalogue(tmp_path).find(str(copy))

    assert spec.name == "nanodet-g-416"
    assert spec.path == copy
    assert Catalogue(tmp_path).find(str(copy), family="yolox").family == "yolox"


def test_any_other_file_is_a_model_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(b"something")

    spec = Catalogue(tmp_path).find(str(path))

    assert (spec.name, spec.family, spec.path) == ("other", None, path)
    assert spec.sha256 == model_file.digest(b"something")
    with pytest.raises(ModelError, match="No such file"):
        Catalogue(tmp_path).find(str(tmp_path / "none.onnx"))
    with pytest.raises(ModelError, match="is a folder"):
        Catalogue(tmp_path).find(str(tmp_path))


def test_the_users_models_come_after_the_shipped_ones(tmp_path: Path) -> None:
    user_catalogue(tmp_path, mine=ENTRY | {"labels": ["person", "dog"], "input_px": [320, 256]})
    (tmp_path / "mine.onnx").write_bytes(b"x")

    spec = Catalogue(tmp_path).find("mine")

    assert spec.path == tmp_path / "mine.onnx"
    assert spec.labels == ("person", "dog")
    assert spec.input_px == (320, 256)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "valid dictionary"),
        ("version: 2\n", "version"),
        ("version: 1\nmodels: {a b: {}}\n", "models"),
        ("version: 1\nmodels:\n  mine: {file: ../up.onnx, sha256: zz, size_bytes: 0}\n", "file"),
        ("version: 1\nmodels:\n  mine: {file: m.onnx}\n", "sha256: .*; .*size_bytes"),
        ("version: 1\nmodels:\n  mine: {colour: red}\n", "colour"),
        ("[1, 2", "no YAML"),
        ("\x00", "no YAML"),
        ("!!python/object:os.system {}", "no YAML"),
        ("[" * 3000, "nested too deeply|no YAML"),
    ],
    ids=[
        "empty",
        "version",
        "bad name",
        "path outside",
        "missing fields",
        "unknown field",
        "not yaml",
        "binary",
        "objects",
        "deep",
    ],
)
def test_a_wrong_catalogue_is_told_with_its_file(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(text)

    with pytest.raises(CatalogueError, match=reason) as caught:
        Catalogue(tmp_path)
    assert str(tmp_path / "models.yaml") in str(caught.value)


def test_nobody_takes_the_name_of_a_shipped_model(tmp_path: Path) -> None:
    user_catalogue(tmp_path, **{"nanodet-g-416": ENTRY})

    with pytest.raises(CatalogueError, match="name of another model"):
        Catalogue(tmp_path)


@pytest.mark.parametrize(
    "url", ["http://example.org/m.onnx", "file:///etc/passwd", "ftp://a/b", "https://a b"]
)
def test_an_address_that_is_not_https_is_refused(url: str, tmp_path: Path) -> None:
    user_catalogue(tmp_path, mine=ENTRY | {"url": url})

    with pytest.raises(CatalogueError, match="url"):
        Catalogue(tmp_path)


@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_catalogue_is_either_read_or_told(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(CATALOGUE.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("catalogue") / "models.yaml"
    path.write_bytes(content)

    with contextlib.suppress(CatalogueError):
        load(path)


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="Is a directory"):
        load(tmp_path)


def test_labels_that_do_not_fit_are_refused_with_the_cure() -> None:
    assert label_columns(None, 80)["truck"] == 7
    assert label_columns(None, 91)["truck"] == 8
    assert label_columns(None, 1) == {"person": 0}
    assert label_columns(("cat", "person"), 2) == {"person": 1}
    for labels, count in ((None, 17), ("coco91", 5), (("cat",), 1), (("person",), 3)):
        with pytest.raises(ModelError):
            label_columns(labels, count)


def test_the_folder_for_models_is_one_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(catalogue, "SYSTEM_DIR", tmp_path / "file" / "models")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert catalogue.default_models_dir() == tmp_path / "patrol-edge" / "models"
    monkeypatch.setattr(catalogue, "SYSTEM_DIR", tmp_path / "lib" / "models")
    assert catalogue.default_models_dir() == tmp_path / "lib" / "models"
