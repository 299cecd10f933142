"""The launcher and what is signed: slots that were changed, a runtime unpacked from wheels."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.slots import FILE, SlotsFile, Trial, slot_folder, write_slots
from edge.booting.launching import Now, prepare
from edge.booting.ledger import read_ledger
from edge.booting.runtime import SITE
from edge.booting.verifying import Inspector
from tests.bundle_maker import NOW, envelope_of, manifest_of, trust_of
from tests.flashing_stand import Stand
from tests.wheel_maker import wheel

TIMES = Now(boot="boot", since_boot_s=100.0, utc=datetime(2026, 11, 27, tzinfo=UTC))


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """With one configuration in use, and the one before it in the other slot."""
    stand = Stand(tmp_path)
    stand.kept(stand.base(1))
    stand.kept(stand.base(2, b"position:\n  patrol_every_s: 2\n"))
    return stand


def start(stand: Stand) -> SlotsFile:
    prepare(stand.unit.state_dir, stand.unit.trust, TIMES)
    return stand.slots


def used(stand: Stand, name: str = "files/unit.yaml") -> Path:
    active = stand.slots.lane("config").active
    assert active is not None
    return slot_folder(stand.unit.folder, "config", active) / name


def test_what_is_as_it_was_signed_stays(stand: Stand) -> None:
    before = stand.slots
    assert start(stand) == before
    assert read_ledger(stand.unit.state_dir).notes == ()


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"# more\n")


def add(path: Path) -> None:
    (path.parent / "other.yaml").write_text("{}")


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("harm", [grow, add, link, Path.unlink])
def test_what_was_changed_is_not_used_but_the_one_before(
    stand: Stand, harm: Callable[[Path], None]
) -> None:
    harm(used(stand))
    after = start(stand)
    content = after.lane("config").content
    assert content is not None
    assert content.serial == 1
    assert after.lane("config").serial == 2, "nothing older is taken"
    assert [note.code for note in read_ledger(stand.unit.state_dir).notes] == ["slot_damaged"]


def test_nor_is_what_a_key_signed_that_was_revoked(stand: Stand) -> None:
    keys = stand.trust.keys
    gone = [each.model_copy(update={"revoked_at": NOW}) for each in keys[:1]]
    others = trust_of("carl", "dora").keys
    trust = stand.trust.model_copy(update={"keys": (*gone, *others)})
    stand.unit.trust.write_text(trust.model_dump_json(exclude_none=True))
    assert start(stand).lane("config").active is None


def test_without_keys_what_is_in_use_stays_and_that_is_told(stand: Stand) -> None:
    grow(used(stand))
    stand.unit.trust.unlink()
    assert start(stand).lane("config").content is not None
    assert [note.code for note in read_ledger(stand.unit.state_dir).notes] == ["slots_unverified"]
    stand.unit.trust.write_text(stand.trust.model_dump_json(exclude_none=True))
    start(stand)
    assert [note.code for note in read_ledger(stand.unit.state_dir).notes] == ["slot_damaged"]


def test_damaged_slots_are_made_anew_from_what_is_signed(stand: Stand) -> None:
    from edge.slots.mending import remember

    remember(stand.unit.state_dir, stand.slots)
    (stand.unit.folder / FILE).write_bytes(b"\0" * 300)
    content = start(stand).lane("config").content
    assert content is not None
    assert content.serial == 2
    assert [note.code for note in read_ledger(stand.unit.state_dir).notes] == ["slots_damaged"]
    assert (stand.unit.folder / f"{FILE}.corrupt-1").exists()


def test_a_change_on_trial_ends_the_trial(stand: Stand) -> None:
    slots = stand.slots
    state = slots.lane("config")
    content = state.slots["a"]
    trial = Trial(
        lane="config", slot="a", back_to="b", content=content, begun_at=NOW, by="usb",
        hub_was_there=False,
    )  # fmt: skip
    begun = slots.begin(trial)
    assert begun is not None
    write_slots(stand.unit.folder, begun)
    grow(slot_folder(stand.unit.folder, "config", "a") / "files/unit.yaml")
    after = start(stand)
    assert after.trial is None
    assert after.ended[-1].code == "slot_damaged"
    assert after.lane("config").active == "b"


# --- a runtime ---


@pytest.fixture
def runtime(tmp_path: Path) -> tuple[Inspector, Path]:
    """An inspector, and the folder of a runtime's packages in slot a."""
    home = tmp_path / "slots/runtime/a"
    site = home / "files" / SITE
    files = {
        "edge/cli/start.py": b"def main(): ...\n",
        "x-1.dist-info/METADATA": b"Name: x\n",
        "x-1.data/purelib/top.py": b"x = 1\n",
        "x-1.data/scripts/x": b"#!python\n",
    }
    (home / "files").mkdir(parents=True)
    name = "x-1-py3-none-any.whl"
    data = wheel(home / "files" / name, files)
    manifest = manifest_of(
        {name: data}, kind="runtime", platform={"machine": "x86_64", "python": "3.11"}
    )
    (home / "manifest.jws").write_bytes(envelope_of(manifest, "anna", "bert").raw)
    for place, content in files.items():
        path = site / place.removeprefix("x-1.data/purelib/").replace("x-1.data/scripts", ".bin")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (site / "x-1.dist-info/INSTALLER").write_text("patrol-edge\n")
    (site / "x-1.dist-info/RECORD").write_text("as it was unpacked\n")
    return Inspector(tmp_path, tmp_path / "slots", trust_of("anna", "bert")), site


