"""Whatever is flashed: the unit stays who it is, overlays stay within their keys, and what is wrong
is told as a wrong configuration, never as a crash."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.difference import settings_diff
from config.errors import ConfigError
from config.flashed import is_below
from config.loading import Loaded, load
from config.models import Settings
from config.shape import every_path, shape_of
from config.slots import FILE, slots_folder
from tests.flashed_slots import FlashedSlots

relaxed = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Keys with values that fit, so that many a tree loads; and some that no bundle may set.
RIGHT: tuple[tuple[str, Any], ...] = (
    ("unit.id", "dog-01"), ("unit.label", "Dog"), ("hub.url", "mqtt://localhost:7"),
    ("hub.root", "a/b"), ("perception.max_fps", 3), ("perception.model", "nanodet-g-416"),
    ("health.every_s", 20), ("position.turn_deg", 20), ("cameras.front.fps", 7),
    ("cameras.front.width_px", 640), ("gnss.main.kind", "gpsd"), ("logging.level", "debug"),
    ("zones.files", ["z.geojson"]), ("hub.tls.ca", "ca.pem"), ("security.commands", "unsigned"),
)  # fmt: skip
WRONG: tuple[tuple[str, Any], ...] = (
    ("unit.id", "dog-02"), ("unit.kind", "drone"), ("unit.class", "south"), ("unit", 5),
    ("unit.id", None), ("unit.id", {}), ("state_dir", "/tmp"), ("security.trust", "t.json"),
    ("security", None), ("unit", None), ("zones.files", ["../../x"]), ("hub", []),
    ("hub.bogus", 1), ("cameras.front.kind", "stream"), ("schema_version", 99),
)  # fmt: skip
KEYS = sorted({key for key, _ in (*RIGHT, *WRONG)})
PATTERNS = [*KEYS, "unit", "hub", "cameras.*.fps", "cameras.*", "*", "security"]
WORDS = sorted({part for path in every_path(shape_of(Settings)) for part in path})

said = st.lists(st.sampled_from(RIGHT), max_size=6)
wild = st.lists(st.sampled_from((*RIGHT, *WRONG)), max_size=6)
patterns = st.lists(st.sampled_from(PATTERNS), max_size=5)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


def tree(said: list[tuple[str, Any]]) -> dict[str, Any]:
    """The keys as one tree; the first that takes a place has it."""
    root: dict[str, Any] = {}
    for key, value in said:
        here = root
        *above, last = key.split(".")
        for part in above:
            below = here.setdefault(part, {})
            if not isinstance(below, dict):
                break
            here = below
        else:
            here.setdefault(last, dict(value) if isinstance(value, dict) else value)
    return root


def unit_with(folder: Path, own: Mapping[str, Any]) -> Path:
    whole = {
        "unit": {"id": "dog-01", "kind": "robot_dog", "class": "north"},
        "state_dir": "state",
        "cameras": {"front": {"kind": "v4l2", "device": "/dev/video0"}},
    }
    for section, keys in own.items():
        if section != "unit" and isinstance(keys, dict):
            whole[section] = {**whole.get(section, {}), **keys}  # type: ignore[dict-item]
    (folder / "state" / "slots").mkdir(parents=True, exist_ok=True)
    file = folder / "unit.yaml"
    file.write_text(json.dumps(whole))
    return file


def outcome(file: Path) -> Loaded | None:
    """What is loaded; None for a wrong configuration. Anything else that is raised is a fault."""
    try:
        return load(file, {})
    except ConfigError:
        return None


def stays_itself(loaded: Loaded, folder: Path) -> None:
    unit = loaded.settings.unit
    assert (unit.id, unit.kind, unit.class_) == ("dog-01", "robot_dog", "north")
    assert loaded.settings.state_dir == folder / "state"
    assert loaded.settings.security.trust is None


@relaxed
@given(said, wild, patterns)
def test_no_base_makes_a_unit_another(
    tmp_path: Path, own: list[tuple[str, Any]], base: list[tuple[str, Any]], local: list[str]
) -> None:
    file = unit_with(tmp_path, tree(own))
    FlashedSlots(tmp_path / "state").flash(
        "config", {"unit.yaml": json.dumps(tree(base))}, local_keys=local
    )
    if loaded := outcome(file):
        stays_itself(loaded, tmp_path)


@relaxed
@given(said, said, wild, patterns)
def test_no_overlay_leaves_its_keys(
    tmp_path: Path,
    own: list[tuple[str, Any]],
    base: list[tuple[str, Any]],
    overlay: list[tuple[str, Any]],
    allowed: list[str],
) -> None:
    file = unit_with(tmp_path, tree(own))
    slots = FlashedSlots(tmp_path / "state")
    (slots_folder(slots.state_dir) / FILE).unlink(missing_ok=True)
    slots.flash("config", {"unit.yaml": json.dumps(tree(base))}, overlay_keys=allowed)
    without = outcome(file)
    slots.flash(
        "overlay",
        {"overlay.yaml": json.dumps(tree(overlay))},
        base={"bundle": "config-1", "serial": 1},
    )
    if (loaded := outcome(file)) is None:
        return
    stays_itself(loaded, tmp_path)
    assert without is not None  # an overlay mends nothing here
    for change in settings_diff(without.settings, loaded.settings):
        assert any(is_below(tuple(change.key.split(".")), key) for key in allowed), change


@relaxed
@given(junk, junk, junk)
def test_whatever_a_bundle_holds_is_told_as_a_wrong_configuration(
    tmp_path: Path, base: object, overlay: object, claim: object
) -> None:
    file = unit_with(tmp_path, {})
    slots = FlashedSlots(tmp_path / "state")
    slots.flash("config", {"unit.yaml": json.dumps(base)}, overlay_keys=["*"], local_keys=claim)
    slots.flash(
        "overlay",
        {"overlay.yaml": json.dumps(overlay)},
        base={"bundle": "config-1", "serial": 1},
    )
    if loaded := outcome(file):
        stays_itself(loaded, tmp_path)


@relaxed
@given(
    st.binary(max_size=200), st.sampled_from(["slots.json", "a/manifest.jws", "a/files/unit.yaml"])
)
def test_damage_on_the_disk_never_makes_a_unit_dark_by_a_crash(
    tmp_path: Path, content: bytes, where: str
) -> None:
    file = unit_with(tmp_path, {})
    slots = FlashedSlots(tmp_path / "state")
    folder = slots_folder(slots.state_dir)
    (folder / FILE).unlink(missing_ok=True)
    slots.flash("config", {"unit.yaml": "health: {every_s: 20}\n"})
    damaged = folder / (where if where == FILE else f"config/{where}")
    damaged.write_bytes(content)
    loaded = outcome(file)
    if where != "a/files/unit.yaml":
        assert loaded is not None
        assert any("not in effect" in item.text for item in loaded.warnings)


@pytest.mark.parametrize("claims", [5, [], {"id": 5}, {"id": "x", "name": "x", "serial": 0}])
def test_a_manifest_that_says_nothing_is_left_out(tmp_path: Path, claims: object) -> None:
    file = unit_with(tmp_path, {})
    slots = FlashedSlots(tmp_path / "state")
    folder = slots.flash("config", {"unit.yaml": "health: {every_s: 20}\n"})
    (folder / "manifest.jws").write_text(json.dumps({"payload": claims}))
    loaded = outcome(file)
    assert loaded is not None
    assert loaded.flashed == {}
