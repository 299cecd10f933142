"""The first talk with a board: does one answer, in which version, what is it, and what has it."""

from collections.abc import Sequence

from drivers.base import DeviceUnavailableError
from firmware_bridge.runtime.frames import PROTOCOL, Frame
from firmware_bridge.runtime.inventory import BoardIdentity, Channel, Input, Temperature
from firmware_bridge.runtime.nameplate import Nameplate, word
from firmware_bridge.runtime.packing import BadPayloadError
from firmware_bridge.runtime.reports import Welcome
from firmware_bridge.runtime.requests import DESCRIBE_BOARD, Describe
from firmware_bridge.runtime.strangers import who_speaks
from firmware_bridge.runtime.talk import Talk
from firmware_bridge.runtime.vocabulary import Item, Result, Type
from firmware_bridge.runtime.window import GIVE_UP_S

HELLO_EVERY_S = 0.25
PATIENCE_S = 3.0  # a board that is reset by the opening of its port needs two to start
HEARD_BYTES = 2048  # kept to tell who speaks, where no board does


class BoardRefusedError(DeviceUnavailableError):
    """There is no board that can be worked with; `code` is that of the fault."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def greet(talk: Talk, port: str, baud: int) -> Welcome:
    """Begin the session. Raises BoardRefusedError with the cure, DeviceLostError."""
    heard, said_s = b"", float("-inf")
    end_s = talk.clock.mono_s() + PATIENCE_S
    while (now_s := talk.clock.mono_s()) < end_s:
        if now_s - said_s >= HELLO_EVERY_S:
            said_s = now_s
            talk.say_hello()
        came = talk.listen(0.05)
        heard = (heard + came.data)[-HEARD_BYTES:]
        for frame in came.frames:
            welcome = _welcome(frame, talk.session, port)
            if welcome is not None:
                return welcome
    stranger = who_speaks(heard, port, baud)
    raise BoardRefusedError(stranger.code, stranger.text)


def _welcome(frame: Frame, session: int, port: str) -> Welcome | None:
    """None: something else, or to somebody else's HELLO. Raises BoardRefusedError."""
    if frame.type != Type.WELCOME:
        return None
    try:
        welcome = Welcome.unpack(frame.payload, whole=frame.version == PROTOCOL)
    except BadPayloadError:
        return None
    if welcome.session != session:
        return None
    if frame.version == PROTOCOL:
        return welcome
    cure = (
        "update the board's firmware: patrol-edge firmware flash"
        if frame.version < PROTOCOL
        else "update the software of this unit, or flash the firmware that came with it"
    )
    raise BoardRefusedError(
        "board_version",
        f"{port}: the board ({welcome.model}, firmware {welcome.firmware}) speaks version "
        f"{frame.version} of the board link, this unit version {PROTOCOL}; {cure}",
    )


def ask_for_nameplate(talk: Talk, port: str) -> Nameplate:
    """All that the board says of itself. Raises BoardRefusedError, DeviceLostError."""
    try:
        board = BoardIdentity.unpack(_describe(talk, port, [DESCRIBE_BOARD])[0])
        channels = [Describe(Item.CHANNEL, number) for number in range(board.channels)]
        inputs = [Describe(Item.INPUT, number) for number in range(board.inputs)]
        temperatures = [Describe(Item.TEMPERATURE, number) for number in range(board.temperatures)]
        return Nameplate(
            board=board,
            channels=tuple(map(Channel.unpack, _describe(talk, port, channels))),
            inputs=tuple(map(Input.unpack, _describe(talk, port, inputs))),
            temperatures=tuple(map(Temperature.unpack, _describe(talk, port, temperatures))),
        )
    except BadPayloadError as error:
        raise _unfit(port, f"cannot be read ({error})") from error


def _describe(talk: Talk, port: str, wishes: Sequence[Describe]) -> list[bytes]:
    for wish in wishes:
        talk.window.put(wish.TYPE, wish.pack(), wish)
    told: list[bytes] = []
    while len(told) < len(wishes):
        for answer in talk.exchange(0.05).answers:
            if answer.result != Result.OK:
                raise _unfit(port, f"is not complete ({word(Result, answer.result)})")
            told.append(answer.data)
        if talk.window.is_stuck(talk.clock.mono_s()):
            raise _unfit(port, f"does not come within {GIVE_UP_S:g} s")
    return told


def _unfit(port: str, why: str) -> BoardRefusedError:
    return BoardRefusedError(
        "board_unfit",
        f"{port}: what the board says of itself {why}; switch it off and on, and if that does not "
        "help flash its firmware again: patrol-edge firmware flash",
    )
