"""Missions to an autopilot and back (mavlink.io/en/services/mission.html).

Upload: MISSION_COUNT, then each item when it is asked for, then MISSION_ACK. Download:
MISSION_REQUEST_LIST, MISSION_COUNT, then each item is asked for. Whoever asks asks again.
"""

from collections.abc import Generator, Sequence

from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.numbers import MAV_MISSION_ACCEPTED, MAV_MISSION_INVALID_SEQUENCE
from drivers.platforms.mavlink.plan import Item, Plan
from drivers.platforms.mavlink.talk import SILENT, Port, Talk, Wait

# The protocol's own figures are 1.5 s for the first answer, 0.25 s for an item, 5 tries; a radio
# of 57,600 baud with half its time for others needs somewhat more for an item.
FIRST_S, ITEM_S, TRIES = 1.5, 0.6, 6
UPLOADING = frozenset({"MISSION_REQUEST", "MISSION_REQUEST_INT", "MISSION_ACK"})
COUNT = frozenset({"MISSION_COUNT", "MISSION_ACK"})
ITEMS = frozenset({"MISSION_ITEM_INT", "MISSION_ITEM"})
MOST_ITEMS = 4096
MISSION = 0  # MAV_MISSION_TYPE: not a fence, not rally points

# MAV_MISSION_RESULT in a technician's words.
RESULTS = {
    1: "it takes no mission now",
    2: "it does not know heights above the take-off place",
    3: "it does not know one of the items",
    4: "it has no room for so many points",
    5: "one of the values is not possible",
    13: "the points came in another order",
    14: "it takes missions from somebody else only",
    15: "it was called off",
}

Download = Generator[Wait, Heard | None, list[Item] | str]


def upload(port: Port, plan: Plan) -> Talk:
    """Hand it over, read it back, compare."""
    why = yield from _send(port, plan.items)
    if why:
        return why
    back = yield from download(port)
    if isinstance(back, str):
        return f"handed over, but not to be read back: {back}"
    wrong = plan.matches(back)
    return wrong and f"handed over, but {wrong}"


def _send(port: Port, items: Sequence[Item]) -> Talk:
    def count() -> None:
        port.send("MISSION_COUNT", count=len(items), mission_type=MISSION)

    def item(number: int) -> None:
        port.send("MISSION_ITEM_INT", **items[number].fields(number), mission_type=MISSION)

    count()
    asked, tries, until_s = -1, 1, port.now_s() + FIRST_S
    while tries <= TRIES:
        message = yield Wait(UPLOADING, until_s)
        if message is None:  # the one who asks asks again; but our answer may not have come
            tries += 1
            item(asked) if asked >= 0 else count()
            until_s = port.now_s() + FIRST_S
            continue
        if getattr(message.fields, "mission_type", MISSION) != MISSION:
            continue
        if message.name == "MISSION_ACK":
            result = message.fields.type
            if result == MAV_MISSION_INVALID_SEQUENCE or (result == 0 and asked < len(items) - 1):
                continue  # of an earlier, lost exchange: it asks again for what it wants
            return mission_words(result)
        number = message.fields.seq
        if not 0 <= number < len(items):
            return f"it asks for item {number} of {len(items)}"
        tries = tries if number == asked else 1
        asked = number
        item(number)
        until_s = port.now_s() + FIRST_S
    return f"{SILENT} It was left at item {asked + 1} of {len(items)}"


def mission_words(result: int) -> str:
    """Why not; "" for done."""
    if result == MAV_MISSION_ACCEPTED:
        return ""
    if 6 <= result <= 12:
        return f"it does not take parameter {result - 5} of one of the points"
    return RESULTS.get(result, f"it refuses the mission, with the number {result}")


def download(port: Port) -> Download:
    """The items that it holds; or why they cannot be had."""
    count = yield from _count(port)
    if isinstance(count, str):
        return count
    items = list[Item]()
    for number in range(count):
        item = yield from _item(port, number)
        if item is None:
            return f"it does not tell item {number} of {count}"
        items.append(item)
    port.send("MISSION_ACK", type=MAV_MISSION_ACCEPTED, mission_type=MISSION)
    return items


def _count(port: Port) -> Generator[Wait, Heard | None, int | str]:
    for _ in range(TRIES):
        port.send("MISSION_REQUEST_LIST", mission_type=MISSION)
        until_s = port.now_s() + FIRST_S
        while (message := (yield Wait(COUNT, until_s))) is not None:
            if message.name == "MISSION_COUNT":
                count = int(message.fields.count)
                return count if count <= MOST_ITEMS else f"it says that it holds {count} items"
            if message.fields.type not in (MAV_MISSION_ACCEPTED, MAV_MISSION_INVALID_SEQUENCE):
                return mission_words(message.fields.type)
    return SILENT


def _item(port: Port, number: int) -> Generator[Wait, Heard | None, Item | None]:
    for _ in range(TRIES):
        port.send("MISSION_REQUEST_INT", seq=number, mission_type=MISSION)
        until_s = port.now_s() + ITEM_S
        while (message := (yield Wait(ITEMS, until_s))) is not None:
            if message.fields.seq == number and message.name == "MISSION_ITEM_INT":
                return Item.of(message.fields)
    return None
