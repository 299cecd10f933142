"""Root flashes as the service: what is made is the service's, and links lead root nowhere."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tests.torture.flasher  # what the engine loads later: the service may not read root's Python
from config.slots import read_slots
from edge.flashing import by_hand
from edge.flashing.as_service import become_service
from edge.slots import serials
from tests.flashing_stand import Stand

NOBODY = 65534
LOADED = tests.torture.flasher.NAMES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def stand() -> Iterator[Stand]:
    """Its state belongs to somebody else than root."""
    home = Path(tempfile.mkdtemp(prefix="flash-as-root-"))
    home.chmod(0o755)
    stand = Stand(home)
    for path in (home / "state", *(home / "state").iterdir()):
        os.chown(path, NOBODY, NOBODY)
    yield stand
    shutil.rmtree(home)


def in_a_child(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def test_what_root_flashes_belongs_to_the_service(stand: Stand) -> None:
    def flash() -> None:
        become_service(stand.unit.state_dir)
        assert os.getuid() == NOBODY
        stand.kept(stand.base(3))
        stand.flash(stand.base(4))

    assert in_a_child(flash) == 0
    assert owners(stand.unit.folder) == {NOBODY}
    trial = read_slots(stand.unit.folder).trial
    assert trial is not None
    assert trial.content.serial == 4


def test_root_that_may_not_become_others_gives_it_away(stand: Stand) -> None:
    stand.flash(stand.base(3))
    assert owners(stand.unit.folder / "config") == {NOBODY}
    assert (stand.unit.folder / "slots.json").stat().st_gid == NOBODY


def test_a_seal_writes_where_the_service_cannot_and_cleans_as_the_service(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = stand.home / "sealed"
    sealed.mkdir()
    monkeypatch.setattr(serials, "SERVICE_STATE", stand.unit.state_dir)
    monkeypatch.setattr(serials.second_place, "__defaults__", (sealed,))

    def flash() -> None:
        become_service(stand.unit.state_dir)
        stand.kept(stand.base(3))

    assert in_a_child(flash) == 0
    assert not (sealed / serials.FILE).exists()
    aim = stand.home / "roots"
    (aim / "incoming").mkdir(parents=True)
    (stand.unit.folder / "zones").symlink_to(aim)  # by somebody who has become the service

    by_hand.seal(stand.unit)
    assert serials.read_second(sealed / serials.FILE).content.lanes == {"config": 3}
    assert (sealed / serials.FILE).stat().st_uid == 0
    assert (aim / "incoming").is_dir()


def test_a_bundle_from_a_stick_is_written_as_the_service(stand: Stand) -> None:
    """The spool was led to a folder of root's, by somebody who has become the service."""
    from edge.cli.flash.usb import _copied
    from edge.flashing.signals import Light, Signals
    from edge.flashing.stick import StickError

    root, aim = stand.home / "stick", stand.home / "roots"
    root.mkdir(mode=0o700)  # root alone may read it, as a stick that root has mounted
    (root / "north.peb").write_bytes(stand.base(3))
    aim.mkdir(mode=0o755)
    signals = Signals(Light(None), sound=False)
    with _copied(root, "dog-01", stand.unit.state_dir, signals) as path:
        assert path.lstat().st_uid == NOBODY
        assert path.read_bytes() == (root / "north.peb").read_bytes()
    assert not path.exists()

    shutil.rmtree(stand.unit.folder / "spool")
    (stand.unit.folder / "spool").symlink_to(aim)
    with (
        pytest.raises(StickError, match="Permission denied"),
        _copied(root, "dog-01", stand.unit.state_dir, signals),
    ):
        pass
    assert list(aim.iterdir()) == []


def test_what_comes_over_a_line_is_written_as_the_service(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.cli.flash import flash_receive
    from edge.cli.main import build_parser

    seen = stand.unit.state_dir / "seen"

    class Receiver:
        def __init__(self, *_: object) -> None:
            seen.write_text(str(os.getuid()))

        def receive(self) -> None:
            raise flash_receive.NotTakenError("")

    monkeypatch.setattr(flash_receive, "Receiver", Receiver)
    words = ["flash", "--receive", "--config", str(stand.unit.config)]
    args = build_parser().parse_args(words)
    assert in_a_child(lambda: flash_receive.receive(args)) == 0
    assert seen.read_text() == str(NOBODY)
