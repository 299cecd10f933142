"""What a board means by an error number, and what to do about it.

Zephyr, `mgmt_defines.h` (MGMT_ERR), `img_mgmt.h` (IMG_MGMT_ERR) and `settings_mgmt.h`.
"""

from collections.abc import Mapping
from typing import Any

from firmware_bridge.management.errors import BoardRefusedError

IMAGES, SETTINGS = 1, 3
_GENERAL = {
    1: ("it failed, and does not say why", "reset the board and try again"),
    2: ("it has no memory left", "reset the board and try again"),
    3: ("it does not take these arguments", ""),
    5: ("it knows nothing of that name", "look at the spelling"),
    6: ("it cannot do that in its present state", "look at `patrol-edge firmware info`"),
    7: ("the message is too long for it", ""),
    8: ("its firmware was built without that", "take a firmware with MCUmgr's groups 0, 1 and 3"),
    9: ("what it has stored is damaged", ""),
    10: ("it is busy with something else", "try again in a moment"),
    11: ("its firmware does not allow that", ""),
}
_IMAGES = {
    3: ("there is no image in that slot", ""),
    8: ("it holds no image with that hash", "flash it again"),
    9: ("its second slot is in use", "confirm the image that is on trial, or roll it back"),
    12: ("its flash could not be written", "try again; then replace the board"),
    13: ("its flash could not be erased", "try again; then replace the board"),
    23: ("what it was sent is no MCUboot image", "sign the image with imgtool"),
    25: ("the image was built for another address", "is it an image for this board?"),
    27: ("what runs is newer", "flash with --allow-downgrade"),
    28: ("another image waits for the next start", "reset the board, or roll back"),
    30: ("the image is larger than its slot", "is it an image for this board?"),
    32: ("it does not let the image be confirmed", "look at the board's own log"),
}
_SETTINGS = {
    2: ("that name is too long for it", ""),
    3: ("it has no setting of that name", "look at the spelling"),
    4: ("that setting cannot be read", ""),
    5: ("it has no setting of that name", "look at the spelling"),
    6: ("that setting cannot be changed", ""),
    8: ("it has nowhere to save settings", "take a firmware with a settings back end"),
}
_BY_GROUP = {IMAGES: _IMAGES, SETTINGS: _SETTINGS}


def raise_for(body: Mapping[str, Any], asked_group: int) -> None:
    """Raise BoardRefusedError if this answer is an error, of SMP version 1 or 2."""
    told = body.get("err")
    if isinstance(told, dict) and told.get("rc") != 0:
        _refuse(told.get("group"), told.get("rc"), _BY_GROUP.get(asked_group, {}))
    if body.get("rc", 0) != 0:
        _refuse(None, body["rc"], _GENERAL)


def _refuse(group: object, code: object, known: Mapping[int, tuple[str, str]]) -> None:
    number = code if isinstance(code, int) else -1
    words, cure = known.get(number, (f"it answers error {number}", ""))
    told_group = group if isinstance(group, int) else None
    raise BoardRefusedError(f"the board refuses: {words}", cure, group=told_group, code=number)
