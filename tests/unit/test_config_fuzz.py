"""Whatever is in the file or in the environment: settings, or problems with a place in it."""

import json
import re
import string
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.document import LINE_END, parse
from config.errors import ConfigError, Problem
from config.loading import Loaded, load
from config.models import Settings
from config.nodes import Entries, Node, leaves, place_of
from config.nodes import Path as KeyPath
from config.secrets import Standing
from config.shape import every_path, shape_of
from config.showing import as_yaml
from config.template import NewUnit, unit_file

GOOD = Path(__file__).parents[1] / "data" / "config" / "good.yaml"
LINES = GOOD.read_text().splitlines(keepends=True)
WORDS = sorted({part for path in every_path(shape_of(Settings)) for part in path})

relaxed = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["serial", "v4l2", "auto", "5 min", "mqtt://x", "dog-01", "drone", "/dev/x"]),
)
keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=6))
variable_parts = st.sampled_from(WORDS) | st.text(string.ascii_letters, max_size=3)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=20,
)


Outcome = Loaded | list[Problem]


def outcome(file: Path, data: bytes, environ: dict[str, str] | None = None) -> Outcome:
    """What comes of a file; every problem is a line of text with a place that exists."""
    file.write_bytes(data)
    try:
        return load(file, environ or {})
    except ConfigError as error:
        problems = error.problems
    lines = max(1, len(LINE_END.split(data.decode("utf-8", "replace"))))
    assert problems
    for problem in problems:
        assert problem.line <= lines
        assert problem.line >= 1 or problem.source == "environment"
        assert problem.text.strip()
        assert len(str(problem)) < 700
        assert str(problem).isprintable()
    return problems


@relaxed
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    outcome(tmp_path / "unit.yaml", data)


@relaxed
@given(text=st.text(alphabet=string.printable + "é‰\u2028", max_size=200))
def test_any_text(tmp_path: Path, text: str) -> None:
    outcome(tmp_path / "unit.yaml", text.encode())


@relaxed
@given(tree=trees)
def test_any_tree(tmp_path: Path, tree: object) -> None:
    outcome(tmp_path / "unit.yaml", yaml.safe_dump(tree, allow_unicode=True).encode())


@relaxed
@given(sections=st.dictionaries(st.sampled_from(WORDS), trees, max_size=4))
def test_any_tree_beside_a_good_unit(tmp_path: Path, sections: dict[str, object]) -> None:
    tree = sections | {"unit": {"id": "dog-01", "kind": "drone"}}
    outcome(tmp_path / "unit.yaml", yaml.safe_dump(tree).encode())


@relaxed
@given(data=st.data())
def test_a_good_file_with_a_hole_or_a_splinter(tmp_path: Path, data: st.DataObject) -> None:
    good = GOOD.read_bytes()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 40)))
    splinter = data.draw(st.binary(max_size=6) | st.sampled_from([b"\t", b": ", b"&a", b"'", b"["]))
    outcome(tmp_path / "unit.yaml", good[:start] + splinter + good[end:])


@settings(relaxed, max_examples=25)  # near misses are searched among all names
@given(
    variables=st.dictionaries(
        st.lists(
            st.sampled_from(WORDS) | st.text(string.ascii_letters, max_size=3), max_size=4
        ).map(lambda parts: "PATROL_EDGE__" + "__".join(parts).upper()),
        st.text(max_size=20),
        max_size=5,
    )
)
def test_any_environment(tmp_path: Path, variables: dict[str, str]) -> None:
    outcome(tmp_path / "unit.yaml", GOOD.read_bytes(), variables)


def good_root() -> Entries:
    root = parse(GOOD.read_bytes(), "good.yaml", "unit file").root
    assert isinstance(root, Entries)
    return root


def key_paths(node: Node, path: KeyPath = ()) -> list[KeyPath]:
    found: list[KeyPath] = []
    if isinstance(node, Entries):
        for key, inner in node.nodes.items():
            found += [(*path, key), *key_paths(inner, (*path, key))]
    return found


FIXED_KEYS = [path for path in key_paths(good_root()) if path[:-1] not in (("gnss",), ("cameras",))]


