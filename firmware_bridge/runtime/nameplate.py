"""What a board calls its parts: orders by name become payloads, and payloads states by name."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from drivers.samples import Identity
from firmware_bridge.runtime.inventory import BoardIdentity, Channel, Input, Temperature
from firmware_bridge.runtime.orders import (
    BoardIncident,
    BoardRequest,
    BoardState,
    ChannelNow,
    Incident,
    SetChannel,
    SetChannels,
    TurnHead,
)
from firmware_bridge.runtime.reports import BoardEvent, ChannelState, Pointing, Report
from firmware_bridge.runtime.requests import FULL_LEVEL, Output, Point, Set
from firmware_bridge.runtime.vocabulary import (
    ChannelKind,
    EventKind,
    Fault,
    InputKind,
    Pattern,
    ResetCause,
)

LONGEST_MS = 0xFFFF_FFFF


class NoSuchPartError(ValueError):
    """The board has no such part, or cannot do that with it; the text says what it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameplate:
    board: BoardIdentity
    channels: tuple[Channel, ...]
    inputs: tuple[Input, ...]
    temperatures: tuple[Temperature, ...]

    def identity(self, name: str) -> Identity:
        it = self.board
        return Identity(
            name=name,
            kind="board",
            model=it.model,
            serial=it.serial,
            firmware=it.firmware,
            hardware=it.hardware,
            calibrated=it.calibrated,
        )

    # --- towards the board ---

    def wire(self, request: BoardRequest) -> Set | Point:
        """Raises NoSuchPartError."""
        match request:
            case SetChannel():
                return Set((self._output(request),))
            case SetChannels():
                return Set(tuple(map(self._output, request.channels)))
            case TurnHead():
                return Point(
                    self._number(request.channel),
                    round(1000 * request.pan_deg),
                    round(1000 * request.tilt_deg),
                    0 if request.speed_dps is None else max(1, round(1000 * request.speed_dps)),
                )

    def _output(self, wish: SetChannel) -> Output:
        number = self._number(wish.channel)
        level = round(FULL_LEVEL * min(1.0, max(0.0, wish.level)))
        return Output(
            channel=number,
            on=level > 0,
            level=level,
            pattern=self._pattern(self.channels[number], wish.pattern) if level else 0,
            for_ms=0 if wish.for_s is None else min(LONGEST_MS, max(1, round(1000 * wish.for_s))),
        )

    def _number(self, channel: str) -> int:
        names = [each.name for each in self.channels]
        if channel not in names:
            has = ", ".join(names) or "none"
            raise NoSuchPartError(f"the board has no channel {channel!r}; it has: {has}")
        return names.index(channel)

    def _pattern(self, channel: Channel, name: str) -> int:
        known = [each for each in Pattern if channel.patterns >> each & 1]
        for each in known:
            if each.name.lower() == name:
                return each
        does = ", ".join(each.name.lower() for each in known)
        raise NoSuchPartError(f"{channel.name} has no pattern {name!r}; it has: {does}")

    # --- from the board ---

    def state(self, report: Report, mono_s: float) -> BoardState:
        heads = {each.channel: each for each in report.pointings}
        numbered = enumerate(zip(self.channels, report.channels, strict=False))
        return BoardState(
            mono_s=mono_s,
            uptime_s=report.uptime_ms / 1000,
            channels={
                channel.name: _now(channel, state, heads.get(number))
                for number, (channel, state) in numbered
            },
            inputs={
                each.name: bool(report.inputs >> number & 1)
                for number, each in enumerate(self.inputs)
            },
            celsius={
                each.name: None if tenths is None else tenths / 10
                for each, tenths in zip(self.temperatures, report.temperatures, strict=False)
            },
            supply_v=None if report.supply_mv is None else report.supply_mv / 1000,
            supply_a=None if report.supply_ma is None else report.supply_ma / 1000,
            faults=flag_words(Fault, report.faults),
            dead_man=report.dead_man,
        )

    def incident(self, event: BoardEvent, boot: int, mono_s: float) -> BoardIncident:
        what, subject, kind, text = self._told(event)
        return BoardIncident(
            mono_s=mono_s,
            boot=boot,
            number=event.number,
            what=what,
            subject=subject,
            input_kind=kind,
            text=text,
        )

    def _told(self, event: BoardEvent) -> tuple[Incident, str, str, str]:
        match event.kind:
            case EventKind.DEAD_MAN:
                return "dead_man", "", "", f"it heard nothing from this unit for {event.value} ms"
            case EventKind.INPUT if event.subject < len(self.inputs):
                one = self.inputs[event.subject]
                what: Incident = "pressed" if event.value else "released"
                return what, one.name, word(InputKind, one.kind), f"{one.name} {what}"
            case EventKind.BOOT:
                return "boot", "", "", f"it started again: {word(ResetCause, event.value)}"
            case EventKind.FAULT:
                return "fault", "", "", ", ".join(flag_words(Fault, event.value))
            case _:
                return "other", "", "", f"event {event.kind}, {event.subject}, {event.value}"


def _now(channel: Channel, state: ChannelState, head: Pointing | None) -> ChannelNow:
    return ChannelNow(
        kind=word(ChannelKind, channel.kind),
        on=state.on,
        level=state.level / FULL_LEVEL,
        pattern=word(Pattern, state.pattern),
        left_s=state.left_ms / 1000 if state.left_ms else None,
        faulty=state.faulty,
        pan_deg=None if head is None else head.pan_mdeg / 1000,
        tilt_deg=None if head is None else head.tilt_mdeg / 1000,
        moving=None if head is None else head.moving,
    )


def word(kind: type[IntEnum], number: int) -> str:
    """The name of a number; of one that a later firmware has, the number."""
    return kind(number).name.lower() if number in kind._value2member_map_ else str(number)


def flag_words(kind: type[IntFlag], bits: int) -> tuple[str, ...]:
    """The names of the bits that are set; of those that a later firmware has, their number."""
    names = {each.value: (each.name or "").lower() for each in kind}
    return tuple(
        names.get(1 << number, f"bit {number}")
        for number in range(bits.bit_length())
        if bits >> number & 1
    )
