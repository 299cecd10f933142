"""The autopilot's side of the mission protocol, and the way along a mission's items."""

import math
from dataclasses import dataclass, field, replace

from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.numbers import (
    MAV_CMD_NAV_LAND,
    MAV_CMD_NAV_LOITER_UNLIM,
    MAV_CMD_NAV_RETURN_TO_LAUNCH,
    MAV_CMD_NAV_WAYPOINT,
    MAV_FRAME_GLOBAL,
    MAV_FRAME_GLOBAL_RELATIVE_ALT,
    MAV_FRAME_GLOBAL_RELATIVE_ALT_INT,
    MAV_MISSION_ACCEPTED,
    MAV_MISSION_ERROR,
    MAV_MISSION_INVALID_SEQUENCE,
)
from drivers.platforms.mavlink.plan import Item
from drivers.platforms.mavlink.talk import Port
from drivers.simulated.mavlink.flight import Spot

ASK_AGAIN_S = 0.7
GIVE_UP = 8
NO_SPACE, UNSUPPORTED = 4, 3  # MAV_MISSION_RESULT
MOST_ITEMS = 724  # ArduPilot on a common board
KNOWN = frozenset(
    {MAV_CMD_NAV_WAYPOINT, MAV_CMD_NAV_LOITER_UNLIM, MAV_CMD_NAV_RETURN_TO_LAUNCH,
     MAV_CMD_NAV_LAND, 22, 178, 189}
)  # fmt: skip


@dataclass(slots=True)
class Upload:
    """A mission that is being received."""

    count: int
    items: list[Item] = field(default_factory=list)
    asked_s: float = 0.0
    asks: int = 0


class MissionStore:
    """Holds the items; speaks the protocol through a port."""

    def __init__(self, port: Port, *, keeps_home: bool, home: Spot) -> None:
        self._port = port
        self._keeps_home = keeps_home
        self._home = home
        self._upload: Upload | None = None
        self.items: list[Item] = [self._home_item()] if keeps_home else []
        self.current = 0
        self.loaded = 0  # missions, since the start
        self.damages = False  # keeps another place than it was given

    def _home_item(self) -> Item:
        lat, lon = round(self._home.lat_deg * 1e7), round(self._home.lon_deg * 1e7)
        return Item(MAV_CMD_NAV_WAYPOINT, MAV_FRAME_GLOBAL, x=lat, y=lon)

    @property
    def first(self) -> int:
        return int(self._keeps_home)

    @property
    def total(self) -> int:
        """As MISSION_CURRENT counts."""
        return len(self.items) - self.first

    # --- protocol ---

    def hear(self, message: Heard) -> None:
        fields = message.fields
        kind = getattr(fields, "mission_type", 0)
        match message.name:
            case "MISSION_COUNT" if kind == 0:
                self._begin(fields.count)
            case "MISSION_ITEM_INT" if kind == 0:
                self._receive(fields)
            case "MISSION_REQUEST_LIST":
                self._port.send(
                    "MISSION_COUNT", count=0 if kind else len(self.items), mission_type=kind
                )
            case "MISSION_REQUEST_INT" | "MISSION_REQUEST" if kind == 0:
                self._tell(fields.seq)
            case "MISSION_CLEAR_ALL":
                if kind == 0:
                    self.load([])
                self._ack(MAV_MISSION_ACCEPTED, kind)
            case "MISSION_COUNT":
                self._ack(UNSUPPORTED, kind)
            case _:
                return

    def _begin(self, count: int) -> None:
        if count > MOST_ITEMS:
            self._ack(NO_SPACE)
        elif count == 0:
            self.load([])
            self._ack(MAV_MISSION_ACCEPTED)
        else:
            self._upload = Upload(count)
            self._ask()

    def _ask(self) -> None:
        upload = self._upload
        if upload is None:
            return
        upload.asked_s, upload.asks = self._port.now_s(), upload.asks + 1
        self._port.send("MISSION_REQUEST_INT", seq=len(upload.items), mission_type=0)

    def _receive(self, fields: object) -> None:
        upload, item = self._upload, Item.of(fields)
        number = getattr(fields, "seq", -1)
        if upload is None or number != len(upload.items):
            if upload is None:
                self._ack(MAV_MISSION_INVALID_SEQUENCE)
            return  # came twice: what is missing is asked for again
        if item.command not in KNOWN:
            self._upload = None
            self._ack(UNSUPPORTED)
            return
        upload.items.append(self._stored(item))
        upload.asks = 0
        if len(upload.items) < upload.count:
            self._ask()
            return
        self._upload = None
        self.load(upload.items)
        self._ack(MAV_MISSION_ACCEPTED)

    def _stored(self, item: Item) -> Item:
        """As ArduPilot keeps it: centimetres, whole seconds, the older name of the frame."""
        frame = item.frame
        if frame == MAV_FRAME_GLOBAL_RELATIVE_ALT_INT and self._keeps_home:
            frame = MAV_FRAME_GLOBAL_RELATIVE_ALT
        x = item.x + 5000 if self.damages else item.x
        hold_s = round(item.param1) if math.isfinite(item.param1) else 0
        height_m = round(item.z, 2) if math.isfinite(item.z) else 0.0
        return replace(item, frame=frame, x=x, z=height_m, param1=float(hold_s))

    def load(self, items: list[Item]) -> None:
        """These from now on; the first one is its home, where it keeps that."""
        home = [self._home_item()] if self._keeps_home else []
        self.items = [*home, *items[self.first :]]
        self.current = min(self.first, max(0, len(self.items) - 1))
        self.loaded += 1

    def _tell(self, number: int) -> None:
        if not 0 <= number < len(self.items):
            self._ack(MAV_MISSION_ERROR)
            return
        fields = self.items[number].fields(number)
        self._port.send("MISSION_ITEM_INT", **fields, mission_type=0)

    def _ack(self, result: int, kind: int = 0) -> None:
        self._port.send("MISSION_ACK", type=result, mission_type=kind)

    def tick(self, now_s: float) -> None:
        """Ask again for what did not come."""
        upload = self._upload
        if upload is None or now_s - upload.asked_s < ASK_AGAIN_S:
            return
        if upload.asks >= GIVE_UP:
            self._upload = None
            return
        self._ask()

    # --- the way ---

    def item(self) -> Item | None:
        """The one under way; None at the end."""
        return self.items[self.current] if self.current < len(self.items) else None
