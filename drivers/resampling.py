"""Sound at another rate, block by block without a seam."""

import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

ZEROS = 16  # zero crossings of the sinc on each side: 70 dB of stop band with the window below
KAISER_BETA = 7.0
ROLL_OFF = 0.92  # the pass band ends here, as a share of the lower of the two Nyquist rates


class Resampler:
    """From rate_in to rate_out by a polyphase windowed sinc (Oppenheim and Schafer, Discrete-Time
    Signal Processing, 3rd ed., 4.6 and 7.5.3). Delays by ZEROS samples of the lower rate."""

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        shared = math.gcd(rate_in_hz, rate_out_hz)
        self._up, self._down = rate_out_hz // shared, rate_in_hz // shared
        self._filters = _phases(self._up, self._down)  # (up, taps)
        self._taps = self._filters.shape[1]
        self._tail = np.zeros(self._taps - 1, np.float32)
        self._ahead = 0  # position of the next output in 1/up samples after the tail's end

    def feed(self, samples: Samples) -> Samples:
        """The samples (N,) at the other rate; about N * rate_out / rate_in of them."""
        if self._up == self._down or not len(samples):
            return samples
        line = np.concatenate([self._tail, samples])
        last = len(samples) * self._up
        steps = np.arange(self._ahead, last, self._down)
        self._ahead = self._ahead + len(steps) * self._down - last
        self._tail = line[len(line) - len(self._tail) :]
        first, phase = steps // self._up, steps % self._up
        windows = np.lib.stride_tricks.sliding_window_view(line, self._taps)[first]
        slow: Samples = np.einsum("ij,ij->i", windows, self._filters[phase]).astype(np.float32)
        return slow


def resampled(samples: Samples, rate_in_hz: int, rate_out_hz: int) -> Samples:
    """A whole sound (N,) at the other rate, to its last sample."""
    resampler = Resampler(rate_in_hz, rate_out_hz)
    if rate_in_hz == rate_out_hz:
        return samples
    delay = round(ZEROS * max(1.0, rate_in_hz / rate_out_hz))  # in samples of the input
    out = resampler.feed(np.concatenate([samples, np.zeros(2 * delay, np.float32)]))
    first = round(delay * rate_out_hz / rate_in_hz)
    whole: Samples = out[first : first + round(len(samples) * rate_out_hz / rate_in_hz)]
    return whole


def _phases(up: int, down: int) -> NDArray[np.float32]:
    """The filter's phases, each reversed, so that a product of rows is a convolution."""
    ratio = max(1.0, down / up)  # samples of the input per sample of the lower rate
    taps = 2 * math.ceil(ZEROS * ratio) + 1
    centre = taps // 2
    # Output at phase p stands p/up of a sample after the newest but `centre` of the window.
    offset = np.arange(taps)[None, :] - centre - np.arange(up)[:, None] / up
    shape = np.sinc(offset * ROLL_OFF / ratio) * ROLL_OFF / ratio
    inside = np.clip(1 - (offset / (centre + 1)) ** 2, 0, 1)
    window = np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
    filters = shape * window
    even: Samples = (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)
    return even
