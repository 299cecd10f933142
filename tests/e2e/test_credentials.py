"""A unit whose secrets are systemd credentials, from the locked file to the broker."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.access import LACKING, Authority, shipped_broker
from tests.broker_attacks import Ground
from tests.e2e.unit_process import running_unit, write_unit_file

pytestmark = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))
WAIT_S = 40.0


def unlocked(key: Path, folder: Path) -> bytes:
    """What the README says to do with a key, and what systemd does with it at the start."""
    if shutil.which("systemd-creds") is None:
        pytest.skip("needs systemd-creds (package systemd)")
    locked = folder / "unit.key.cred"
    for verb, *files in (("encrypt", key, locked), ("decrypt", locked, folder / "unit.key")):
        name = "--name=unit.key"
        command = ["systemd-creds", verb, name, *map(str, files)]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if result.returncode != 0:
            pytest.skip(f"systemd-creds has no key of this host: {result.stderr.strip()[-200:]}")
    assert b"PRIVATE KEY" not in locked.read_bytes()
    return (folder / "unit.key").read_bytes()


def test_a_locked_key_opens_the_way_to_the_broker(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca", "car-07", "observer")
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    # As systemd shows it where its file system has access lists: for a group that cannot get there.
    (credentials / "unit.key").write_bytes(unlocked(authority.files("car-07")[1], tmp_path))
    (credentials / "unit.key").chmod(0o440)
    cert = str(authority.files("car-07")[0])
    tls = {"ca": str(authority.ca), "cert": cert, "key": "credential:unit.key"}
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    with shipped_broker("patrol-edge", authority) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        file = write_unit_file(tmp_path, url, perception={"enabled": False})
        text = file.read_text().replace(f"url: {url}", f"url: {url}\n  tls: {tls}")
        file.write_text(text)
        ground = Ground(broker.port, authority)
        with running_unit(file, tmp_path / "log", environ) as unit:
            ends = time.monotonic() + WAIT_S
            while not any(each.topic == "patrol/v1/car-07/state" for each in ground.observer.heard):
                assert time.monotonic() < ends, unit.log_text()[-2000:]
                assert ground.observer.settle()
                time.sleep(0.05)
        ground.close()
