"""From a stream's own stamps to the time of capture.

A picture arrives late by what the network and the decoder took, which changes from picture to
picture. The stream's stamps do not. The picture that came through fastest fixes where the two
clocks stand to each other (the minimum filter that NTP uses, RFC 5905, 10); the constant part
of the delay cannot be seen and stays in.
"""

PROOF_S = 2.0  # this long the stamps must run at real time's pace before they are believed
PACE = 0.1  # how far from it: 0.9 .. 1.1
DRIFT = 500e-6  # a camera's crystal is off by at most 100 ppm; leave room for bad ones
LATE_S = 1.0  # a delay of more than this ...
GIVE_UP_S = 3.0  # ... for this long means that the stamps, not the pictures, are wrong


class StreamStamps:
    """Feeds on pairs of arrival (monotonic) and media time, in order; all in seconds."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None  # arrival, media: where the proof began
        self._last: tuple[float, float] = (0.0, 0.0)
        self._offset_s: float | None = None  # arrival - media of the fastest picture
        self._in_time_s = 0.0  # when the delay was last a sane one

    def capture_s(self, arrival_s: float, media_s: float | None) -> float:
        """When the picture was taken; `arrival_s` where the stream gives no good stamps."""
        if media_s is None or self._first is None or media_s <= self._last[1]:
            self._restart(arrival_s, media_s)
            return arrival_s
        waited_s = arrival_s - self._last[0]
        self._last = (arrival_s, media_s)
        if self._offset_s is None:
            self._prove(arrival_s, media_s)
            return arrival_s
        self._offset_s = min(self._offset_s + DRIFT * waited_s, arrival_s - media_s)
        stamp_s = media_s + self._offset_s
        if arrival_s - stamp_s <= LATE_S:
            self._in_time_s = arrival_s
        elif arrival_s - self._in_time_s > GIVE_UP_S:
            self._restart(arrival_s, media_s)
            return arrival_s
        return stamp_s

    def _restart(self, arrival_s: float, media_s: float | None) -> None:
        self._offset_s = None
        self._first = None if media_s is None else (arrival_s, media_s)
        self._last = (arrival_s, media_s or 0.0)

    def _prove(self, arrival_s: float, media_s: float) -> None:
        if self._first is None:
            return
        real_s = arrival_s - self._first[0]
        if real_s < PROOF_S:
            return
        if abs((media_s - self._first[1]) / real_s - 1) <= PACE:
            self._offset_s = arrival_s - media_s
            self._in_time_s = arrival_s
        else:
            self._first = (arrival_s, media_s)
