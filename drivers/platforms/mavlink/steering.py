"""What the unit asks of an autopilot: orders, one at a time, the newest first; and to be set up."""

from config.platforms import MavlinkPlatformConfig
from drivers.platforms.mavlink import doing
from drivers.platforms.mavlink.codec import Heard
from drivers.platforms.mavlink.plan import Plan, unfit
from drivers.platforms.mavlink.setting_up import find_plan, set_up
from drivers.platforms.mavlink.state import Condition
from drivers.platforms.mavlink.talk import Port, Talk, Talking, set_mode
from drivers.platforms.mavlink.transfer import upload
from drivers.platforms.mavlink.vehicle import Vehicle
from drivers.platforms.orders import (
    Abilities,
    Aim,
    Drive,
    EmergencyStop,
    GoHome,
    Hold,
    LoadMission,
    PlatformOrder,
    PlatformSample,
    StartMission,
)
from drivers.samples import Done

DRIVE_S = 0.5  # an order to drive that is not repeated for so long ends
SET_UP_AGAIN_S = 10.0  # where the autopilot did not answer
STALE_S = 5.0  # no attitude for so long: its rates were forgotten, or set by somebody else
PLAN_AGAIN_S = 5.0
OVERTAKEN = "a newer order came before it was done"
NOT_ARMED = "its motors are off, and only a pilot on the spot may arm them"
STRANGERS = "several autopilots speak on this line: set system: to the number of the right one"
STILL = Drive()


