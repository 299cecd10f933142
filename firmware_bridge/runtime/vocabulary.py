"""The numbers of the run-time link, and what they mean. The C header has the same."""

from enum import IntEnum, IntFlag


class Type(IntEnum):
    """What a frame is."""

    HELLO = 0x01  # host to board
    HEARTBEAT = 0x02
    BYE = 0x03
    PING = 0x10  # 0x10 to 0x3F: requests, each answered by ACK with the same sequence
    SET = 0x11
    POINT = 0x12
    DESCRIBE = 0x13
    EVENT_READ = 0x14
    EVENT_CLEAR = 0x15
    ACK = 0x80  # board to host
    WELCOME = 0x81
    REPORT = 0x82


REQUESTS = range(0x10, 0x40)


class Result(IntEnum):
    """How a request went."""

    OK = 0
    NO_SESSION = 1  # the board does not know this host: say HELLO
    OUT_OF_ORDER = 2  # not the next one; the ACK tells which sequence is
    UNKNOWN_TYPE = 3
    BAD_PAYLOAD = 4
    NO_SUCH = 5  # channel, input, item or event
    BAD_VALUE = 6
    DEAD_MAN = 7  # the dead-man switch has tripped: clear its event first
    STOPPED = 8  # the emergency stop is pressed
    FAULT = 9  # a fault keeps the outputs off


class ChannelKind(IntEnum):
    SEARCHLIGHT = 1
    BEACON = 2
    SIREN = 3
    AMPLIFIER = 4
    RELAY = 5
    PAN_TILT = 6
    RECORD_LAMP = 7
    MOTION = 8


class ChannelFlag(IntFlag):
    DEAD_MAN = 1  # off when the host falls silent


class InputKind(IntEnum):
    SOS = 1
    EMERGENCY_STOP = 2
    LIGHT_BAR = 3
    SIREN = 4
    COVER = 5
    OTHER = 6


class Pattern(IntEnum):
    STEADY = 0
    STROBE = 1
    PATROL = 2
    PURSUIT = 3
    WAIL = 4
    YELP = 5
    HI_LO = 6


class Item(IntEnum):
    """What can be described."""

    BOARD = 0
    CHANNEL = 1
    INPUT = 2
    TEMPERATURE = 3


class EventKind(IntEnum):
    DEAD_MAN = 1  # value: milliseconds since the last sign of life
    INPUT = 2  # subject: the input; value: 1 pressed, 0 released
    BOOT = 3  # value: why, a ResetCause
    FAULT = 4  # value: the fault bits that are new


class ResetCause(IntEnum):
    POWER = 0
    WATCHDOG = 1
    REQUEST = 2
    BROWN_OUT = 3
    CRASH = 4


class Fault(IntFlag):
    OVERHEAT = 0x01
    UNDERVOLTAGE = 0x02
    OVERCURRENT = 0x04
    OUTPUT_STAGE = 0x08
    SETTINGS = 0x10
    SENSOR = 0x20


STOPPING_FAULTS = Fault.OVERHEAT | Fault.OVERCURRENT | Fault.OUTPUT_STAGE

# What both sides keep to.
HEARTBEAT_S = 0.1  # the host's, at most
DEAD_MAN_S = 0.4  # the board's patience; with the line and one look of the board's: within 0.5 s
REPORT_S = 0.2
WINDOW = 4  # requests that may be on their way at once
REMEMBERED = 8  # results that the board can tell again

MOST_CHANNELS = 16
MOST_INPUTS = 16
MOST_TEMPERATURES = 4
MOST_POINTINGS = 2
MOST_EVENTS = 16
URGENT_EVENTS = 4  # of them, kept free for SOS, emergency stop and dead-man
