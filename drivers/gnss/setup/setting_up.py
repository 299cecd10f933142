"""From a port to a receiver that is set as wished: found, asked, set, and looked at again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from drivers.gnss.nmea_framing import frame
from drivers.gnss.serial import BAUDS
from drivers.gnss.setup import mediatek, quectel, ublox, ubx
from drivers.gnss.setup.line import Line, Piece
from drivers.gnss.setup.settings import (
    LINE_SHARE,
    Receiver,
    Settings,
    SetupError,
    Traffic,
    needed_bps,
)

HEARD_S = 1.3  # a receiver speaks once a second
IDENTIFY_S = 0.8
LISTEN_S = 2.6
SETTLE_S = 0.4  # until the last byte has left at the old speed, and the receiver has changed
SAME_RATE = 0.15  # of what was asked, as it is read back
MEASURED_RATE = (
    0.4  # likewise, as it is measured over some seconds on a computer that has other work
)
TRIES = 3
RESTART_S = 4.0

Pause = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done."""

    before: Settings
    after: Settings
    measured_hz: float
    saved: str  # where; empty where it was not asked for
    doubts: tuple[str, ...]  # what is not as it was asked for


def found(line: Line, bauds: Sequence[int] = BAUDS) -> Receiver:
    """The receiver at the end of this line, at whatever speed. Raises SetupError."""
    first = line.stream.baud
    for baud in dict.fromkeys((first, *bauds)):
        if line.stream.baud != baud:
            line.set_baud(baud)
        if not line.heard(HEARD_S) and not _answers(line):
            continue
        receiver = identified(line)
        if receiver is not None:
            return receiver
        raise SetupError(
            f"a receiver speaks at {baud} baud, but answers none of UBX, PMTK, PAIR and PQTM: is "
            "its receive line (RX) connected? Other makers' are set with their own tools"
        )
    raise SetupError(
        "nothing at any usual speed that a receiver says: check cable and power, and that this is "
        "the receiver's port (`patrol-edge devices`)"
    )


def _answers(line: Line) -> bool:
    return line.ask(ubx.MON_VER, ubx.version_in, IDENTIFY_S / 2) is not None


def identified(line: Line) -> Receiver | None:
    """What answers at the speed of the line; None where nothing known does."""
    version = line.ask(ubx.MON_VER, ubx.version_in, IDENTIFY_S)
    if version is not None:
        return ublox.opened(line, version)
    for question, answer, family in (
        ("PAIR020", "PAIR020,", mediatek.Pair),
        ("PMTK605", "PMTK705,", mediatek.Pmtk),
        ("PQTMVERNO", "PQTMVERNO,", quectel.Pqtm),
    ):
        told = line.ask(frame(question), _sentence(answer), IDENTIFY_S)
        if told is not None:
            words = " ".join(word for word in told.split(",")[1:3] if word)
            return family(line, f"{family.__name__.upper()} {words}"[:80])
    return None


def _sentence(answer: str) -> Callable[[Piece], str | None]:
    return lambda piece: piece.sentence if piece.sentence.startswith(answer) else None


def fits(wishes: Settings, before: Settings, traffic: Traffic, baud: int) -> None:
    """Raises SetupError where the line cannot carry what is wished."""
    rate_hz = wishes.rate_hz or before.rate_hz or traffic.epochs_hz
    messages = before.messages if wishes.messages is None else wishes.messages
    needed = needed_bps(traffic, messages, rate_hz)
    carried = (wishes.baud or baud) * LINE_SHARE
    if needed > carried:
        raise SetupError(
            f"{rate_hz:g} Hz of these sentences are {needed:.0f} bit/s, and {wishes.baud or baud} "
            "baud do not carry that: give a higher --set-baud, or fewer --messages"
        )


def carry_out(
    line: Line,
    receiver: Receiver,
    before: Settings,
    wishes: Settings,
    *,
    save: bool,
    pause: Pause,
) -> Outcome:
    """Set it, look at it again, measure it, and only then save it. Raises SetupError."""
    if receiver.restarts and not save:
        raise SetupError("what this receiver is told counts from its next start on: add --save")
    faster = wishes.baud is not None and wishes.baud > line.stream.baud
    if wishes.baud is not None and faster:
        change_baud(line, receiver, wishes.baud, pause)
    receiver.apply(replace(wishes, baud=None))
    if wishes.baud is not None and not faster and wishes.baud != line.stream.baud:
        change_baud(line, receiver, wishes.baud, pause)
    saved = ""
    if not receiver.restarts:
        after, measured_hz, doubts = looked_at(line, receiver, wishes)
        if doubts or not save:
            return Outcome(before, after, measured_hz, saved, doubts)
    saved = receiver.save()
    pause(RESTART_S if receiver.restarts else SETTLE_S)
    after, measured_hz, doubts = looked_at(line, receiver, wishes)
    return Outcome(before, after, measured_hz, saved, doubts)


def looked_at(
    line: Line, receiver: Receiver, wishes: Settings
) -> tuple[Settings, float, tuple[str, ...]]:
    """What it is set to now, how often it speaks, and what of it is not as wished."""
    line.forget()
    after, doubts = receiver.read(), list[str]()
    if wishes.constellations is not None and after.constellations != wishes.constellations:
        told = ", ".join(sorted(after.constellations or ())) or "none told"
        doubts.append(f"constellations: {told}")
    for kind, every in (wishes.messages or {}).items():
        if (after.messages or {}).get(kind, 0) != every:
            doubts.append(f"{kind}: every {(after.messages or {}).get(kind, 0)}")
    measured_hz = line.listen(LISTEN_S).epochs_hz
    if wishes.rate_hz is not None:
        if after.rate_hz is not None and abs(after.rate_hz / wishes.rate_hz - 1) > SAME_RATE:
            doubts.append(f"rate: set to {after.rate_hz:.2f} Hz")
        tells = wishes.messages is None or any(wishes.messages.get(k) for k in ("GGA", "RMC"))
        slack_hz = 1 / LISTEN_S + MEASURED_RATE * wishes.rate_hz
        if tells and abs(measured_hz - wishes.rate_hz) > slack_hz:
            doubts.append(f"rate: {measured_hz:.2f} Hz measured")
    return after, measured_hz, tuple(doubts)


def change_baud(line: Line, receiver: Receiver, baud: int, pause: Pause) -> None:
    """Another speed, which is in force without power only after `save`.

    Never leaves a receiver that cannot be reached: where it does not answer at the new speed, it is
    looked for at the old one, told to come back, and looked for everywhere. Raises SetupError where
    the speed is not the new one in the end.
    """
    old = line.stream.baud
    receiver.tell_baud(baud)
    if _reached(line, receiver, baud, pause):
        return
    if _reached(line, receiver, old, pause):
        raise SetupError(f"the receiver did not take {baud} baud; it is still at {old}")
    for _ in range(TRIES):  # it may have changed, on a line that does not carry it back to us
        line.set_baud(baud)
        receiver.tell_baud(old)
        if _reached(line, receiver, old, pause):
            raise SetupError(f"this line does not carry {baud} baud; it was set back to {old}")
    for other in BAUDS:
        if _reached(line, receiver, other, pause):
            raise SetupError(f"the receiver is at {other} baud now, not at {baud}")
    raise SetupError(
        f"the receiver no longer answers; nothing was saved, so without power for some seconds it "
        f"comes back at {old} baud"
    )


def _reached(line: Line, receiver: Receiver, baud: int, pause: Pause) -> bool:
    pause(SETTLE_S)
    line.set_baud(baud)
    return any(receiver.is_there() for _ in range(2))
