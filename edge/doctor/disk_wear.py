"""How worn the disk is, where it tells, and what the file system has noticed of its errors."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from config.language import tell
from drivers.plugged.tree import attribute, real
from edge.doctor.case import Case
from edge.doctor.line import Line, none, ok, warning

WORN = 9  # of 11: 80..90 % of its life is over (JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST)
WORN_PERCENT = 80  # NVMe's own estimate (NVM Express base specification, SMART log, byte 5)
CURE = tell("change it at the next service; back up now")


def examine(case: Case, there: Path) -> Iterator[Line]:
    part = _part(case, there)
    yield _wear(case, part)
    yield from _errors(case, part)


def _part(case: Case, there: Path) -> Path:
    """The folder in /sys of the partition that holds this one."""
    number = there.stat().st_dev
    return real(case.host.tree.sys / f"dev/block/{os.major(number)}:{os.minor(number)}")


def _wear(case: Case, part: Path) -> Line:
    """As eMMC tells it itself (Linux, mmc-dev-attrs); of an SSD smartctl or nvme is asked."""
    for folder in (part, part.parent):
        life = attribute(folder / "device/life_time")
        if life is not None:
            return _worn(folder.name, life, attribute(folder / "device/pre_eol_info"))
        if attribute(folder / "device/type") == "SD":
            return none("wear", tell("an SD card does not tell how worn it is"))
    disk = part.parent.name if (part / "partition").exists() else part.name
    percent = _endurance(case, disk)
    if percent is None:
        return none("wear", tell("this disk does not tell how worn it is"))
    told = tell("{disk}: {percent} % of its life is over", disk=disk, percent=percent)
    return warning("disk_worn", "wear", told, CURE) if percent >= WORN_PERCENT else ok("wear", told)


def _worn(disk: str, life: str, spare: str | None) -> Line:
    try:
        used = max(int(word, 16) for word in life.split())
        reserve = int(spare, 16) if spare else 1
    except ValueError:
        return none(
            "wear",
            tell(
                "{disk} tells its wear in words that nobody knows: {words}",
                disk=disk,
                words=life[:20],
            ),
        )
    told = tell(
        "{disk}: about {low} to {high} % of its life is over",
        disk=disk,
        low=min(used, 11) * 10 - 10,
        high=min(used, 11) * 10,
    )
    if used >= WORN or reserve > 1:
        return warning("disk_worn", "wear", told, CURE)
    return ok("wear", told)


def _endurance(case: Case, disk: str) -> int | None:
    """Percent of an SSD's life that is over, by smartmontools 7 or nvme-cli; they need root."""
    device = f"/dev/{disk}"
    smart = _json(case.host.ask("smartctl", "--json", "--attributes", device))
    health = _part_of(smart, "nvme_smart_health_information_log")
    told = _part_of(smart, "endurance_used").get("current_percent", health.get("percentage_used"))
    if told is None and disk.startswith("nvme"):
        told = _json(case.host.ask("nvme", "smart-log", "-o", "json", device)).get("percent_used")
    return told if isinstance(told, int) and 0 <= told <= 255 else None


def _part_of(told: dict[str, object], name: str) -> dict[str, object]:
    part = told.get(name)
    return part if isinstance(part, dict) else {}


def _json(text: str | None) -> dict[str, object]:
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _errors(case: Case, part: Path) -> Iterator[Line]:
    """ext4 counts what it found wrong, until the file system is checked (Linux, sysfs-fs-ext4)."""
    told = attribute(case.host.tree.sys / "fs/ext4" / part.name / "errors_count")
    if told is not None and told.isdecimal() and int(told):
        text = tell(
            "the file system on {disk} has noticed {count} errors", disk=part.name, count=told
        )
        cure = tell("back up; then sudo fsck at the next start, and see `dmesg`; change the disk")
        yield warning("disk_errors", "errors", text, cure)
