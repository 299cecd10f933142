"""The life of episodes: from claims, picture by picture, to `new`, `update`, `end`.

One reusable piece for all rules: hysteresis in level and in time, minimum duration, cool-down,
the interval of updates, one alert per episode, its end with the reason. Durations come from the
stamps of the pictures, never from their number.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from perception.place.frame import LocalFrame
from perception.rules.rule import Alert, Claim, EndReason, Phase

REMEMBERED = 4096  # subjects in cool-down; the oldest are forgotten first


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeTimes:
    """How an episode begins, goes on and ends."""

    min_duration_s: float
    clear_after_s: float
    gap_s: float
    cool_down_s: float
    update_every_s: float
    on: float = 0.5  # a claim from this level on begins an episode,
    off: float = 0.3  # and one below this level speaks for its end
    flicker_s: float = 0.5  # a dip between begin and `new` that does not start the time anew


class Episodes:
    """The open episodes of one rule, over all cameras."""

    def __init__(
        self, kind: str, name: str, severity: int, times: LifeTimes, numbers: Iterator[int]
    ) -> None:
        self._kind = kind
        self._name = name
        self._severity = severity
        self._times = times
        self._numbers = numbers  # one count for all rules of a boot
        self._known: dict[Hashable, _Episode] = {}
        self._quiet_until_s: dict[Hashable, float] = {}

    @property
    def open_count(self) -> int:
        """Episodes that were told as new and have not ended."""
        return sum(episode.number is not None for episode in self._known.values())

    def see(
        self,
        claims: Sequence[Claim],
        camera: str,
        mono_s: float,
        frame: LocalFrame | None,
        sees: Callable[[str, int], bool],
    ) -> list[Alert]:
        """What a picture's claims change. `mono_s`: its stamp; `sees`: whether a subject was seen
        where a zone is, so that silence about it means that nothing holds."""
        alerts: list[Alert] = []
        claimed = set()
        for claim in claims:
            if claim.key not in claimed:  # said twice is said once
                claimed.add(claim.key)
                alerts += self._take(claim, camera, mono_s, frame)
        for key in [key for key, each in self._known.items() if key not in claimed]:
            claim, seen_s = self._known[key].claim, self._known[key].seen_s
            about, zone = claim.subject, claim.zone
            if about is not None and zone is not None and sees(zone, about):
                alerts += self._take(replace(claim, level=0.0), camera, mono_s, frame)
            elif mono_s - seen_s > self._times.gap_s:
                alerts += self._end(key, "lost")
        return alerts

    def end(self, camera: str | None, reason: EndReason) -> list[Alert]:
        """End what only this camera (None: any) has in sight."""
        for each in self._known.values():
            each.leave(camera)
        keys = [key for key, each in self._known.items() if not each.cameras]
        alerts = [alert for key in keys for alert in self._end(key, reason)]
        if reason == "time_jump":
            self._quiet_until_s.clear()  # those times mean nothing any more
        return alerts

    def _take(
        self, claim: Claim, camera: str, mono_s: float, frame: LocalFrame | None
    ) -> list[Alert]:
        episode = self._known.get(claim.key)
        if episode is None:
            if claim.level < self._times.on or self._is_quiet(claim.key, mono_s):
                return []
            begun_s = mono_s if claim.since_mono_s is None else claim.since_mono_s
            episode = self._known[claim.key] = _Episode(claim, camera, frame, begun_s, mono_s)
        episode.take(claim, camera, frame, mono_s, self._times)
        if episode.number is None:
            return self._wait(claim, episode, mono_s)
        return self._go_on(claim, episode, mono_s)

    def _wait(self, claim: Claim, episode: "_Episode", mono_s: float) -> list[Alert]:
        """Not told yet: long enough, or over before it was?"""
        if mono_s - episode.held_s > self._times.flicker_s:
            del self._known[claim.key]
            return []
        lasted_s = episode.held_s - episode.begun_s
        if not claim.momentary and lasted_s < self._times.min_duration_s:
            return []
        episode.number = next(self._numbers)
        told = [self._tell(episode, "new", mono_s)]
        return told + self._end(claim.key, "cleared") if claim.momentary else told

    def _go_on(self, claim: Claim, episode: "_Episode", mono_s: float) -> list[Alert]:
        if claim.over or mono_s - episode.held_s > self._times.clear_after_s:
            return self._end(claim.key, "cleared")
        worse = episode.severity(self._severity) < episode.told_severity
        if worse or mono_s - episode.told_s >= self._times.update_every_s:
            return [self._tell(episode, "update", mono_s)]
        return []

    def _is_quiet(self, key: Hashable, mono_s: float) -> bool:
        return mono_s < self._quiet_until_s.get(key, float("-inf"))

    def _end(self, key: Hashable, reason: EndReason) -> list[Alert]:
        episode = self._known.pop(key)
        if episode.number is None:
            return []
        self._be_quiet(key, episode.seen_s)
        return [self._tell(episode, "end", episode.seen_s, reason)]

    def _be_quiet(self, key: Hashable, mono_s: float) -> None:
        """About this one for a while; forget about whom it need not be any more."""
        quiet = self._quiet_until_s
        quiet.pop(key, None)
        quiet[key] = mono_s + self._times.cool_down_s
        while len(quiet) > REMEMBERED or quiet[next(iter(quiet))] < mono_s:
            del quiet[next(iter(quiet))]

    def _tell(
        self, episode: "_Episode", phase: Phase, mono_s: float, reason: EndReason | None = None
    ) -> Alert:
        claim = episode.claim
        episode.told_s = mono_s
        episode.told_severity = episode.severity(self._severity)
        return Alert(
            rule=self._kind,
            name=self._name,
            episode=episode.number or 0,
            phase=phase,
            reason=reason,
            severity=episode.told_severity,
            confidence=claim.confidence,
            zone=claim.zone,
            label=claim.label,
            tracks=tuple(sorted(episode.tracks)),
            camera=episode.camera,
            place=claim.place,
            unplaced=claim.unplaced,
            frame=episode.frame,
            footprint=claim.footprint,
            begun_mono_s=episode.begun_s,
            last_mono_s=episode.held_s,
            facts=claim.facts,
        )


@dataclass(slots=True)
class _Episode:
    """One subject of a rule, from its first claim on."""

    claim: Claim  # the newest that held
    camera: str
    frame: LocalFrame | None
    begun_s: float
    seen_s: float  # the newest claim
    held_s: float = float("-inf")  # the newest claim that held
    number: int | None = None  # once it was told
    told_s: float = 0.0
    told_severity: int = 4
    tracks: set[int] = field(default_factory=set)
    cameras: set[str] = field(default_factory=set)  # that have it in sight, as far as we know

    def take(
        self, claim: Claim, camera: str, frame: LocalFrame | None, mono_s: float, times: LifeTimes
    ) -> None:
        self.seen_s = max(self.seen_s, mono_s)
        self.cameras.add(camera)
        if claim.level < (times.on if self.number is None else times.off):
            return
        self.claim, self.camera, self.frame = claim, camera, frame
        self.held_s = max(self.held_s, mono_s)
        self.tracks.update(claim.tracks)

    def leave(self, camera: str | None) -> None:
        """A camera (None: each) has it in sight no longer."""
        self.cameras.difference_update(self.cameras.copy() if camera is None else {camera})

    def severity(self, usual: int) -> int:
        return usual if self.claim.severity is None else self.claim.severity
