"""A video file or a folder of pictures, played in real time as if it were a camera.

Time runs as it would before a lens: whoever reads too slowly misses pictures (counted), and gets
the newest. Each pass of a looped recording goes on where the last one stopped, in number and time.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from config.devices import FileCameraConfig
from config.language import said, tell
from drivers.base import (
    NOT_WANTED,
    DeviceLostError,
    DeviceUnavailableError,
    EndOfRecordingError,
    Wanted,
    always,
)
from drivers.cameras.facts import CameraFacts
from drivers.cameras.recordings import Recording, open_recording
from drivers.clock import Clock
from drivers.samples import Frame

MAX_WAIT_S = 0.5  # what a driver may wait in `read`
SKIP_BUDGET_S = 0.4  # passing over a picture still means decoding it, and takes time


class FileCamera:
    """A recording as a camera.

    Counters: frames, not_wanted, skipped_late, undecodable, loops, fell_behind.
    """

    def __init__(
        self,
        name: str,
        recording: Recording,
        config: FileCameraConfig,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        wanted: Wanted = always,
    ) -> None:
        self._name = name
        self._recording = recording
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._wanted = wanted
        self._fps = config.fps or recording.own_fps()
        self._next = 0  # number of the picture to come
        self._at_pass = 0  # `_next` when the pass began
        self._damaged = 0  # in a row
        self._start_s: float | None = None  # when number 0 was due; None until the first read
        self._counters: Counter[str] = Counter(
            frames=0, not_wanted=0, skipped_late=0, undecodable=0, loops=0, fell_behind=0
        )

    @classmethod
    def open(
        cls, name: str, config: FileCameraConfig, clock: Clock, wanted: Wanted = always
    ) -> Self:
        """Raises DeviceUnavailableError if there is nothing there that can be played."""
        return cls(name, open_recording(config.path), config, clock, wanted=wanted)

    def read(self) -> Frame | None:
        """The picture that is due now; None if the next is not due within 0.5 s, is damaged, or
        is not wanted.

        Raises EndOfRecordingError, and DeviceLostError if the recording went away.
        """
        if not self._await_due():
            return None
        self._skip_late()
        due_s = self._due_s(self._next)
        number = self._advance()
        # After a damaged one the next is looked at: a recording may hold nothing else.
        if not self._damaged and not self._wanted():
            self._counters[NOT_WANTED] += 1
            return None
        image = self._recording.picture()
        if image is None:
            self._counters["undecodable"] += 1
            self._damaged += 1
            return None
        self._damaged = 0
        self._counters["frames"] += 1
        media_s = self._recording.media_s()
        if media_s is None:
            media_s = (number - self._at_pass) / self._fps
        return Frame(camera=self._name, number=number, mono_s=due_s, image=image, media_s=media_s)

    def close(self) -> None:
        self._recording.close()

    def facts(self) -> CameraFacts:
        return replace(self._recording.facts(), fps=self._fps)

    def counters(self) -> dict[str, int]:
        damaged = self._counters["undecodable"] + self._recording.damaged()
        return dict(self._counters) | {"undecodable": damaged}

    def _due_s(self, number: int) -> float:
        return (self._start_s or 0.0) + number / self._fps

    def _await_due(self) -> bool:
        """Wait for the next picture's moment; False if it is too far away to wait for."""
        now_s = self._clock.mono_s()
        if self._start_s is None:
            self._start_s = now_s
        wait_s = self._due_s(self._next) - now_s
        if wait_s > 0:
            self._sleep(min(wait_s, MAX_WAIT_S))
        return wait_s <= MAX_WAIT_S

    def _skip_late(self) -> None:
        """Pass over what should have been read before; give in if that takes too long."""
        now_s = self._clock.mono_s()
        until_s = now_s + SKIP_BUDGET_S
        while now_s < until_s and now_s - self._due_s(self._next) >= 1 / self._fps:
            self._advance()
            self._counters["skipped_late"] += 1
            now_s = self._clock.mono_s()
        behind_s = now_s - self._due_s(self._next)
        if self._start_s is not None and behind_s > SKIP_BUDGET_S + 1 / self._fps:
            # This computer cannot play it in real time: play it slower, with honest stamps.
            self._start_s += behind_s
            self._counters["fell_behind"] += 1

    def _advance(self) -> int:
        """Step to the next picture, over the end if it loops. Returns its number."""
        if not self._recording.advance():
            self._start_over()
        self._next += 1
        return self._next - 1

    def _start_over(self) -> None:
        path = self._config.path
        if not self._config.loop:
            raise EndOfRecordingError(
                tell("{path} is played to its end; set loop: true to go on", path=path)
            )
        nothing = self._next == self._at_pass or self._damaged >= self._next - self._at_pass
        try:
            self._recording.rewind()
        except DeviceUnavailableError as error:
            raise DeviceLostError(said(error)) from error
        if nothing or not self._recording.advance():
            raise DeviceLostError(
                tell("{path} has no readable picture any more; put it back", path=path)
            )
        self._at_pass = self._next
        self._counters["loops"] += 1
