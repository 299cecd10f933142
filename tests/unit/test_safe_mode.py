"""What safe mode makes of a configuration that is right, and of one that is wrong."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import ConfigError
from config.loading import load
from config.models import Settings
from config.safe import safe_settings, usable

RIGHT = {
    "unit": {"id": "car-07", "kind": "patrol_car", "label": "Seven"},
    "gnss": {"main": {"kind": "serial", "port": "/dev/ttyUSB0"}},
    "cameras": {"front": {"kind": "v4l2", "device": "/dev/video0"}},
    "microphones": {},
    "hub": {"url": "mqtt://hub.example:1883"},
    "security": {"commands": "signed", "primary_hub": "north"},
    "flash": {"trial_s": 20},
    "logging": {"level": "debug"},
}


def written(folder: Path, **sections: object) -> Path:
    path = folder / "unit.yaml"
    path.write_text(yaml.safe_dump(RIGHT | {"state_dir": str(folder / "state")} | sections))
    return path


def test_of_a_right_one_position_health_and_commands_are_left(tmp_path: Path) -> None:
    whole = load(written(tmp_path), {}).settings
    safe = safe_settings(whole)
    assert safe.unit == whole.unit
    assert safe.gnss == whole.gnss
    assert safe.hub == whole.hub
    assert safe.security == whole.security
    assert safe.state_dir == whole.state_dir
    assert not safe.cameras
    assert not safe.perception.enabled
    assert Settings.model_validate(safe.model_dump()) == safe


def test_what_carries_the_unit_stays_where_nothing_else_tells_its_position(tmp_path: Path) -> None:
    drone = {"pilot": {"kind": "mavlink", "url": "udpin:0.0.0.0:14550"}}
    platforms = load(written(tmp_path, gnss={}), {}).settings.model_copy(
        update={"platforms": drone}
    )
    assert safe_settings(platforms).platforms == drone
    with_receiver = load(written(tmp_path), {}).settings.model_copy(update={"platforms": drone})
    assert not safe_settings(with_receiver).platforms


@pytest.mark.parametrize(
    "wrong",
    [
        {"positon": {"patrol_every_s": 1}},
        {"cameras": {"front": {"kind": "fish"}}},
        {"cameras": 7},
        {"perception": {"max_fps": -3}},
        {"position": {"patrol_every_s": "often"}},
        {"logging": {"level": "loud"}},
        {"rules": {"r": {"kind": "nothing"}}},
        {"security": {"commands": "signed", "primry_hub": "x"}},
        {"state_dir": "~/here"},
        {"unit": {"id": "car-07", "kind": "patrol_car", "lable": "Seven"}},
    ],
)
def test_of_a_wrong_one_what_is_right_is_left(tmp_path: Path, wrong: dict[str, object]) -> None:
    path = written(tmp_path, **wrong)
    with pytest.raises(ConfigError):
        load(path, {})
    loaded = usable(path, {})
    assert loaded is not None
    assert loaded.settings.unit.id == "car-07"
    assert list(loaded.settings.gnss) == ["main"]
    assert loaded.settings.hub.url == "mqtt://hub.example:1883"
    assert not loaded.settings.cameras


def test_a_wrong_receiver_goes_the_right_ones_stay(tmp_path: Path) -> None:
    gnss = {"main": RIGHT["gnss"]["main"], "bad": {"kind": "serial", "prt": 1}}  # type: ignore[index]
    loaded = usable(written(tmp_path, gnss=gnss), {})
    assert loaded is not None
    assert list(loaded.settings.gnss) == ["main"]


def test_half_of_what_is_trusted_is_not_used(tmp_path: Path) -> None:
    wrong = {"commands": "unsigned", "max_age_s": -1}
    loaded = usable(written(tmp_path, security=wrong), {})
    assert loaded is not None
    assert loaded.settings.security.commands == "signed"


@pytest.mark.parametrize("unit", [{}, {"id": "car-07"}, {"id": "!", "kind": "patrol_car"}, 3])
def test_without_a_unit_there_is_nothing_to_run(tmp_path: Path, unit: object) -> None:
    assert usable(written(tmp_path, unit=unit), {}) is None


@pytest.mark.parametrize("text", ["", "unit: [", "\tunit: 3", "- a\n"])
def test_nor_of_a_text_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "unit.yaml").write_text(text)
    assert usable(tmp_path / "unit.yaml", {}) is None
    assert usable(tmp_path / "none.yaml", {}) is None


def test_a_wrong_environment_is_left_out(tmp_path: Path) -> None:
    loaded = usable(written(tmp_path), {"PATROL_EDGE__UNIT__ID": "NOT AN ID"})
    assert loaded is not None
    assert loaded.settings.unit.id == "car-07"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab/:~-", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["kind", "url", "id", "port", "tls", "ca", "key", "x", "main"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from([*RIGHT, "delivery", "tasks", "outbox", "x"]), ANYTHING))
def test_whatever_stands_in_the_file_it_is_usable_or_not_and_never_a_crash(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    loaded = usable(written(tmp_path, **wrong), {})
    if loaded is not None:
        assert Settings.model_validate(loaded.settings.model_dump()) == loaded.settings
    if "unit" not in wrong:
        assert loaded is not None
