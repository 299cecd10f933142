"""Files of older schemas: read as they are, and rewritten with their comments."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import migrations
from config.document import UNIT_FILE, parse
from config.errors import ConfigError
from config.loading import load, try_layers
from config.migrations import MigrationError, Move, up_to_date
from config.nodes import Entries, plain
from config.rewriting import rewritten
from edge.cli.main import main
from tests.flashed_slots import FlashedSlots

# As if these had been said otherwise once.
EXAMPLES = (
    Move(since=2, before="perception.fps", after="perception.max_fps"),
    Move(since=2, before="cameras.*.rate", after="cameras.*.fps"),
    Move(since=3, before="report_s", after="health.every_s"),
    Move(since=3, before="mqtt", after="hub"),
)
OLD = """\
# A unit of long ago.
unit:
  id: dog-01   # its name
  kind: robot_dog

perception:
  # The battery pays.
  "fps": 4

cameras:
  front:
    kind: v4l2
    device: /dev/video0
    rate: 5  # enough
# how often
report_s: 20

mqtt:
  url: mqtt://localhost:2
"""
NEW = """\
# A unit of long ago.
schema_version: 3
unit:
  id: dog-01   # its name
  kind: robot_dog

perception:
  # The battery pays.
  "max_fps": 4

cameras:
  front:
    kind: v4l2
    device: /dev/video0
    fps: 5  # enough
# how often

hub:
  url: mqtt://localhost:2
health:
  every_s: 20
"""


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime of schema 3."""
    monkeypatch.setattr(migrations, "MOVES", EXAMPLES)
    monkeypatch.setattr(migrations, "CURRENT", 3)


@pytest.mark.usefixtures("later")
def test_an_old_file_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text(OLD + f"state_dir: {tmp_path}\n")
    loaded = load(file, {})
    assert loaded.settings.perception.max_fps == 4
    assert loaded.settings.cameras["front"].model_dump()["fps"] == 5
    assert loaded.settings.health.every_s == 20
    assert loaded.settings.hub.url == "mqtt://localhost:2"
    assert any("config migrate" in item.text for item in loaded.warnings)
    assert loaded.origins["health.every_s"].line == 16


@pytest.mark.usefixtures("later")
def test_it_is_rewritten_with_its_comments_and_the_old_one_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text(OLD)
    assert main(["config", "migrate", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}.v1\n"
    assert file.read_text() == NEW
    assert (tmp_path / "unit.yaml.v1").read_text() == OLD
    assert main(["config", "migrate", str(file)]) == 0
    assert "already" in capsys.readouterr().err
    assert file.read_text() == NEW


@pytest.mark.usefixtures("later")
def test_what_is_between_two_schemas_takes_the_moves_that_are_left() -> None:
    text = "schema_version: 2  # of spring\nreport_s: 5\nperception: {fps: 3}\n"
    assert rewritten(text) == (
        "schema_version: 3  # of spring\nperception: {fps: 3}\nhealth:\n  every_s: 5\n"
    )


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("report_s: 5\nhealth: {every_s: 5}\n", "delete one of them"),
        ("{report_s: 5}\n", "by hand"),
        ("report_s: 5\nhealth: {label: x}\n", "by hand"),
        ("schema_version: 9\n", "is 9, and this runtime knows up to 3"),
        ("schema_version: soon\n", "is no version"),
        ("- x\n", "cannot be read"),
    ],
)
def test_what_cannot_be_rewritten_says_so(text: str, words: str) -> None:
    with pytest.raises(MigrationError, match=words):
        rewritten(text)


def test_a_file_of_a_later_runtime_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text("unit: {id: x, kind: drone}\nschema_version: 2\n")
    with pytest.raises(ConfigError, match="2, and this runtime knows up to 1"):
        load(file, {})
    assert main(["config", "migrate", str(file)]) == 2
    assert "install a newer runtime" in capsys.readouterr().err


@pytest.mark.usefixtures("later")
def test_bundles_are_of_the_schema_that_they_say(tmp_path: Path) -> None:
    file = tmp_path / "unit.yaml"
    file.write_text(f"schema_version: 3\nunit: {{id: x, kind: drone}}\nstate_dir: {tmp_path}\n")
    slots = FlashedSlots(tmp_path)
    slots.flash("config", {"unit.yaml": "report_s: 7\n"}, schema_version=2)
    assert load(file, {}).settings.health.every_s == 7
    slots.flash("config", {"unit.yaml": "health: {every_s: 7}\n"}, schema_version=4)
    assert load(file, {}).settings.health.every_s == 10  # left out, and told
    with pytest.raises(ConfigError, match="knows up to 3"):
        try_layers(file, base=tmp_path / "slots" / "config" / "a", environ={})


names = st.sampled_from(["a", "b", "kind", "rate", "x"])
cameras = st.dictionaries(names, st.dictionaries(names, st.integers(0, 9), max_size=3), max_size=3)


@settings(deadline=None, max_examples=60)
@given(cameras, st.integers(0, 9), st.booleans(), st.integers(1, 3))
def test_the_rewritten_text_says_what_the_old_one_did(
    found: dict[str, dict[str, int]], every_s: int, nested: bool, gaps: int
) -> None:
    lines = ["# top", "cameras:"]
    for name, keys in found.items():
        lines += [f"  {name}:", *(f"     {key}: {value}  # why" for key, value in keys.items())]
        lines += ["    # end"] * gaps
    lines += ["health:", "    label: 1"] if nested else []
    text = "\n".join([*lines, f"report_s: {every_s}", ""])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "MOVES", EXAMPLES)
        patch.setattr(migrations, "CURRENT", 3)
        root = parse(text.encode(), "", UNIT_FILE).root
        assert isinstance(root, Entries)
        new = rewritten(text)
        again = parse(new.encode(), "", UNIT_FILE).root
        assert isinstance(again, Entries)
        assert plain(up_to_date(again, 3)) == plain(up_to_date(root, 1))
        assert new.count("#") == text.count("#")
        assert rewritten(new) == new
