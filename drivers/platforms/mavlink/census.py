"""Who speaks on the line: which of them is our autopilot, and what is wrong where none is."""

from config.language import tell
from drivers.platforms.mavlink.boot_clock import BootClock
from drivers.platforms.mavlink.codec import Codec, Heard
from drivers.platforms.mavlink.numbers import MAV_AUTOPILOT_INVALID
from drivers.platforms.mavlink.vehicle import Vehicle, carries_a_vehicle

STRANGER_S = 5.0  # a heartbeat comes every second
RESTARTS, RESTARTS_S = 3, 10.0  # more than an autopilot does: two with the same number
# Parts of the same vehicle that are no autopilot may tell these.
OF_PARTS = frozenset(
    {"GIMBAL_DEVICE_ATTITUDE_STATUS", "MOUNT_ORIENTATION", "OPEN_DRONE_ID_ARM_STATUS",
     "BATTERY_STATUS", "DISTANCE_SENSOR", "COMMAND_ACK"}
)  # fmt: skip


class Census:
    """Takes every message; passes on those of our vehicle."""

    def __init__(self, wanted: int | None) -> None:
        """`wanted`: the number of its system, where that was set."""
        self._wanted = wanted
        self._strangers: dict[int, float] = {}  # other autopilots, heard last
        self._others: set[int] = set()  # whatever else speaks: stations, radios
        self._restarts: list[float] = []
        self.boot = BootClock()
        self.ours: tuple[int, int] | None = None  # system and component
        self.vehicle: Vehicle | None = None
        self.foreign = 0  # messages of others
        self.heard_s: float | None = None  # of our autopilot, last

    def take(self, message: Heard, heard_s: float) -> bool:
        """Whether it is of our vehicle."""
        if message.name == "HEARTBEAT" and self._is_autopilot(message):
            self._note_autopilot(message, heard_s)
        if self.ours is None or message.system != self.ours[0]:
            self._others.add(message.system)
            self.foreign += self.ours is not None
            return False
        if message.component != self.ours[1]:
            return message.name in OF_PARTS
        self.heard_s = heard_s
        return True

    def _is_autopilot(self, message: Heard) -> bool:
        fields = message.fields
        return fields.autopilot != MAV_AUTOPILOT_INVALID and carries_a_vehicle(fields.type)

    def _note_autopilot(self, message: Heard, heard_s: float) -> None:
        who = (message.system, message.component)
        wanted = self._wanted in (None, message.system)
        if self.ours is None and wanted:
            self.ours = who
        if self.ours == who:
            self.vehicle = Vehicle.of(message.fields.type, message.fields.autopilot)
        elif wanted:
            self._strangers[message.system] = heard_s

    def note_restart(self, heard_s: float) -> None:
        """The autopilot's clock went back."""
        self._restarts = [at for at in self._restarts if heard_s - at < RESTARTS_S] + [heard_s]

    def strangers(self, now_s: float) -> tuple[int, ...]:
        """Other autopilots on this line; ours, too, where two have its number."""
        found = {each for each, at in self._strangers.items() if now_s - at < STRANGER_S}
        recent = [at for at in self._restarts if now_s - at < RESTARTS_S]
        if self.ours is not None and len(recent) >= RESTARTS:
            found.add(self.ours[0])
        return tuple(sorted(found))

    def silence(self, codec: Codec, silent_s: float) -> str:
        """What to look for, where no autopilot is heard."""
        counted = codec.counters
        if self.heard_s is not None:
            return tell(
                "the autopilot says nothing for {silent_s:.0f} s: is it on, is its plug in?",
                silent_s=silent_s,
            )
        if counted["unsigned"]:
            return tell(
                "messages come, but none is signed with our key: give the autopilot the same "
                "key, or take signing_key_file out"
            )
        if self._others:
            systems = ", ".join(map(str, sorted(self._others)))
            which = f"system {self._wanted}" if self._wanted else "an autopilot"
            return tell(
                "system {systems} speaks, but {which} does not: is it on?",
                systems=systems,
                which=which,
            )
        if counted["garbage_bytes"] + counted["bad_checksum"] > 0:
            return tell(
                "bytes come, but no MAVLink: the baud rate is wrong, or the autopilot's port "
                "is set to another protocol (SERIALn_PROTOCOL, MAV_n_CONFIG)"
            )
        return tell(
            "nothing came for {silent_s:.0f} s: is it on, are RX and TX the right way round?",
            silent_s=silent_s,
        )
