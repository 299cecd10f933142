"""A camera on the network, RTSP or HTTP, through FFmpeg.

The picture is fetched and decoded by `grab`, stamped, and only then converted by `retrieve`: what
has queued up while nobody read is passed over cheaply.
"""

from collections import Counter
from dataclasses import replace
from typing import Self

from config.devices import StreamCameraConfig
from config.language import tell
from drivers.base import (
    DeviceLostError,
    DeviceUnavailableError,
    Wanted,
    always,
)
from drivers.cameras.capture import MAX_SIDE_PX
from drivers.cameras.capture_stamps import StreamStamps
from drivers.cameras.decoding import Source, explained, open_source
from drivers.cameras.facts import CameraFacts
from drivers.cameras.probe import check_answers, refusal, too_slow
from drivers.cameras.retrieval import Retrieval
from drivers.cameras.url import CameraUrl, read_login
from drivers.clock import Clock
from drivers.samples import Frame

POLL_S = 0.1  # FFmpeg looks at its time-outs this often
ANSWER_S = 5.0  # a camera that takes longer to say hello is as good as gone
REFUSAL_S = 3.0
MAX_SKIPPED = 250  # at once
DEFAULT_FPS = 25.0


class StreamCamera:
    """One open stream. Counters: frames, not_wanted, skipped_stale, undecodable."""

    def __init__(
        self,
        name: str,
        url: CameraUrl,
        source: Source,
        config: StreamCameraConfig,
        clock: Clock,
        opening_s: float,
        wanted: Wanted = always,
        why_software: str = "",
    ) -> None:
        self._name = name
        self._url = url
        self._source = source
        self._config = config
        self._clock = clock
        self._why_software = why_software
        # HTTP streams of JPEGs carry no stamps: FFmpeg makes them up, at 25 a second.
        self._stamps = StreamStamps() if url.scheme.startswith("rtsp") else None
        self._interval_s = 1 / DEFAULT_FPS  # between pictures, as measured
        self._grabbed_s = opening_s  # FFmpeg queues up pictures while it probes the stream
        self._number = 0
        self._counters: Counter[str] = Counter(
            frames=0, not_wanted=0, skipped_stale=0, undecodable=0
        )
        self._retrieval = Retrieval(source, wanted, self._counters, clock.mono_s())

    @classmethod
    def open(
        cls, name: str, config: StreamCameraConfig, clock: Clock, wanted: Wanted = always
    ) -> Self:
        """Connect, within `open_timeout_s` and up to 8 s more for finding out what is wrong.

        Raises DeviceUnavailableError, which says why and never shows user or password.
        """
        login = None if config.credentials_file is None else read_login(config.credentials_file)
        url = CameraUrl.parse(config.url, login)
        check_answers(url, min(ANSWER_S, config.open_timeout_s))
        opening_s = clock.mono_s()
        read_timeout_s = max(POLL_S, config.stalled_after_s - POLL_S)
        source, why_software = open_source(url.with_login(), config, read_timeout_s)
        if source is None:
            raise DeviceUnavailableError(refusal(url, min(REFUSAL_S, config.open_timeout_s)))
        took_s = clock.mono_s() - opening_s
        if url.scheme.startswith("http") and took_s >= config.open_timeout_s:
            source.close()  # what was interrupted while it was probed gives nothing more
            raise DeviceUnavailableError(too_slow(url, took_s))
        if max(source.size_px()) > MAX_SIDE_PX:
            source.close()
            raise DeviceUnavailableError(
                tell(
                    "{url} sends pictures of more than {most} px a side; choose a smaller size",
                    url=url,
                    most=MAX_SIDE_PX,
                )
            )
        return cls(name, url, source, config, clock, opening_s, wanted, why_software)

    def read(self) -> Frame | None:
        """The newest picture; None if one came that is damaged, or not wanted.

        Waits for the next one, at most `stalled_after_s` (OpenCV cannot go on with a stream
        whose read has timed out, so there is nothing to be won by waiting in pieces).
        Raises DeviceLostError if none came in that time, or if the camera hung up.
        """
        last_s = self._grabbed_s
        away_s = self._clock.mono_s() - last_s
        self._grab()
        if away_s > 2 * self._interval_s:
            self._skip_stale(min(MAX_SKIPPED, int(away_s / self._interval_s)))
        else:  # slowly, so that one late picture does not count for much
            step_s = min(1.0, self._grabbed_s - last_s) - self._interval_s
            self._interval_s = max(0.005, self._interval_s + 0.1 * step_s)
        number, arrival_s = self._number, self._grabbed_s
        self._number += 1
        mono_s = arrival_s
        if self._stamps is not None:
            mono_s = self._stamps.capture_s(arrival_s, self._source.position_s())
        image = self._retrieval.picture(arrival_s)
        if image is None:
            self._check_readable()
            return None
        return Frame(camera=self._name, number=number, mono_s=mono_s, image=image)

    def close(self) -> None:
        self._source.close()

    def facts(self) -> CameraFacts:
        facts = explained(self._source.facts(), self._config.decode, self._why_software)
        if self._url.scheme.startswith("http") and facts.decoder.endswith(("mjpg", "mjpeg")):
            return replace(facts, fps=None)  # JPEGs in HTTP announce no rate: FFmpeg makes it up
        return facts

    def counters(self) -> dict[str, int]:
        damaged = self._counters["undecodable"] + self._source.damaged
        return dict(self._counters) | {"undecodable": damaged}

    def _grab(self) -> float:
        """Fetch the next picture. Returns how long that took, in seconds."""
        started_s = self._clock.mono_s()
        if not self._source.grab():
            took_s = self._clock.mono_s() - started_s
            silent = took_s >= self._config.stalled_after_s - 2 * POLL_S
            what = (
                tell("sent no picture for {took_s:.1f} s", took_s=took_s)
                if silent
                else tell("ended the stream")
            )
            cure = tell(", or raise its frame rate") if silent else ""
            raise DeviceLostError(
                tell(
                    "{url} {what}; check the camera and its network{cure}",
                    url=self._url,
                    what=what,
                    cure=cure,
                )
            )
        now_s = self._clock.mono_s()
        self._grabbed_s = now_s
        return now_s - started_s

    def _check_readable(self) -> None:
        bad_s = self._retrieval.bad_s(self._grabbed_s)
        if bad_s >= self._config.stalled_after_s:
            raise DeviceLostError(
                tell(
                    "{url} sent only damaged pictures for {bad_s:.1f} s; check its network, or "
                    "set it to H.264 or MJPEG",
                    url=self._url,
                    bad_s=bad_s,
                )
            )

    def _skip_stale(self, waiting: int) -> None:
        """Pass over what queued up while nobody read: all that comes without a wait."""
        for _ in range(waiting):
            self._number += 1
            self._counters["skipped_stale"] += 1
            if self._grab() > self._interval_s / 2:
                return