@pytest.mark.parametrize("path", FIXED_KEYS, ids=lambda path: ".".join(map(str, path)))
def test_every_misspelt_key_is_found_in_its_line(tmp_path: Path, path: KeyPath) -> None:
    key, place = str(path[-1]), place_of(good_root(), path)
    line = LINES[place.line - 1]
    wrong = line[: place.column - 1] + key + "q" + line[place.column - 1 + len(key) :]
    text = "".join([*LINES[: place.line - 1], wrong, *LINES[place.line :]])
    result = outcome(tmp_path / "unit.yaml", text.encode())
    assert not isinstance(result, Loaded)
    if key == "kind" and len(path) == 3:  # then nothing else can be known of the device
        assert any("kind is missing" in problem.text for problem in result)
        return
    found = [problem for problem in result if problem.line == place.line]
    assert found
    assert found[0].column == place.column
    assert key in found[0].text  # the right one is named


LEAVES = [path for path, _ in leaves(good_root())]


@pytest.mark.parametrize("path", LEAVES, ids=lambda path: ".".join(map(str, path)))
def test_every_value_that_is_a_section_is_found_in_its_line(tmp_path: Path, path: KeyPath) -> None:
    tree = yaml.safe_load(GOOD.read_text())
    section = tree
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = {"not": {"a": "value"}}
    text = yaml.safe_dump(tree, sort_keys=False)
    changed = parse(text.encode(), "x", "unit file").root
    assert changed is not None
    result = outcome(tmp_path / "unit.yaml", text.encode())
    assert not isinstance(result, Loaded)
    assert [problem.path for problem in result] == [".".join(map(str, path))]
    assert result[0].line - place_of(changed, path).line in (0, 1)


@relaxed
@given(
    unit_id=st.from_regex(r"\A[a-z0-9-]{1,32}\Z").filter(lambda text: text != "hub")
    | st.sampled_from(["007", "null", "true", "no", "1e5", "---", "-", "0x1f", "2026-11-22"]),
    kind=st.sampled_from(["robot_dog", "drone", "patrol_car"]),
    hub=st.sampled_from(["mqtt://localhost", "mqtts://[::1]:8883", "mqtts://hub-1.example"]),
    with_schema=st.booleans(),
)
def test_every_new_file_is_right(
    tmp_path: Path, unit_id: str, kind: str, hub: str, with_schema: bool
) -> None:
    unit = NewUnit(unit_id=unit_id, kind=kind, hub_url=hub, with_schema=with_schema)
    text = unit_file(unit, NothingPlugged())
    result = outcome(tmp_path / "unit.yaml", text.encode())
    assert isinstance(result, Loaded)
    assert result.settings.unit.id == unit_id
    assert result.settings.unit.kind == kind
    assert result.settings.hub.url == hub


@pytest.mark.parametrize("kind", ["robot_dog", "drone", "patrol_car"])
def test_every_example_in_a_new_file_is_right(tmp_path: Path, kind: str) -> None:
    unit = NewUnit(unit_id="a", kind=kind, hub_url="mqtts://hub")
    text = unit_file(unit, NothingPlugged())
    used = re.sub(r"^( *)#(?=[a-z])", r"\1", text, flags=re.MULTILINE)
    result = outcome(tmp_path / "unit.yaml", used.encode())
    assert isinstance(result, Loaded)
    assert set(result.settings.gnss) == {"main"}
    assert set(result.settings.cameras) == {"front", "rear"}
    assert result.settings.hub.tls.key is not None


@relaxed
@given(label=st.text(max_size=80), username=st.text(min_size=1, max_size=20))
def test_show_prints_any_text_so_that_it_loads_again(
    tmp_path: Path, label: str, username: str
) -> None:
    tree = {"unit": {"id": "a", "kind": "drone", "label": label}, "hub": {"username": username}}
    file = tmp_path / "unit.yaml"
    # JSON is YAML, and quotes whatever needs it.
    first = outcome(file, json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace"))
    if isinstance(first, Loaded) and "@" not in label + username and "=" not in label + username:
        again = outcome(file, as_yaml(first).encode())
        assert isinstance(again, Loaded)
        assert again.settings == first.settings


class NothingPlugged:
    def exists(self, path: str) -> bool:
        return False

    def standing(self, path: str) -> Standing | None:
        return None

    def links(self, folder: str) -> list[tuple[str, str]]:
        return []
