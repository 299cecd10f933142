"""Bundles to units, one after the other: canaries first, and no further than the first failure.

The order of things, the watch over canaries and the report to go on from are those of firmware
campaigns (edge/firmware/campaign.py); here a unit is what a board is there.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.firmware.campaign import Campaign, Done, Run, State, Step
from edge.firmware.flasher import FlashError, Outcome
from edge.rollout.overlays import lane_of
from edge.rollout.parcel import Parcel, parcel_of
from telemetry.contract.flash import Flashed
from telemetry.contract.replies import Reply
from telemetry.contract.wire_types import rfc3339_ms
from telemetry.hub.client import ErrandError
from telemetry.hub.following import Line, follow, state_of
from telemetry.hub.orders import Signer, claims_of, payload_of

EXPIRES_S = 120.0  # the order is begun by then, or not at all

Show = Callable[[str, Reply], None]  # unit, what it answers


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What is the same for all units."""

    line: Line
    signer: Signer | None  # None: unsigned, on the bench
    issuer: str
    url_of: Callable[[Parcel], str]
    show: Show
    force: bool = False
    within_s: float = 900.0  # for each unit, from the order to its last reply
    on_failure_stop: bool = True
    watch_canaries_s: float = 60.0
    pause: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Rollout:
    """One bundle for each unit; it may be the same for all."""

    how: How
    files: Mapping[str, Path]  # by unit
    canaries: frozenset[str]
    state: State
    last: dict[str, Reply] = field(default_factory=dict)  # final replies
    stopped: str = ""  # why the rest was not begun
    _parcels: dict[Path, Parcel] = field(default_factory=dict)

    def go(self) -> Iterator[Done]:
        """Each unit as it is done. Raises CampaignError, BundleError, OSError."""
        for path in self.files.values():
            self._parcel(path)
        steps = tuple(
            Step(board=unit, package=path.absolute(), canary=unit in self.canaries)
            for unit, path in self.files.items()
        )
        campaign = Campaign(
            name="rollout",
            on_failure="stop" if self.how.on_failure_stop else "go_on",
            watch_canaries_s=self.how.watch_canaries_s,
            boards=steps,
        )
        utc = self.how.line.clock.utc
        run = Run(
            campaign, self.state, Path("/"), self._flash, self._still_well, utc, self.how.pause
        )
        for done in run.go():
            self.stopped = run.stopped
            yield done

    def _parcel(self, path: Path) -> Parcel:
        path = path.absolute()
        if path not in self._parcels:
            self._parcels[path] = parcel_of(path)
        return self._parcels[path]

    def _flash(self, step: Step) -> Outcome:
        """Raises FlashError."""
        how, parcel = self.how, self._parcel(step.package)
        if self._has_it(step):
            return _outcome(step.board, parcel, "unchanged", 0.0)
        args: dict[str, Any] = {
            "url": how.url_of(parcel),
            "sha256": parcel.sha256,
            "size_bytes": parcel.size_bytes,
        }
        if how.force:
            args["force"] = True
        clock = how.line.clock
        claims = claims_of(
            "config.apply", args, step.board, how.issuer, clock.utc(), good_for_s=EXPIRES_S
        )
        begun_s = clock.mono_s()
        reply = self._answer(step.board, claims)
        self.last[step.board] = reply
        if reply.status != "succeeded":
            raise FlashError(reply.code or reply.status, f"{reply.code or reply.status}: "
                             f"{reply.text}".rstrip(": "))  # fmt: skip
        return _outcome(step.board, parcel, "confirmed", clock.mono_s() - begun_s)

    def _answer(self, unit: str, claims: dict[str, Any]) -> Reply:
        """The last reply. Raises FlashError."""
        how = self.how
        try:
            reply = follow(
                how.line,
                claims,
                payload_of(claims, how.signer),
                lambda told: how.show(unit, told),
                expiry_s=int(EXPIRES_S),
                within_s=how.within_s,
                pause=how.pause,
            )
        except ErrandError as error:
            raise FlashError("no_broker", f"the broker was not reached: {error}") from error
        if reply is None:
            told = f"no last answer within {how.within_s:.0f} s (command {claims['id']})"
            raise FlashError("no_answer", told, "is it online? its state tells what it has")
        return reply

    def _still_well(self, step: Step) -> bool:
        """Whether the unit still has what it was given, and is not in safe mode."""
        flashed = self._flashed(step.board)
        if flashed is None or flashed.safe_mode:
            return False
        kind = self._parcel(step.package).manifest.kind
        return kind in ("trust", "firmware") or self._has_it(step)

    def _has_it(self, step: Step) -> bool:
        """Whether the unit says that just this bundle is in use, and not on trial."""
        flashed, manifest = self._flashed(step.board), self._parcel(step.package).manifest
        if flashed is None or flashed.trial is not None:
            return False
        return lane_of(flashed, manifest.kind).bundle == manifest.id

    def _flashed(self, unit: str) -> Flashed | None:
        try:
            state = state_of(self.how.line, unit)
        except ErrandError:
            return None
        return None if state is None else state.flashed

    def report(self, done: list[Done]) -> dict[str, Any]:
        """For machines."""
        return {
            "well": all(each.well for each in done),
            "stopped": self.stopped or None,
            "units": [self._reported(each) for each in done],
        }

    def _reported(self, done: Done) -> dict[str, Any]:
        reply = self.last.get(done.board)
        return {
            "unit": done.board,
            "end": "flashed" if done.well else done.end,
            "bundle": self._parcel(self.files[done.board]).manifest.told,
            "at": rfc3339_ms(done.at) if done.at else None,
            "took_s": done.took_s,
            "code": reply.code if reply else None,
            "text": done.text,
            "result": reply.result if reply else None,
        }


def _outcome(unit: str, parcel: Parcel, end: str, took_s: float) -> Outcome:
    return Outcome(
        board=unit,
        end=end,
        before=None,
        after=parcel.manifest.told,
        size_bytes=parcel.size_bytes,
        sent_bytes=parcel.size_bytes if end == "confirmed" else 0,
        took_s=took_s,
        interruptions=0,
    )
