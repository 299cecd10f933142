"""The lines of a unit file for a device that is plugged in."""

from collections.abc import Sequence

from drivers.plugged.looking import Plugged

TRY_GNSS = "# if a GNSS receiver is behind it:"

# By kind, for serial ports by purpose: section, a name to begin with, `kind`, key of the device.
FORMS: dict[str, tuple[str, str, str | None, str]] = {
    "camera": ("cameras", "front", "v4l2", "device"),
    "sound": ("microphones", "outside", "sound", "device"),
    "can": ("platforms", "car", "can", "channel"),
    "iio": ("sensors", "chip", "iio", "device"),
    "power": ("sensors", "battery", "battery", "supply"),
    "gnss": ("gnss", "main", "serial", "port"),
    "serial": ("gnss", "main", "serial", "port"),
    "board": ("boards", "payload", None, "port"),
    "autopilot": ("platforms", "autopilot", "mavlink", "port"),
}


def lines_for(one: Plugged) -> Sequence[str]:
    """Ready to paste; () where nothing of the unit file is about such a device."""
    form = FORMS.get((one.purpose or "serial") if one.kind == "serial" else one.kind)
    not_for_us = (one.kind == "sound" and not one.listens) or (
        one.kind == "power" and not one.what.startswith("battery")
    )
    if form is None or not_for_us:
        return ()
    section, name, kind, key = form
    doubtful = one.kind == "serial" and one.purpose in ("serial", None)
    return (
        *([TRY_GNSS] if doubtful else []),
        f"{section}:",
        f"  {name}:",
        *([f"    kind: {kind}"] if kind else []),
        f"    {key}: {one.name}",
    )
