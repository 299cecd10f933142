"""The lines of a unit file for a device that is plugged in."""

from collections.abc import Sequence

from drivers.plugged.looking import Plugged

TRY_GNSS = "# if a GNSS receiver is behind it:"


def lines_for(one: Plugged) -> Sequence[str]:
    """Ready to paste; () where nothing of the unit file is about such a device."""
    if one.kind == "camera":
        return ("cameras:", "  front:", "    kind: v4l2", f"    device: {one.name}")
    if one.kind == "sound" and one.listens:
        return ("microphones:", "  outside:", "    kind: sound", f"    device: {one.name}")
    if one.kind == "serial" and one.purpose == "gnss":
        return _gnss(one)
    if one.kind == "serial" and one.purpose in (None, "serial"):
        return (TRY_GNSS, *_gnss(one))
    return ()


def _gnss(one: Plugged) -> Sequence[str]:
    return ("gnss:", "  main:", "    kind: serial", f"    port: {one.name}")
