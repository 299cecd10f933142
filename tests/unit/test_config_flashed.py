"""What was flashed, as layers of the configuration: who has the last word, and what is refused."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.loading import Loaded, load, try_layers
from config.slots import FILE, SlotsFile, slots_folder, write_slots
from tests.flashed_slots import FlashedSlots

OWN = """\
unit:
  id: dog-01
  kind: robot_dog
state_dir: state
hub:
  url: mqtt://localhost:1
perception:
  max_fps: 3
cameras:
  front:
    kind: v4l2
    device: /dev/video0
    fps: 5
"""
GEOJSON = '{"type": "FeatureCollection", "features": []}'


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    (tmp_path / "state" / "slots").mkdir(parents=True)
    file = tmp_path / "unit.yaml"
    file.write_text(OWN)
    return file


@pytest.fixture
def slots(unit: Path) -> FlashedSlots:
    return FlashedSlots(unit.parent / "state")


def problems(unit: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(unit, {f"PATROL_EDGE__{name}": value for name, value in environ.items()})
    return [str(problem) for problem in caught.value.problems]


def warnings(loaded: Loaded, about: str) -> list[str]:
    return [str(item) for item in loaded.warnings if about in str(item)]


def test_a_flashed_base_stands_above_the_file_and_below_the_environment(
    unit: Path, slots: FlashedSlots
) -> None:
    slots.flash("config", {"unit.yaml": "hub: {url: 'mqtt://localhost:2'}\n"}, serial=7)
    loaded = load(unit, {})
    assert loaded.settings.hub.url == "mqtt://localhost:2"
    assert loaded.settings.perception.max_fps == 3
    place = loaded.origins["hub.url"]
    assert (place.layer, place.source, place.line) == ("flashed base", "north#7/unit.yaml", 1)
    assert loaded.flashed["config"].serial == 7
    assert loaded.overruled == ("hub.url",)
    assert warnings(loaded, "without effect") == [
        f"{unit}:6:8: warning: without effect here, since what was flashed (north#7) sets it "
        "otherwise: hub.url; delete it, or sign a base that has it in its local_keys"
    ]
    above = load(unit, {"PATROL_EDGE__HUB__URL": "mqtt://localhost:3"})
    assert above.settings.hub.url == "mqtt://localhost:3"


def test_local_keys_of_the_base_leave_the_last_word_to_the_file(
    unit: Path, slots: FlashedSlots
) -> None:
    base = "cameras: {front: {kind: v4l2, device: /dev/video9, fps: 9}}\nhub: {root: a/b}\n"
    slots.flash("config", {"unit.yaml": base}, local_keys=["cameras.*.device", "hub"])
    loaded = load(unit, {})
    camera = loaded.settings.cameras["front"]
    assert camera.model_dump(include={"device", "fps"}) == {"device": "/dev/video0", "fps": 9}
    assert loaded.settings.hub.root == "a/b"  # the file does not set it
    assert loaded.kept == ("cameras.front.device",)
    assert loaded.overruled == ("cameras.front.fps",)


def test_an_overlay_changes_what_its_base_allows(unit: Path, slots: FlashedSlots) -> None:
    allowed = ["perception.max_fps", "cameras.*.fps"]
    slots.flash("config", {"unit.yaml": "perception: {max_fps: 4}\n"}, overlay_keys=allowed)
    overlay = "perception: {max_fps: 6}\ncameras: {front: {fps: 10}}\n"
    slots.flash("overlay", {"overlay.yaml": overlay}, base={"bundle": "config-1", "serial": 1})
    loaded = load(unit, {})
    assert loaded.settings.perception.max_fps == 6
    assert loaded.origins["cameras.front.fps"].layer == "flashed overlay"
    assert set(loaded.flashed) == {"config", "overlay"}


def test_an_overlay_changes_nothing_else(unit: Path, slots: FlashedSlots) -> None:
    slots.flash("config", {"unit.yaml": "health: {every_s: 20}\n"}, overlay_keys=["hub.root"])
    overlay = "hub:\n  root: a/b\n  url: mqtt://localhost:9\nperception: {}\n"
    slots.flash("overlay", {"overlay.yaml": overlay}, base={"bundle": "config-1", "serial": 1})
    assert problems(unit) == [
        f"north#1/overlay.yaml:{place} may not be changed by an overlay; delete it, or sign a "
        "base that has it in its overlay_keys"
        for place in ("3:8: hub.url:", "4:13: perception:")
    ]


def test_an_overlay_of_another_base_is_not_in_effect(unit: Path, slots: FlashedSlots) -> None:
    slots.flash("config", {"unit.yaml": "health: {every_s: 20}\n"}, overlay_keys=["hub"])
    overlay = {"overlay.yaml": "hub: {root: a/b}\n"}
    folder = slots.flash("overlay", overlay, base={"bundle": "config-0", "serial": 1})
    loaded = load(unit, {})
    assert loaded.settings.hub.root == "patrol/v1"
    assert set(loaded.flashed) == {"config"}
    assert warnings(loaded, "made for another configuration")
    with pytest.raises(ConfigError, match="made for another configuration"):
        try_layers(unit, overlay=folder, environ={})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("unit: {id: dog-02}", "unit.id: is not that of this unit"),
        ("unit: {kind: drone}", "unit.kind: is not that of this unit"),
        ("unit: {class: north}", "unit.class: is not that of this unit"),
        ("unit: 5", "unit: holds no keys"),
        ("unit: {id: {}}", "unit.id: is not that of this unit"),
        ("state_dir: /tmp", "state_dir: belongs in the unit's own file"),
        ("security: {trust: mine.json}", "security.trust: belongs in the unit's own file"),
        ("security: {device_key: k.pem}", "security.device_key: belongs in the unit's own file"),
        ("zones: {files: [/etc/shadow]}", "is not in the bundle"),
        ("zones: {files: [../../b/files/z.geojson]}", "is not in the bundle"),
        ("zones: {files: [a/../../z.geojson]}", "is not in the bundle"),
        ("hub: {username: x, password_file: /etc/shadow}", "is neither in the bundle nor in"),
        ("hub: {username: x, password_file: /etc/patrol-edge/../shadow}", "is neither in the"),
        ("perception: {model: /etc/shadow}", "is not in the bundle"),
        ("acting: {clips_dir: /home}", "is not in the bundle"),
        ("hub: {url: http://x}", "hub.url"),
        ("hub: {bogus: 1}", "hub.bogus: is not known here"),
        ("hub: [", "north#1/unit.yaml:1:"),
        ("5", "the file holds no sections"),
    ],
)
def test_what_a_bundle_may_not_say(unit: Path, slots: FlashedSlots, line: str, words: str) -> None:
    slots.flash("config", {"unit.yaml": line + "\n"})
    told = problems(unit)
    assert any(words in text for text in told), told
    assert all(text.startswith("north#1/unit.yaml:1:") for text in told)


def test_a_whole_unit_file_can_be_flashed_as_it_is(unit: Path, slots: FlashedSlots) -> None:
    text = OWN.replace("state_dir: state\n", "")
    slots.flash("config", {"unit.yaml": text})
    loaded = load(unit, {})
    assert loaded.overruled == ()
    assert loaded.settings.unit.id == "dog-01"
    assert loaded.settings.state_dir == unit.parent / "state"


def test_paths_in_a_bundle_are_within_it(unit: Path, slots: FlashedSlots) -> None:
    base = """\
