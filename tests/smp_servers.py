"""Zephyr's own SMP servers, as programs: boards that nobody here wrote.

They come with smpclient's source package (`tests/fixtures/smp-server`, Apache-2.0), built by its
authors from Zephyr 4.4.0. Tests look for them in the folder that PATROL_EDGE_SMP_SERVERS names, and
skip without it. `native_sim` ones are programs for this computer; the others run in QEMU.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PREFIX = "zephyr_4.4.0_smp_server_0eae053d_"
PTY = re.compile(r"/dev/pts/\d+")


def server_file(name: str) -> Path:
    folder = os.environ.get("PATROL_EDGE_SMP_SERVERS")
    path = Path(folder or "/nowhere") / f"{PREFIX}{name}"
    if not path.exists():
        pytest.skip(f"needs {path.name}; PATROL_EDGE_SMP_SERVERS names no folder that has it")
    return path


@contextmanager
def native(folder: Path, name: str = "native_sim_serial.exe") -> Iterator[str]:
    """The pseudo-terminal of a Zephyr program that runs on this computer."""
    command = [str(server_file(name)), f"-flash={folder / 'flash.bin'}"]
    with _running(command) as port:
        yield port


@contextmanager
def emulated(name: str = "mps2_an385_serial_recovery_buf1024") -> Iterator[str]:
    """The same of a board in QEMU: a Cortex-M3 with Zephyr and MCUboot."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("needs qemu-system-arm, which is not on this machine")
    loaded = [f"loader,file={server_file(f'{name}.hex')}"]
    loaded.append(f"loader,file={server_file(f'{name}.signed.bin')},addr=0x20050000")
    command = ["qemu-system-arm", "-cpu", "cortex-m3", "-machine", "mps2-an385"]
    command += ["-display", "none", "-monitor", "none", "-chardev", "pty,id=con"]
    command += ["-serial", "chardev:con", "-serial", "null"]
    command += [word for each in loaded for word in ("-device", each)]
    with _running(command) as port:
        yield port


@contextmanager
def _running(command: list[str]) -> Iterator[str]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if (found := PTY.search(line)) is not None:
                    yield found[0]
                    return
            pytest.fail("the server did not start")
        finally:
            process.kill()
