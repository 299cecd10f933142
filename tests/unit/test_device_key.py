"""A damaged key ends no commands: it is set aside, and the journal says that it has another."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli.main import main
from telemetry.commands.device_key import DeviceKey
from telemetry.commands.journal import Journal, journal_files
from telemetry.commands.journal_check import check
from telemetry.commands.jws import PrivateKey, PublicKey
from tests.fakes import ManualClock


def opened(state: Path) -> Journal:
    clock = ManualClock()
    key = DeviceKey(state / "device.key", make=True)
    return Journal(state / "journal", "dog-1", key, lambda: (clock.utc(), "ntp"), clock)


def filled(state: Path, count: int) -> None:
    journal = opened(state)
    for number in range(count):
        journal.write("accepted", sync=False, id=f"id-{number}", name="ping")
    journal.close()


def damage(state: Path, data: bytes) -> PublicKey:
    """Returns the public part of the key that was there."""
    public = PublicKey((state / "device.pub").read_text().strip())
    (state / "device.key").write_bytes(data)
    return public


@pytest.mark.parametrize("data", [b"", os.urandom(119), b"-----BEGIN PRIVATE KEY-----\nMC4"])
def test_the_journal_goes_on_with_a_new_key_and_says_so(tmp_path: Path, data: bytes) -> None:
    filled(tmp_path, 150)
    old = damage(tmp_path, data)
    filled(tmp_path, 250)  # more than may wait for a seal
    assert (tmp_path / "device.key.corrupt-1").read_bytes() == data
    assert DeviceKey(tmp_path / "device.key", make=True).damaged() == ("device.key.corrupt-1",)
    new = PublicKey((tmp_path / "device.pub").read_text().strip())
    files = journal_files(tmp_path / "journal")
    by_new, by_old = check(files, new), check(files, old)
    assert (by_new.bad, by_old.bad) == (None, None)
    assert by_new.key_changes == by_old.key_changes
    assert len(by_new.key_changes) == 1
    assert (by_new.seals, by_new.other_seals) == (by_old.other_seals, by_old.seals) == (3, 2)
    assert "seal" in str(check(files, PrivateKey.new().public).bad), "the control: a stranger's"


def test_a_key_that_was_lost_twice_leaves_a_journal_that_can_be_checked(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    keys = [damage(tmp_path, b"1")]
    filled(tmp_path, 3)
    keys.append(PublicKey((tmp_path / "device.pub").read_text().strip()))
    (tmp_path / "device.key").unlink()
    filled(tmp_path, 3)
    keys.append(PublicKey((tmp_path / "device.pub").read_text().strip()))
    for key in keys:
        verdict = check(journal_files(tmp_path / "journal"), key)
        assert (verdict.bad, len(verdict.key_changes)) == (None, 2)
        assert (verdict.seals, verdict.other_seals) == (1, 2)


def test_verify_names_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(tmp_path, 3)
    damage(tmp_path, b"no key")
    filled(tmp_path, 3)
    assert main(["journal", "verify", "--state-dir", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "key was lost or exchanged (record 9): 1 seals are of another key" in told


def test_a_key_that_was_given_to_the_unit_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "given.key"
    path.write_bytes(b"no key")
    path.chmod(0o600)
    with pytest.raises(OSError, match=r"given\.key"):
        DeviceKey(path, make=False)()
    assert path.read_bytes() == b"no key"


FULL = """
import resource, signal, sys
from pathlib import Path
from telemetry.commands.device_key import DeviceKey

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # a file may be made, and takes no byte
for _ in range(3):
    try:
        DeviceKey(Path(sys.argv[1]), make=True)()
        sys.exit("it was made")
    except OSError as error:
        print(type(error).__name__)
"""


def test_a_disk_that_takes_nothing_leaves_no_half_key_to_be_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "device.key"
    told = subprocess.run(
        [sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["OSError"] * 3
    assert list(tmp_path.iterdir()) == []
    assert DeviceKey(path, make=True)().public
    assert DeviceKey(path, make=True).damaged() == ()
