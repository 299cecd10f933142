"""What loudspeakers say and play, piece by piece, while the wish for it stands. One thread."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from drivers.actuators.actuator import Sound
from drivers.actuators.speech import SpeechError
from drivers.clock import Clock
from edge.acting.claims import Claim
from edge.acting.clips import duration_s
from edge.acting.desk import Desk
from edge.running.worker import Beat

LOOK_EVERY_S = 0.02
BEGINS_WITHIN_S = 1.5  # a device that does not play by then plays nothing
SPARE_S = 0.3  # after a sound should be over, until its device must have said so

Cancelled = Callable[[], bool]
Make = Callable[[Cancelled], Sound]  # raises SpeechError


class Voice(Protocol):
    """What reads a text aloud."""

    def say(self, text: str, language: str, cancelled: Cancelled = ...) -> Sound:
        """Raises SpeechError."""

    def missing(self) -> str | None:
        """Why nothing can be spoken at all; None where it can."""

    def lacks(self, language: str) -> str | None:
        """Why nothing can be spoken in this language; None where it can."""


@dataclass(slots=True, eq=False)
class Script:
    """What is to sound, and for whose wishes. `settled` is set once it sounds or cannot."""

    claims: Sequence[Claim]
    parts: Sequence[Make]
    repeat: int = 1
    settled: threading.Event = field(default_factory=threading.Event)
    sounding: bool = False
    error: str = ""


class Announcer:
    """A newer script takes the place of the one under way."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self.fault = ""  # why the last thing that was to sound did not
        self._desk = desk
        self._clock = clock
        self._changed = threading.Condition()
        self._script: Script | None = None

    def begin(self, script: Script) -> None:
        """Any thread."""
        with self._changed:
            self._script = script
            self._changed.notify()

    def work(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            with self._changed:
                self._changed.wait_for(lambda: self._script is not None, 0.2)
                script = self._script
            if script is None:
                continue
            self._perform(script, partial(self._over, script, beat, stop))
            with self._changed:
                if self._script is script:
                    self._script = None

    def _over(self, script: Script, beat: Beat, stop: threading.Event) -> bool:
        """Whether nobody wants it any more."""
        beat()
        return stop.is_set() or self._script is not script or not self._standing(script)

    def _standing(self, script: Script) -> list[Claim]:
        holders = (self._desk.holder(claim.fitting) for claim in script.claims)
        ids = {holder.id for holder in holders if holder is not None}
        return [claim for claim in script.claims if claim.id in ids]

    def _perform(self, script: Script, over: Cancelled) -> None:
        made: dict[int, Sound] = {}  # once, however often it is said
        try:
            for number in [n for _ in range(script.repeat) for n in range(len(script.parts))]:
                if over():
                    return
                if number not in made:
                    made[number] = script.parts[number](over)
                self._sound(script, made[number], over)
            self.fault = ""
        except SpeechError as error:
            if not over():
                script.error = self.fault = str(error)
                structlog.get_logger().warning("not_sounded", error=str(error))
        finally:
            script.settled.set()
            ids = {claim.id for claim in script.claims}
            self._desk.take_back(lambda claim: claim.id in ids)

    def _sound(self, script: Script, sound: Sound, over: Cancelled) -> None:
        """Raises SpeechError where no loudspeaker takes it."""
        playing = [claim for claim in self._standing(script) if self._desk.play(claim, sound)]
        self._wait_until_it_sounds(playing, over)
        if over():
            return
        script.sounding = True
        script.settled.set()
        began_s, lasts_s = self._clock.mono_s(), duration_s(sound)
        while not over() and self._clock.mono_s() - began_s < lasts_s + SPARE_S:
            after_s = self._clock.mono_s() - began_s
            if after_s >= lasts_s / 2 and not any(self._plays(claim) for claim in playing):
                return
            time.sleep(LOOK_EVERY_S)

    def _wait_until_it_sounds(self, playing: Sequence[Claim], over: Cancelled) -> None:
        """Raises SpeechError."""
        ends_s = self._clock.mono_s() + BEGINS_WITHIN_S
        while playing and not over():
            answers = [self._desk.outlets[claim.fitting].answer(LOOK_EVERY_S) for claim in playing]
            told = [each for each in answers if each is not None]
            if any(each.ok for each in told):
                return
            if told or self._clock.mono_s() >= ends_s:
                why = told[0].text if told else "it does not answer"
                raise SpeechError(f"{playing[0].fitting}: {why}")

    def _plays(self, claim: Claim) -> bool:
        report = self._desk.outlets[claim.fitting].report
        return report is not None and report.playing is not None