def test_a_runtime_as_it_was_unpacked_is_run(runtime: tuple[Inspector, Path]) -> None:
    inspector, _ = runtime
    assert inspector.why_not("runtime", "a") is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("edge/cli/start.py", b"import evil\n"),
        ("edge/cli/start.py", None),
        ("top.py", b"x = 2\n"),
        ("sitecustomize.py", b"import evil\n"),
        ("edge/cli/__pycache__/start.cpython-311.pyc", b"\0"),
        ("x-1.dist-info/METADATA", b"Name: y\n"),
        ("../x-1-py3-none-any.whl", b"PK"),
    ],
)
def test_one_that_was_changed_is_not(
    runtime: tuple[Inspector, Path], name: str, content: bytes | None
) -> None:
    inspector, site = runtime
    path = site / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert inspector.why_not("runtime", "a") is not None


def test_nor_one_whose_packages_are_a_link(runtime: tuple[Inspector, Path]) -> None:
    inspector, site = runtime
    shutil.move(site, site.parent / "elsewhere")
    site.symlink_to(site.parent / "elsewhere")
    assert inspector.why_not("runtime", "a") is not None


def test_one_signature_is_not_enough_for_code(runtime: tuple[Inspector, Path]) -> None:
    inspector, site = runtime
    home = site.parent.parent
    name = "x-1-py3-none-any.whl"
    manifest = manifest_of(
        {name: (home / "files" / name).read_bytes()},
        kind="runtime",
        platform={"machine": "x86_64", "python": "3.11"},
    )
    (home / "manifest.jws").write_bytes(envelope_of(manifest, "anna").raw)
    assert inspector.why_not("runtime", "a") is not None


def test_code_that_cannot_be_proved_is_not_run(stand: Stand) -> None:
    """Whoever has become the service may delete what lies in its folder, such as the chain."""
    from edge.bundles.chain import trust_folder
    from edge.slots.mending import remember

    def inspector() -> Inspector:
        return Inspector.of(stand.unit.state_dir, stand.unit.folder, stand.unit.trust)

    home = slot_folder(stand.unit.folder, "runtime", "a")
    (home / "files").mkdir(parents=True)
    (home / "manifest.jws").write_bytes(b"{}")
    assert inspector().blind is None
    remember(stand.unit.state_dir, stand.slots, trust=stand.trust.serial + 1)
    assert not trust_folder(stand.unit.folder).exists()  # the list with that serial has gone
    lost = inspector()
    assert "was in use" in str(lost.blind)
    assert lost.why_not("runtime", "a") == lost.blind
    active = stand.slots.lane("config").active
    assert active is not None
    assert lost.why_not("config", active) is None  # of what is configured, what can be proved stays
    stand.unit.trust.unlink()
    assert inspector().why_not("runtime", "a") is not None


def test_a_pipe_among_the_packages_does_not_hold_up_the_start(tmp_path: Path) -> None:
    from edge.booting.verifying import _why_not_unpacked

    (tmp_path / "edge").mkdir()
    os.mkfifo(tmp_path / "edge" / "more.py")
    assert _why_not_unpacked(tmp_path, {}) == "edge/more.py of its packages is no file"


@pytest.mark.parametrize(
    ("state", "where"),
    [("/var/lib/patrol-edge", "etc/trust.json"), ("state", "etc/state/trust.json")],
)
def test_a_packaged_units_list_of_keys_is_where_only_root_writes(
    state: str, where: str, tmp_path: Path
) -> None:
    from edge.booting.state_folder import state_folder, trust_file
    from edge.flashing.unit import unit_of

    file = tmp_path / "etc" / "unit.yaml"
    file.parent.mkdir()
    file.write_text(
        f"unit: {{id: dog-07, kind: robot_dog}}\nhub: {{url: 'mqtt://localhost:1'}}\n"
        f"state_dir: {state}\n"
    )
    assert trust_file(file, state_folder(file, {}), {}) == tmp_path / where
    assert unit_of(file).trust == tmp_path / where


def test_a_faulty_file_has_its_slots_where_the_launcher_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.booting.state_folder import state_folder, trust_file
    from edge.flashing.unit import unit_of

    file = tmp_path / "unit.yaml"
    file.write_text("unit: {id: dog-07, kind: robot_dog}\nno_such_key: 1\nstate_dir: state\n")
    assert unit_of(file).state_dir == tmp_path / "state"
    monkeypatch.setenv("PATROL_EDGE__STATE_DIR", str(tmp_path / "elsewhere"))
    found = unit_of(file)
    assert found.state_dir == state_folder(file) == tmp_path / "elsewhere"
    assert found.trust == trust_file(file, found.state_dir)