class Steering:
    """Of one autopilot, in the driver's thread."""

    def __init__(
        self, port: Port, condition: Condition, config: MavlinkPlatformConfig, *, talks: bool
    ) -> None:
        self._port = port
        self._condition = condition
        self._takes_orders = talks and config.commands
        self._talks = talks
        self._vehicle: Vehicle | None = None
        self._order: tuple[int, Talking] | None = None
        self._loading: tuple[int, Talking, Plan] | None = None
        self._setting_up: Talking | None = None
        self._set_up_s = float("-inf")
        self._attitude_s = float("-inf")
        self._driving_s: float | None = None  # when driving was ordered last
        self._boot_s = port.now_s()
        self._told: Abilities | None = None
        self.has_gimbal = False
        self.version = 1  # of MAVLink, as the autopilot speaks it

    # --- orders ---

    def ask(
        self, token: int, order: PlatformOrder, height_m: float | None, *, mixed: bool
    ) -> list[PlatformSample]:
        """Begin with it; what is refused is answered at once."""
        why = self._refusal(order, height_m, mixed=mixed)
        if why or self._vehicle is None:
            return [Done(token=token, ok=False, text=why)]
        if isinstance(order, LoadMission):
            return self._load(token, order, self._vehicle)
        if isinstance(order, Drive):
            return self._drive(token, order, self._vehicle)
        if isinstance(order, Hold | GoHome | EmergencyStop):
            self._driving_s = None
        return self._begin(token, self._talk(order, self._vehicle))

    def _refusal(self, order: PlatformOrder, height_m: float | None, *, mixed: bool) -> str:
        vehicle = self._vehicle
        if vehicle is None:
            return "no autopilot has been heard yet"
        if type(order) not in self._abilities(vehicle).orders:
            return f"this {vehicle.words} cannot do that"
        if mixed:
            return STRANGERS
        if isinstance(order, LoadMission):
            return unfit(order, vehicle)
        if isinstance(order, StartMission | Drive):
            return self._not_under_way(vehicle, height_m)
        return ""

    def _not_under_way(self, vehicle: Vehicle, height_m: float | None) -> str:
        """Why it may not be moved: only a pilot arms and takes off."""
        if not self._condition.armed:
            return NOT_ARMED
        if vehicle.flies and not self._condition.in_the_air(height_m):
            return doing.ON_THE_GROUND
        return ""

    def _talk(self, order: PlatformOrder, vehicle: Vehicle) -> Talk:
        match order:
            case Hold():
                return doing.hold(self._port, vehicle)
            case GoHome():
                return doing.go_home(self._port)
            case StartMission():
                return doing.start_mission(self._port, vehicle)
            case Aim():
                return doing.aim(self._port, order)
            case _:
                return doing.stop_for_good(self._port, vehicle)

    def _begin(self, token: int, talk: Talk) -> list[PlatformSample]:
        """The one that is under way gives way: two that both set a mode would mix up."""
        given_up = list[PlatformSample]()
        if self._order is not None:
            self._order[1].end(OVERTAKEN)
            given_up.append(Done(token=self._order[0], ok=False, text=OVERTAKEN))
        self._order = (token, Talking(talk))
        self._order[1].begin()
        return given_up

    def _load(self, token: int, order: LoadMission, vehicle: Vehicle) -> list[PlatformSample]:
        given_up = list[PlatformSample]()
        if self._loading is not None:
            self._loading[1].end(OVERTAKEN)
            given_up.append(Done(token=self._loading[0], ok=False, text=OVERTAKEN))
        if self._setting_up is not None:
            self._setting_up.end(OVERTAKEN)  # it may be reading the old mission
        plan = Plan.of(order, vehicle)
        self._condition.note_plan(None)
        self._loading = (token, Talking(upload(self._port, plan)), plan)
        self._loading[1].begin()
        return given_up

    def _drive(self, token: int, order: Drive, vehicle: Vehicle) -> list[PlatformSample]:
        now_s = self._port.now_s()
        self._driving_s = None if order == STILL else now_s
        if order != STILL and self._condition.mode(vehicle) != "GUIDED":
            return self._begin(token, self._guided(order, vehicle))
        self._send(order)
        return [Done(token=token, ok=True)]

    def _guided(self, order: Drive, vehicle: Vehicle) -> Talk:
        why = yield from set_mode(self._port, vehicle, "GUIDED")
        if not why and self._driving_s is not None:
            self._send(order)
        return why

    def _send(self, order: Drive) -> None:
        boot_ms = int(1000 * (self._port.now_s() - self._boot_s))
        doing.send_velocity(self._port, order, boot_ms)

    def stand_still(self) -> None:
        """Where it is being driven, it stops. Raises DeviceLostError."""
        if self._driving_s is not None:
            self._driving_s = None
            self._send(STILL)

    # --- what is heard ---

    def hear(self, message: Heard, vehicle: Vehicle) -> None:
        self._vehicle = vehicle
        self.version = max(self.version, message.version)
        if message.name == "ATTITUDE":
            self._attitude_s = self._port.now_s()
        for talking in self._talkings():
            talking.hear(message)

    def _talkings(self) -> list[Talking]:
        found = [self._order[1]] if self._order else []
        found += [self._loading[1]] if self._loading else []
        return [*found, *([self._setting_up] if self._setting_up else [])]

    def set_up_again(self) -> None:
        self._set_up_s = float("-inf")
        self._setting_up = None

    # --- time passes ---

    def tick(self, now_s: float) -> list[PlatformSample]:
        """Raises DeviceLostError."""
        for talking in self._talkings():
            talking.tick(now_s)
        if self._driving_s is not None and now_s - self._driving_s > DRIVE_S:
            self.stand_still()
        if self._vehicle is None:
            return []
        self._mind_set_up(now_s, self._vehicle)
        return [*self._settled(), *self._news(self._vehicle)]

    def _settled(self) -> list[PlatformSample]:
        """Answers to those who asked."""
        done = list[PlatformSample]()
        if self._order is not None and self._order[1].result is not None:
            (token, talking), self._order = self._order, None
            done.append(Done(token=token, ok=not talking.result, text=talking.result or ""))
        if self._loading is not None and self._loading[1].result is not None:
            (token, talking, plan), self._loading = self._loading, None
            if talking.result == "":
                self._condition.note_plan(plan)
            done.append(Done(token=token, ok=not talking.result, text=talking.result or ""))
        return done

    def _mind_set_up(self, now_s: float, vehicle: Vehicle) -> None:
        """Its rates, who it is, its mission; again when that was forgotten or changed."""
        if not self._talks or self._loading is not None:
            return
        under_way = self._setting_up
        if under_way is not None and under_way.result is None:
            return
        since_s = now_s - self._set_up_s
        failed = under_way is None or bool(under_way.result)
        stale = now_s - self._attitude_s > STALE_S
        talk: Talk | None = None
        if (failed or stale) and since_s >= SET_UP_AGAIN_S:
            talk = set_up(self._port, vehicle, self._condition.note_plan)
        elif self._condition.holds_another_plan and since_s >= PLAN_AGAIN_S:
            talk = find_plan(self._port, vehicle, self._condition.note_plan)
        if talk is not None:
            self._set_up_s, self._setting_up = now_s, Talking(talk)
            self._setting_up.begin()

    def _abilities(self, vehicle: Vehicle) -> Abilities:
        orders: set[type] = set()
        if self._takes_orders:
            orders = {LoadMission, GoHome}
            orders |= {Hold, EmergencyStop} if vehicle.holds else set()
            orders |= {StartMission} if vehicle.stack != "other" else set()
            orders |= {Drive} if vehicle.drives else set()
            orders |= {Aim} if self.has_gimbal else set()
        return Abilities(orders=frozenset(orders), gives_position=True, flies=vehicle.flies)

    def _news(self, vehicle: Vehicle) -> list[PlatformSample]:
        abilities = self._abilities(vehicle)
        if abilities == self._told:
            return []
        self._told = abilities
        return [abilities]
