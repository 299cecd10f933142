"""What the unit says and shines, under one roof: who may, for how long, and what forbids it."""

import shutil
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from config.models import Settings
from drivers.actuators.actuator import Output
from drivers.actuators.speech import Speech
from drivers.clock import Clock
from edge.acting.announcer import Announcer, Voice
from edge.acting.claims import Level, Refusal, Wish
from edge.acting.clips import Clips
from edge.acting.conditions import Conditions
from edge.acting.crew import crew_controls
from edge.acting.desk import Desk
from edge.acting.openers import open_device
from edge.acting.orders import order_handlers, readers
from edge.acting.outlet import Outlet
from edge.acting.record import ActingBook
from edge.acting.sounding import Sounds, sound_handlers
from edge.acting.switching import Switching
from edge.acting.telling import Telling
from edge.acting.wishes import of_kind
from edge.body.body import Body
from edge.reporting.acting_findings import acting_findings, sound_findings
from edge.reporting.finding import Finding
from edge.running.driver_loop import DriverHealth
from edge.running.worker import Beat, WorkOf
from edge.seeing.witness import Witness
from edge.tasks.local import Control
from edge.tasks.memory import Memory
from edge.tasks.modes import Tuned
from telemetry.commands.handling import Handler
from telemetry.contract.body import Actuator

ACTING_FILE = "acting.json"
LOOK_EVERY_S = 0.1
SOS = "sos"
SOS_FOR_S = 10.0  # said again while the call stands


