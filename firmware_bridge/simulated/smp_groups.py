"""What a simulated board does for each command of SMP's groups 0, 1 and 3."""

from collections.abc import Callable
from typing import Any

from firmware_bridge.simulated.settings import SettingsStore
from firmware_bridge.simulated.slots import Boot, Slots
from firmware_bridge.simulated.smp_refusal import RefusedError
from firmware_bridge.simulated.upload import Upload

Told = dict[str, Any]
Handler = Callable[[Told], Told]
Commands = dict[tuple[int, bool], Handler]  # number, and whether it writes
Groups = dict[int, Commands]

INVALID, NO_ENTRY = 3, 5
IMAGE_NOT_FOUND, DENIED = 8, 33  # HASH_NOT_FOUND, IMAGE_SETTING_TEST_TO_ACTIVE_DENIED
KEY_TOO_LONG, KEY_NOT_FOUND = 2, 3
SETTING_BYTES, NAME_CHARACTERS = 256, 64


def system_group(
    model: str, hardware: str, parameters: Callable[[], Told], reset: Callable[[], None]
) -> Commands:
    facts = {
        "s": "Zephyr",
        "n": "unknown",
        "r": "4.2.0",
        "v": "4.2.0",
        "m": "simulated",
        "p": "simulated",
        "i": f"{model}@{hardware}/simulated",
        "o": "Zephyr",
    }

    def echo(wanted: Told) -> Told:
        if not isinstance(wanted.get("d"), str):
            raise RefusedError(INVALID)
        return {"r": wanted["d"]}

    def info(wanted: Told) -> Told:
        form = wanted.get("format", "s")
        if not isinstance(form, str) or set(form) - set(facts) - {"a"}:
            raise RefusedError(INVALID, 2)
        asked = facts if "a" in form else {key: facts[key] for key in facts if key in form}
        return {"output": " ".join(asked.values())}

    def loader(wanted: Told) -> Told:
        return {"mode": 3} if wanted.get("query") == "mode" else {"bootloader": "MCUboot"}

    def restart(_wanted: Told) -> Told:
        reset()
        return {}

    return {
        (0, False): echo,  # Zephyr answers both ways, and other clients ask so
        (0, True): echo,
        (5, True): restart,
        (6, False): lambda _wanted: parameters(),
        (7, False): info,
        (8, False): loader,
    }


def images_group(slots: Slots, upload: Upload) -> Commands:
    def state(_wanted: Told) -> Told:
        return {"images": [_slot(each) for each in slots.told()], "splitStatus": 0}

    def mark(wanted: Told) -> Told:
        for_good = wanted.get("confirm", False)
        slot = _meant(slots, wanted.get("hash"), for_good=for_good)
        if slot == 1:
            slots.mark(for_good=for_good)
        elif for_good:
            slots.confirm()
        else:
            raise RefusedError(INVALID, DENIED)
        return state({})

    def erase(wanted: Told) -> Told:
        if wanted.get("slot", 1) != 1 or slots.state is not Boot.SETTLED:
            raise RefusedError(6, 9)
        upload.forget()
        slots.erase()
        return {}

    return {(0, False): state, (0, True): mark, (1, True): upload.take, (5, True): erase}


def _meant(slots: Slots, wanted: object, *, for_good: object) -> int:
    """The slot with the image of this hash; without one, what runs is confirmed."""
    if wanted is None and for_good is True:
        return 0
    for each in slots.told():
        if each.image.hash == wanted:
            return each.slot
    raise RefusedError(INVALID, IMAGE_NOT_FOUND)


def _slot(each: Any) -> Told:
    told = {"slot": each.slot, "version": each.image.version, "hash": each.image.hash}
    flags = {"bootable": True} | {
        name: getattr(each, name) for name in ("pending", "confirmed", "active", "permanent")
    }
    return told | flags


class _Settings:
    """Group 3. Zephyr's `settings_mgmt`."""

    def __init__(self, store: SettingsStore) -> None:
        self._store = store

    def read(self, wanted: Told) -> Told:
        return {"val": self._store.values[self._known(wanted)]}

    def write(self, wanted: Told) -> Told:
        name, value = _name(wanted), wanted.get("val")
        if not isinstance(value, bytes) or len(value) > SETTING_BYTES:
            raise RefusedError(INVALID)
        self._store.values[name] = value
        return {}

    def delete(self, wanted: Told) -> Told:
        del self._store.values[self._known(wanted)]
        return {}

    def load(self, _wanted: Told) -> Told:
        self._store.load()
        return {}

    def save(self, _wanted: Told) -> Told:
        self._store.save()
        return {}

    def _known(self, wanted: Told) -> str:
        name = _name(wanted)
        if name not in self._store.values:
            raise RefusedError(NO_ENTRY, KEY_NOT_FOUND)
        return name


def _name(wanted: Told) -> str:
    name = wanted.get("name")
    if not isinstance(name, str) or not name:
        raise RefusedError(INVALID)
    if len(name) > NAME_CHARACTERS:
        raise RefusedError(INVALID, KEY_TOO_LONG)
    return name


def settings_group(store: SettingsStore) -> Commands:
    settings = _Settings(store)
    return {
        (0, False): settings.read,
        (0, True): settings.write,
        (1, True): settings.delete,
        (2, True): lambda _wanted: {},
        (3, False): settings.load,
        (3, True): settings.save,
    }
