"""How the kernel has a CAN bus set up, as `ip` tells it; with the command that would mend it."""

import json
import subprocess
from pathlib import Path

from config.language import tell
from drivers.base import DeviceUnavailableError

NET = Path("/sys/class/net")
USUAL_BITRATE = 500_000  # ISO 15765-4: 250 000 or 500 000


def check_link(channel: str, bitrate: int | None) -> None:
    """Raises DeviceUnavailableError where the bus is not there, not up, or at another bit rate."""
    if not (NET / channel).exists():
        raise DeviceUnavailableError(
            tell(
                "there is no CAN bus {channel}; `ip -br link` lists what there is; is the "
                "adapter's driver loaded?",
                channel=channel,
            )
        )
    try:
        asked = subprocess.run(  # noqa: S603 - a list, no shell; the name was checked by `ip`
            ("ip", "-details", "-json", "link", "show", "dev", channel),  # noqa: S607
            capture_output=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return  # without iproute2 nothing is known; opening the bus says what is wrong
    if asked.returncode == 0:  # else it may not ask (AF_NETLINK): the same
        judge(channel, bitrate, asked.stdout)


def judge(channel: str, bitrate: int | None, told: bytes) -> None:
    """The same, from what `ip` wrote. What it does not say is no fault."""
    try:
        link = json.loads(told)[0]
        kind = link.get("linkinfo", {}).get("info_kind")
        timing = link.get("linkinfo", {}).get("info_data", {}).get("bittiming", {})
        up, real = "UP" in link.get("flags", ()), timing.get("bitrate")
    except (ValueError, LookupError, AttributeError, TypeError):
        return
    if kind not in ("can", "vcan", "vxcan", None):
        raise DeviceUnavailableError(
            tell(
                "{channel} is no CAN bus but a {kind}; see `ip -br link`",
                channel=channel,
                kind=kind,
            )
        )
    set_up = f"ip link set {channel} up" + (
        f" type can bitrate {bitrate or USUAL_BITRATE} restart-ms 100" if kind == "can" else ""
    )
    if not up:
        raise DeviceUnavailableError(
            tell("{channel} is switched off; `sudo {set_up}`", channel=channel, set_up=set_up)
        )
    if bitrate is not None and isinstance(real, int) and real != bitrate:
        raise DeviceUnavailableError(
            tell(
                "{channel} runs at {real} bit/s, and the unit's file says {bitrate}; correct "
                "it there, or `sudo ip link set {channel} down && sudo {set_up}`",
                channel=channel,
                real=real,
                bitrate=bitrate,
                set_up=set_up,
            )
        )