class Acting:
    """Made before anything runs."""

    def __init__(
        self,
        settings: Settings,
        body: Body,
        witness: Witness,
        clock: Clock,
        sos: Callable[[], str | None] = lambda: None,
        voice: Voice | None = None,
    ) -> None:
        """`sos`: the call for help that stands."""
        self.changed: Callable[[], None] = _nobody  # called when the state is another
        self._settings = settings
        self._body = body
        self._witness = witness
        self._clock = clock
        self._sos = sos
        self._sos_lit: dict[str, str] = {}  # by actuator, the call that it was switched on for
        self._lamp_dark = False
        self._telling = Telling(witness, clock)
        outlets = {
            name: Outlet(name, config, clock, lambda: self.changed())
            for name, config in settings.actuators.items()
        }
        config = settings.acting
        conditions = Conditions(config, settings.actuators, self._time_of_day, body.battery_percent)
        memory = Memory(settings.state_dir / ACTING_FILE, ActingBook)
        self.desk = Desk(outlets, config.exclusions, conditions, memory, clock, self._telling.ended)
        self._switching = Switching(self.desk)
        self._announcer = Announcer(self.desk, clock)
        self._sounds = self._sounds_of(voice or Speech(config.speech))

    def _sounds_of(self, voice: Voice) -> Sounds | None:
        """None without a loudspeaker."""
        folder = self._settings.state_dir / "talk"
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was cut off: somebody's voice
        if not of_kind(self.desk.outlets, "speaker"):
            return None
        clips = Clips.look(self._settings.acting.clips_dir)
        return Sounds(self.desk, self._announcer, voice, clips, folder)

    def _time_of_day(self) -> datetime | None:
        now, quality = self._witness.timebase.now()
        return None if quality == "none" else now

    # --- what it is told ---

    def tune(self, tuned: Tuned) -> None:
        """A component of `Tuning`: the mode has changed. In stealth all is off when this returns;
        nothing comes back by itself afterwards."""
        self.desk.tune(stealth=tuned.stealth)
        self.changed()

    def link(self, heard_mono_s: float) -> None:
        """When the hub was heard last. Called again and again, by the publisher's thread."""
        self.desk.conditions.hub_heard_s = heard_mono_s

    @property
    def needs_the_hub(self) -> bool:
        """Whether something is on that goes off when the hub is not heard any more."""
        return any(each.claim.origin == "hub" for each in self.desk.holdings.values())

    @property
    def stealth(self) -> bool:
        return self.desk.conditions.stealth

    def claim(
        self, level: Level, actuator: str, wanted: Output, for_s: float, source: str, why: str = ""
    ) -> Refusal | None:
        """For emergencies, plans and programmes: on for so long, unless it is said again.

        A programme that loses against a higher level waits. Why not, where a rule forbids it.
        """
        wish = Wish(
            fitting=actuator, level=level, wanted=wanted, for_s=for_s, source=source, why=why
        )
        refusal = self.desk.act([wish])[0].refusal
        if self.desk.outlets[actuator].kind == "record_lamp":
            self._note_lamp(actuator, refusal)
        return refusal

    def _note_lamp(self, actuator: str, refusal: Refusal | None) -> None:
        """Whoever is recorded and does not see it: that is on record."""
        if refusal is not None and not self._lamp_dark:
            self._witness.note("record_lamp_dark", actuator=actuator, why=refusal.text)
        self._lamp_dark = refusal is not None

    def release(self, actuator: str, source: str) -> None:
        """The source wants it no more."""
        self.desk.take_back(lambda claim: (claim.fitting, claim.source) == (actuator, source))

    def emergency_stop(self) -> None:
        """Somebody has pressed the button: what is on ends, but for warning lights and the lamp
        that tells of recording."""
        left = ("beacon", "record_lamp")
        self.desk.take_back(lambda claim: self.desk.outlets[claim.fitting].kind not in left)

    # --- workers ---

    def works(self) -> dict[str, WorkOf]:
        if not self.desk.outlets:
            return {}
        found: dict[str, WorkOf] = {
            f"actuator.{name}": partial(self._keep_open, outlet)
            for name, outlet in self.desk.outlets.items()
        }
        if self._sounds is not None:
            found["announcer"] = self._announcer.work
        return found | {"acting": self._work}

    def _keep_open(self, outlet: Outlet, beat: Beat, stop: threading.Event) -> None:
        opener = partial(open_device, outlet.name, outlet.config, self._body, self._clock)
        outlet.work(opener, beat, stop)

    def _work(self, beat: Beat, stop: threading.Event) -> None:
        try:
            while not stop.wait(LOOK_EVERY_S):
                beat()
                held = self.desk.holdings
                self._call_for_help()
                self.desk.look()
                if held.keys() != self.desk.holdings.keys():
                    self.changed()
        finally:  # nothing may stay on that nobody looks after
            self.desk.take_back(lambda _claim: True)

    def _call_for_help(self) -> None:
        """Lights of a call for help go on once, and stay while it stands. Whoever puts one of them
        out may be hiding: none goes on any more for this call."""
        call = self._sos()
        left_s = {
            each.fitting: self.desk.left_s(each) for each in self.desk.claims if each.source == SOS
        }
        put_out = any(lit == call and name not in left_s for name, lit in self._sos_lit.items())
        for name in self._settings.acting.on_sos:
            if call is None:
                self._sos_lit.pop(name, None)
                if name in left_s:
                    self.release(name, SOS)
                continue
            begins = name not in left_s and not put_out
            if begins or 0.0 < left_s.get(name, 0.0) < SOS_FOR_S / 2:
                self._light_up(name, call)

    def _light_up(self, name: str, call: str) -> None:
        output = Output(level=1.0, pattern=_pattern(self.desk.outlets[name]))
        refusal = self.claim(Level.EMERGENCY, name, output, SOS_FOR_S, SOS, call)
        if refusal is None or refusal.code != "wrong_state":  # one that is away is tried again
            self._sos_lit[name] = call

    # --- what it can be told to do ---

    def handlers(self) -> dict[str, Handler]:
        """For the orders of the hub, by their names in the contract."""
        found = order_handlers(self.desk, self._switching)
        return found if self._sounds is None else found | sound_handlers(self._sounds)

    def unable(self) -> frozenset[str]:
        """Commands that nothing here can carry out: no hub should offer them."""
        return frozenset() if self._sounds is None else self._sounds.unable()

    def controls(self) -> dict[str, Control]:
        """For the crew, over the local control socket."""
        known = readers(self.desk.outlets)
        return crew_controls(self.desk, self._switching, known, self._status, self._sounds)

    def _status(self) -> dict[str, Any]:
        conditions = self.desk.conditions
        return {
            "stealth": conditions.stealth,
            "stopped_by": self.desk.book.stopped_by,
            "actuators": [
                each.model_dump(mode="json", exclude_none=True) for each in self.states()
            ],
        }

    # --- how it fares ---

    def devices(self) -> list[DriverHealth]:
        return [outlet.health for outlet in self.desk.outlets.values()]

    def drops(self) -> dict[str, int]:
        """What the actuators' drivers lost or could not do, by name and cause."""
        return {
            f"actuator.{health.name}.{cause}": count
            for health in self.devices()
            for cause, count in health.drops().items()
        }

    def states(self) -> tuple[Actuator, ...]:
        """For the state message."""
        return self._telling.states(self.desk)

    def findings(self, now_mono_s: float) -> list[Finding]:
        desk = self.desk
        doubt = desk.memory.fault or desk.memory.lost
        found = acting_findings(desk.outlets, desk.book, doubt, now_mono_s)
        if self._sounds is not None:
            faults = self._sounds.clips.faults
            found += sound_findings(faults, self._sounds.voice.missing(), self._announcer.fault)
        return found


def _pattern(outlet: Outlet) -> str:
    """The first that it knows."""
    config = outlet.config
    if config.kind == "beacon":
        return config.patterns[0]
    return config.tones[0] if config.kind == "siren" else "steady"


def _nobody() -> None:
    """Nobody is told."""
