"""A camera's mount that speaks Pelco-D over RS-485, with absolute positions where it knows them.

Pelco, "D" Protocol Manual (TF-0002, revision 2): seven bytes FF, address, command 1, command 2,
data 1, data 2, sum of bytes 2 to 6; extended commands set pan (4B), tilt (4D) and zoom (4F)
positions and query them (51, 53, 55; answers 59, 5B, 5D). Angles in hundredths of a degree; tilt
grows downwards from the horizon, and above it counts down from 36000.
"""

import time
from contextlib import suppress
from typing import Self

from config.actuators import PelcoVia
from drivers.actuators.actuator import ActuatorReport
from drivers.actuators.lines import Lease, SharedLines
from drivers.actuators.mounted import CannotTurnError
from drivers.base import DeviceLostError
from drivers.platforms.orders import Aim
from drivers.stream import SerialStream

SYNC = 0xFF
STOP = 0x00
SET_PAN, SET_TILT, SET_ZOOM, GO_TO_PRESET = 0x4B, 0x4D, 0x4F, 0x07
ASK_PAN, ASK_TILT, ASK_ZOOM = 0x51, 0x53, 0x55
ANSWERS = {ASK_PAN: 0x59, ASK_TILT: 0x5B, ASK_ZOOM: 0x5D}
FRAME_BYTES = 7
ANSWER_S = 0.15
ASK_AGAIN_S = 10.0  # what it did not answer: many mounts cannot be asked
ZOOM_FULL = 0xFFFF
MOST_PRESETS = 32


def frame(address: int, command: int, value: int = 0) -> bytes:
    """`value`: 0..65535, or a preset."""
    body = bytes([address, 0, command, value >> 8, value & 0xFF])
    return bytes([SYNC]) + body + bytes([sum(body) & 0xFF])


def answer(heard: bytes, address: int, command: int) -> int | None:
    """The value of the newest sound answer to this query; None where there is none."""
    found = None
    for start in range(len(heard) - FRAME_BYTES + 1):
        piece = heard[start : start + FRAME_BYTES]
        if (
            piece[0] == SYNC
            and piece[1] == address
            and piece[3] == command
            and sum(piece[1:6]) & 0xFF == piece[6]
        ):
            found = piece[4] << 8 | piece[5]
    return found


def pan_value(pan_deg: float) -> int:
    return round(pan_deg % 360.0 * 100) % 36000


def pan_deg(value: int) -> float:
    degrees = value / 100
    return degrees - 360.0 if degrees > 180.0 else degrees


def tilt_value(tilt_deg: float) -> int:
    """Above the horizon is positive for us, and downwards for the mount."""
    return round(-tilt_deg % 360.0 * 100) % 36000


def tilt_deg(value: int) -> float:
    return -pan_deg(value)


class PelcoMount:
    """Stopped when it is closed.

    To ask where it is takes up to ANSWER_S and the time of its answers: 2,400 baud are slow.
    Counters: unanswered.
    """

    quick = False

    def __init__(self, lease: Lease[SerialStream], config: PelcoVia) -> None:
        self._lease = lease
        self._config = config
        self._told = Aim()
        self._ask_from_s = dict.fromkeys(ANSWERS, float("-inf"))
        self._unanswered = 0

    @classmethod
    def open(cls, config: PelcoVia, lines: SharedLines) -> Self:
        """Raises DeviceUnavailableError."""
        lease = lines.lease(config.port, lambda: SerialStream.open(config.port, config.baud))
        return cls(lease, config)

    def turn(self, aim: Aim) -> None:
        """Raises CannotTurnError, DeviceLostError."""
        frames = self._frames(aim)
        with self._lease.use() as stream:
            for each in frames:
                stream.send(each)
        self._told = aim

    def close(self) -> None:
        with suppress(DeviceLostError), self._lease.use() as stream:
            stream.send(frame(self._config.address, STOP))
        self._lease.close()

    def counters(self) -> dict[str, int]:
        return {"unanswered": self._unanswered}

    def _frames(self, aim: Aim) -> list[bytes]:
        """Raises CannotTurnError where there is no such preset."""
        address, wanted = self._config.address, []
        if aim.preset is not None:
            number = int(aim.preset) if aim.preset.isdecimal() else 0
            if not 1 <= number <= MOST_PRESETS:
                raise CannotTurnError(f"{aim.preset} is no preset of this mount: they are 1 to 32")
            return [frame(address, GO_TO_PRESET, number)]
        if aim.pan_deg is not None:
            wanted.append(frame(address, SET_PAN, pan_value(aim.pan_deg)))
        if aim.tilt_deg is not None:
            wanted.append(frame(address, SET_TILT, tilt_value(aim.tilt_deg)))
        if aim.zoom is not None:
            wanted.append(frame(address, SET_ZOOM, round(aim.zoom * ZOOM_FULL)))
        return wanted

    def where(self, now_s: float) -> ActuatorReport:
        heard = self._heard(now_s)
        pan, tilt, zoom = (heard.get(query) for query in (ASK_PAN, ASK_TILT, ASK_ZOOM))
        told = self._told
        return ActuatorReport(
            mono_s=now_s,
            pan_deg=told.pan_deg if pan is None else pan_deg(pan),
            tilt_deg=told.tilt_deg if tilt is None else tilt_deg(tilt),
            zoom=told.zoom if zoom is None else zoom / ZOOM_FULL,
            measured=pan is not None and tilt is not None,
        )

    def _heard(self, now_s: float) -> dict[int, int]:
        """Its answers by query, of those that it gives. One missing answer is waited for at most:
        the others are asked for next time."""
        heard: dict[int, int] = {}
        for query, from_s in self._ask_from_s.items():
            if now_s < from_s:
                continue
            value = self._asked(query)
            if value is None:
                self._unanswered += 1
                self._ask_from_s[query] = now_s + ASK_AGAIN_S
                break
            heard[query] = value
        return heard

    def _asked(self, query: int) -> int | None:
        with self._lease.use() as stream:
            stream.read(0.0)
            stream.send(frame(self._config.address, query))
            heard = b""
            ends_s = time.monotonic() + ANSWER_S
            while (left_s := ends_s - time.monotonic()) > 0:
                heard += stream.read(left_s)
                value = answer(heard, self._config.address, ANSWERS[query])
                if value is not None:
                    return value
        return None
