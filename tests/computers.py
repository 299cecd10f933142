"""Computers, as far as what tells them apart: folders that look like the root of a file system."""

from pathlib import Path


def computer(
    folder: Path,
    *,
    board: str | None = None,
    disk: str | None = None,
    mac: str | None = None,
    machine_id: str = "0123456789abcdef0123456789abcdef",
) -> Path:
    """`machine_id` is what an image carries along: the same on all, unless said otherwise."""
    _put(folder / "etc/machine-id", machine_id)
    (folder / "sys").mkdir(parents=True, exist_ok=True)
    if board is not None:
        _put(folder / "proc/device-tree/serial-number", f"{board}\0")
    if disk is not None:
        _put(folder / "sys/block/mmcblk0/device/cid", disk)
    if mac is not None:
        interface = folder / "sys/class/net/eth0"
        (interface / "device").mkdir(parents=True, exist_ok=True)
        _put(interface / "address", mac)
        _put(interface / "addr_assign_type", "0")
    return folder


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
