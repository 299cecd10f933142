"""The receivers and cameras that are plugged in, as lines of a unit file."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.language import tell
from drivers.plugged.looking import Plugged


@dataclass(frozen=True, slots=True)
class Wired:
    """One device with the name it gets in the unit file."""

    section: str  # gnss or cameras
    name: str
    device: Plugged

    @property
    def told(self) -> str:
        kind = tell("receiver") if self.section == "gnss" else tell("camera")
        return tell("{kind} {name}: {what}", kind=kind, name=self.name, what=self.device.what)

    def lines(self) -> list[str]:
        kind, key = ("serial", "port") if self.section == "gnss" else ("v4l2", "device")
        # Two alike without serial numbers share their name by-id: their ports tell them apart.
        path = self.device.by_path if self.device.twins and self.device.by_path else None
        return [f"  {self.name}:", f"    kind: {kind}", f"    {key}: {path or self.device.name}"]


def wired(found: Sequence[Plugged]) -> list[Wired]:
    """Those that are surely for us: what is behind a plain serial adapter nobody knows."""
    receivers = [one for one in found if one.kind == "serial" and one.purpose == "gnss"]
    cameras = [one for one in found if one.kind == "camera"]
    return [
        *(Wired("gnss", _name("main", number), one) for number, one in enumerate(receivers)),
        *(Wired("cameras", _name("front", number), one) for number, one in enumerate(cameras)),
    ]


def _name(first: str, number: int) -> str:
    return first if number == 0 else f"{first}_{number + 1}"


def device_lines(chosen: Sequence[Wired]) -> str:
    """The sections of the unit file for them; empty for none."""
    lines: list[str] = []
    for section in ("gnss", "cameras"):
        ours = [one for one in chosen if one.section == section]
        if ours:
            lines += [f"{section}:", *(line for one in ours for line in one.lines()), ""]
    return "\n".join(lines)
