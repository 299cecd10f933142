"""What kind of sound it is: siren, scream, glass, shot, explosion, by a model of the YAMNet family.

The features are those of YAMNet (Plakal and Ellis 2019, tensorflow/models research/audioset/yamnet,
params.py): 16 kHz, Hann windows of 25 ms every 10 ms, 64 mel bands of the magnitude from 125 to
7500 Hz, log(x + 0.001), patches of 96 frames. Class numbers are AudioSet's in YAMNet's own list
(yamnet_class_map.csv).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception.errors import ModelError
from perception.inference.session import Session

Floats = NDArray[np.float32]

RATE_HZ = 16_000
WINDOW, HOP, FFT = 400, 160, 512
BANDS, LOW_HZ, HIGH_HZ, OFFSET = 64, 125.0, 7500.0, 0.001
PATCH, PATCH_HOP = 96, 24  # frames: a patch is 0.96 s. A new one begins every 0.24 s, twice as
# often as in YAMNet: a made shot is scored 0.49 to 0.80 by where in the patch it falls.
CLASSES = 521

# Each kind's score is the highest of its classes.
KINDS: dict[str, tuple[int, ...]] = {
    "siren": (316, 317, 318, 319, 390, 391),  # emergency vehicles, siren, civil defence siren
    "scream": (11,),
    "glass": (435, 437),  # glass, shatter; a clink (436) is no alarm
    "shot": (421, 422, 423),  # gunshot, machine gun, fusillade; cap gun and fireworks are not
    "explosion": (420, 430),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """Scores of one patch, by kind."""

    scores: dict[str, float]  # 0..1


class SoundClasses:
    """The model, fed with sound at 16 kHz."""

    def __init__(self, session: Session) -> None:
        """Raises ModelError where inputs or outputs are not those of the family."""
        self._session = session
        self._input = _check(session)
        self._mel = mel_matrix()
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(
            np.float32
        )
        self.reset()

    def reset(self) -> None:
        """After a gap: what comes next does not go on from what was heard."""
        self._rest = np.zeros(0, np.float32)
        self._frames = np.zeros((0, BANDS), np.float32)

    def feed(self, samples: Floats) -> Heard | None:
        """The scores of the newest patch that a block (N,) completed; None if it completed none.
        Raises ModelError."""
        line = np.concatenate([self._rest, samples])
        count = max(0, (len(line) - WINDOW) // HOP + 1)
        if count:
            self._frames = np.concatenate([self._frames, self.features(line, count)])
        self._rest = line[count * HOP :]
        heard = None
        while len(self._frames) >= PATCH:
            heard = self._judge(self._frames[:PATCH])
            self._frames = self._frames[PATCH_HOP:]
        return heard

    def features(self, line: Floats, count: int) -> Floats:
        """(count, 64) log-mel frames of a line of samples."""
        pieces = np.lib.stride_tricks.sliding_window_view(line, WINDOW)[::HOP][:count]
        spectrum = np.abs(np.fft.rfft(pieces * self._window, FFT, axis=1))
        return np.log(spectrum @ self._mel + OFFSET).astype(np.float32)

    def _judge(self, patch: Floats) -> Heard:
        scores = self._session.run({self._input: patch[None]})[0].reshape(-1)
        if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1.001:
            raise ModelError("the sound model gives scores that are no probabilities")
        found = {kind: min(1.0, float(scores[list(of)].max())) for kind, of in KINDS.items()}
        return Heard(found)


def _check(session: Session) -> str:
    """The input's name, once the model has answered a patch of silence as its family does."""
    shapes = [tuple(tensor.shape) for tensor in session.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][1:] != (PATCH, BANDS):
        raise ModelError(
            f"this is no sound model of the YAMNet family: it wants {shapes}",
            "it takes (1, 96, 64) log-mel patches and gives 521 scores",
        )
    name = session.inputs[0].name
    silence = np.full((1, PATCH, BANDS), np.log(OFFSET), np.float32)
    outputs: list[NDArray[Any]] = session.run({name: silence})
    if not outputs or outputs[0].size != CLASSES:
        raise ModelError(f"the sound model gives {outputs[0].size} scores, not {CLASSES}")
    return name


def mel_matrix() -> NDArray[np.float64]:
    """(257, 64) weights of triangular bands that are even on the HTK mel scale
    (Young et al., The HTK Book, 5.4: 1127 ln(1 + f / 700))."""
    bins = 1127.0 * np.log1p(np.fft.rfftfreq(FFT, 1 / RATE_HZ) / 700.0)
    low, high = (1127.0 * np.log1p(edge / 700.0) for edge in (LOW_HZ, HIGH_HZ))
    edges = np.linspace(low, high, BANDS + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - left) / (centre - left)
    falling = (right - bins[:, None]) / (right - centre)
    weights: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0  # no constant part, as in YAMNet's own matrix
    return weights