zones: {files: [zones/z.geojson]}
hub: {username: x, password_file: 'credential:hub.password',
  tls: {ca: ca.pem, cert: /etc/patrol-edge/unit.pem, key: /etc/patrol-edge/unit.key}}
"""
    files = slots.flash("config", {"unit.yaml": base, "zones/z.geojson": GEOJSON}) / "files"
    settings = load(unit, {}).settings
    assert settings.zones.files == (files / "zones/z.geojson",)
    assert settings.hub.tls.ca == files / "ca.pem"
    assert settings.hub.tls.key == Path("/etc/patrol-edge/unit.key")
    assert str(settings.hub.password_file).startswith("/run/credentials/")


def test_zones_are_added_and_a_model_is_used(unit: Path, slots: FlashedSlots) -> None:
    unit.write_text(OWN.replace("max_fps: 3", "max_fps: 3\n  model: mine.onnx")
                    + "zones: {files: [z.geojson]}\n")  # fmt: skip
    zones = slots.flash("zones", {"zones/a.geojson": GEOJSON, "zones/b.geojson": GEOJSON})
    model = slots.flash("model", {"m.onnx": "", "models.yaml": "version: 1\n"})
    loaded = load(unit, {})
    added = [zones / "files/zones/a.geojson", zones / "files/zones/b.geojson"]
    assert loaded.settings.zones.files == (unit.parent / "z.geojson", *added)
    assert loaded.settings.perception.model == str(model / "files/m.onnx")
    assert loaded.overruled == ("perception.model",)


def test_what_cannot_be_read_is_left_out_and_told(unit: Path, slots: FlashedSlots) -> None:
    for damage in ("slots.json", "manifest.jws", "files/unit.yaml", "slot"):
        folder = slots.flash("config", {"unit.yaml": "health: {every_s: 20}\n"})
        assert load(unit, {}).settings.health.every_s == 20
        match damage:
            case "slots.json":
                (slots_folder(slots.state_dir) / FILE).write_text("{")
            case "slot":
                folder.rename(folder.with_name("gone"))
            case _:
                (folder / damage).unlink()
        loaded = load(unit, {})
        assert loaded.settings.health.every_s == 30
        assert loaded.flashed == {}
        assert len(warnings(loaded, "not in effect")) == 1, damage
        write_slots(slots_folder(slots.state_dir), SlotsFile())


def test_a_candidate_is_tried_before_it_is_in_use(unit: Path, slots: FlashedSlots) -> None:
    slots.flash("config", {"unit.yaml": "health: {every_s: 20}\n"})
    good = slots.stage("config", {"unit.yaml": "health: {every_s: 25}\n"}, slot="b", serial=2)
    tried = try_layers(unit, base=good, environ={})
    assert tried.settings.health.every_s == 25
    assert load(unit, {}).settings.health.every_s == 20
    bad = slots.stage("config", {"unit.yaml": "health:\n  every_s: soon\n"}, slot="b", serial=3)
    with pytest.raises(ConfigError, match=r"^north#3/unit\.yaml:2:12: health\.every_s:"):
        try_layers(unit, base=bad, environ={})
    with pytest.raises(ConfigError, match=r"manifest\.jws is not there"):
        try_layers(unit, base=unit.parent, environ={})
    assert try_layers(unit, without=["config"], environ={}).settings.health.every_s == 30


def test_the_digest_tells_bundles_apart_that_lie_in_the_same_slot(
    unit: Path, slots: FlashedSlots
) -> None:
    own = load(unit, {}).digest
    digests = set()
    for serial in (1, 2):
        slots.flash("zones", {"zones/z.geojson": GEOJSON}, serial=serial)
        digests |= {load(unit, {}).digest, load(unit, {}).digest}
    assert len(digests | {own}) == 3


def test_the_environment_may_say_where_the_slots_are(unit: Path, tmp_path: Path) -> None:
    FlashedSlots(tmp_path / "other").flash("config", {"unit.yaml": "health: {every_s: 20}\n"})
    loaded = load(unit, {"PATROL_EDGE__STATE_DIR": str(tmp_path / "other")})
    assert loaded.settings.health.every_s == 20


@pytest.mark.parametrize(
    "said",
    [
        "security: {commands: unsigned}",
        "security: {keyring: keyring.json}",
        "security: {max_age_s: 86400}",
        "sleep: {action: command, command: [/bin/sh, -c, id]}",
        "acting: {speech: {program: speak}}",
    ],
)
def test_one_signature_decides_neither_who_commands_nor_what_runs(
    said: str, unit: Path, slots: FlashedSlots
) -> None:
    """A runtime, and the list of keys, need two."""
    files = {"unit.yaml": said + "\n", "keyring.json": "{}", "speak": "#!/bin/sh\n"}
    slots.flash("config", files, overlay_keys=["*"], local_keys=[])
    assert any("belongs in the unit's own file" in text for text in problems(unit))
