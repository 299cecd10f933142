"""What each configured part is: by USB's description, by what it says itself, by its file."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date

from config.models import Settings
from drivers.plugged.known import known_usb
from drivers.plugged.looking import Plugged, look_around
from drivers.plugged.tree import Tree
from drivers.samples import Identity

Told = Callable[[], Iterable[Identity]]


class Inventory:
    """Asked when a part comes; reads /sys and opens nothing."""

    def __init__(
        self, settings: Callable[[], Settings], told: Told, tree: Tree | None = None
    ) -> None:
        """`settings`: as they are in force; `told`: what parts have said of themselves."""
        self._settings = settings
        self._told = told
        self._tree = tree or Tree()

    def facts(self, kind: str, name: str) -> Identity:
        """All that is known of this part; what it says itself before what its plug says."""
        plugged = self._plugged(kind, name)
        known = _of_plug(plugged, kind, name)
        for own in self._told():
            if own.name == name:
                known = _over(known, own)
        calibrated = known.calibrated or self._calibrated(kind, name)
        return replace(known, calibrated=calibrated)

    def _plugged(self, kind: str, name: str) -> Plugged | None:
        """What is at the place that the unit's file names for it."""
        written = _written(self._settings(), kind, name)
        if not written:
            return None
        for one in look_around(self._tree):
            if one.node.startswith("/dev/"):
                if self._tree.same(written, one.node.removeprefix("/dev/")):
                    return one
            elif one.name == written:
                return one
        return None

    def _calibrated(self, kind: str, name: str) -> date | None:
        """The older of the two: a camera is as well known as the worse of lens and mount."""
        camera = self._settings().cameras.get(name) if kind == "camera" else None
        if camera is None:
            return None
        sections = (section for section in (camera.lens, camera.mount) if section is not None)
        return min((each.calibrated for each in sections if each.calibrated), default=None)


def _written(settings: Settings, kind: str, name: str) -> str | None:
    """The device, as the unit's file has it."""
    sections: dict[str, tuple[object, str]] = {
        "gnss": (settings.gnss.get(name), "port"),
        "camera": (settings.cameras.get(name), "device"),
        "board": (settings.boards.get(name), "port"),
        "platform": (settings.platforms.get(name), "port"),
        "microphone": (settings.microphones.get(name), "device"),
    }
    section, key = sections.get(kind, (None, ""))
    value = getattr(section, key, None)
    return value if isinstance(value, str) else None


def _of_plug(one: Plugged | None, kind: str, name: str) -> Identity:
    if one is None or one.usb is None:
        return Identity(name=name, kind=kind, model=one.what if one else "")
    known = known_usb(one.usb.vendor, one.usb.product)
    model = one.usb.name or (known.what if known else one.what)
    hardware = f"usb {one.usb.vendor}:{one.usb.product}"
    return Identity(
        name=name, kind=kind, model=model, serial=one.usb.serial or "", hardware=hardware
    )


def _over(below: Identity, above: Identity) -> Identity:
    """`above`, and below it what it does not tell."""
    return replace(
        below,
        model=above.model or below.model,
        serial=above.serial or below.serial,
        firmware=above.firmware or below.firmware,
        hardware=above.hardware or below.hardware,
        calibrated=above.calibrated or below.calibrated,
    )
