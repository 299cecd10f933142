"""The outputs of a simulated board: what is on, until when, and what keeps it off."""

from dataclasses import dataclass

from firmware_bridge.runtime.inventory import Channel
from firmware_bridge.runtime.reports import ChannelState, Pointing
from firmware_bridge.runtime.requests import FULL_LEVEL, Output, Point
from firmware_bridge.runtime.vocabulary import ChannelFlag, ChannelKind, Result

PAN_MOST_MDEG = 360_000
TILT_MOST_MDEG = 180_000


@dataclass(slots=True)
class _One:
    channel: Channel
    on: bool = False
    level: int = 0
    pattern: int = 0
    until_ms: int | None = None  # by the board's uptime
    pan_mdeg: int = 0
    tilt_mdeg: int = 0

    @property
    def has_dead_man(self) -> bool:
        return bool(self.channel.flags & ChannelFlag.DEAD_MAN)

    def off(self) -> None:
        self.on, self.level, self.pattern, self.until_ms = False, 0, 0, None

    def hold(self, for_ms: int, now_ms: int) -> None:
        limits = [ms for ms in (for_ms, self.channel.max_on_ms) if ms]
        self.until_ms = now_ms + min(limits) if limits else None


class Outputs:
    """All of them. Times are milliseconds of the board's uptime."""

    def __init__(self, channels: tuple[Channel, ...]) -> None:
        self._all = [_One(channel) for channel in channels]
        self.executed = 0  # requests that changed something, since the start

    def set(self, wishes: tuple[Output, ...], kept_off: Result, now_ms: int) -> Result:
        """All of them, or none. `kept_off`: why nothing with a dead-man switch may go on, or OK."""
        for wish in wishes:
            wrong = self._wrong(wish, kept_off)
            if wrong is not Result.OK:
                return wrong
        for wish in wishes:
            one = self._all[wish.channel]
            if not wish.on:
                one.off()
                continue
            one.on, one.level, one.pattern = True, wish.level, wish.pattern
            one.hold(wish.for_ms, now_ms)
        self.executed += 1
        return Result.OK

    def _wrong(self, wish: Output, kept_off: Result) -> Result:
        if wish.channel >= len(self._all):
            return Result.NO_SUCH
        one = self._all[wish.channel]
        if one.channel.kind == ChannelKind.PAN_TILT and wish.on:
            return Result.BAD_VALUE  # a head is turned by POINT
        if wish.level > FULL_LEVEL or wish.pattern > 15:
            return Result.BAD_VALUE
        if wish.on and not one.channel.patterns >> wish.pattern & 1:
            return Result.BAD_VALUE
        return kept_off if wish.on and one.has_dead_man else Result.OK

    def point(self, wish: Point, kept_off: Result, now_ms: int) -> Result:
        if wish.channel >= len(self._all):
            return Result.NO_SUCH
        one = self._all[wish.channel]
        if one.channel.kind != ChannelKind.PAN_TILT:
            return Result.BAD_VALUE
        if abs(wish.pan_mdeg) > PAN_MOST_MDEG or abs(wish.tilt_mdeg) > TILT_MOST_MDEG:
            return Result.BAD_VALUE
        if kept_off is not Result.OK and one.has_dead_man:
            return kept_off
        one.on, one.level, one.pattern = True, FULL_LEVEL, 0
        one.pan_mdeg, one.tilt_mdeg = wish.pan_mdeg, wish.tilt_mdeg
        one.hold(0, now_ms)
        self.executed += 1
        return Result.OK

    def expire(self, now_ms: int) -> bool:
        """Turn off what has been on for long enough. Whether anything was."""
        due = [one for one in self._all if one.until_ms is not None and now_ms >= one.until_ms]
        for one in due:
            one.off()
        return bool(due)

    def drop(self) -> bool:
        """Turn off all that has a dead-man switch. Whether anything was on."""
        on = [one for one in self._all if one.on and one.has_dead_man]
        for one in on:
            one.off()
        return bool(on)

    def states(self, now_ms: int) -> tuple[ChannelState, ...]:
        return tuple(
            ChannelState(
                one.on,
                one.level,
                one.pattern,
                0 if one.until_ms is None else max(1, one.until_ms - now_ms),
            )
            for one in self._all
        )

    def pointings(self) -> tuple[Pointing, ...]:
        """A head of the simulator is where it shall be at once."""
        return tuple(
            Pointing(number, one.pan_mdeg, one.tilt_mdeg, moving=False)
            for number, one in enumerate(self._all)
            if one.channel.kind == ChannelKind.PAN_TILT
        )

    def snapshot(self) -> dict[str, dict[str, int | bool]]:
        """By name, for whoever tests."""
        return {
            one.channel.name: {"on": one.on, "level": one.level, "pattern": one.pattern}
            for one in self._all
        }
