"""The unit's own sounds: WAV files of one folder, by name."""

from dataclasses import dataclass
from pathlib import Path

from drivers.actuators.actuator import Sound
from drivers.actuators.speech import SpeechError, from_wav
from telemetry.contract.wire_types import short

MOST_BYTES = 8 * 1024 * 1024
MOST_CLIPS = 200


class ClipError(Exception):
    """It cannot be played; the text says why."""


@dataclass(frozen=True, slots=True)
class Clips:
    """What there is; looked through once, when the unit starts."""

    paths: dict[str, Path]
    faults: dict[str, str]  # by file, why it cannot be played

    @classmethod
    def look(cls, folder: Path | None) -> "Clips":
        if folder is None:
            return cls({}, {})
        found, faults = dict[str, Path](), dict[str, str]()
        try:
            files = sorted(folder.glob("*.wav"))
            if not folder.is_dir():
                faults[folder.name or str(folder)] = f"there is no folder {folder}"
        except OSError as error:
            return cls({}, {folder.name: f"{folder}: {error.strerror}"})
        for path in files[:MOST_CLIPS]:
            try:
                read_clip(path)
            except ClipError as error:
                faults[path.name] = str(error)
            else:
                found[short(path.stem)] = path
        for path in files[MOST_CLIPS:]:
            faults[path.name] = f"there are more than {MOST_CLIPS} clips"
        return cls(found, faults)

    def sound(self, name: str) -> Sound:
        """Raises ClipError."""
        if name not in self.paths:
            known = ", ".join(sorted(self.paths)) or "none"
            raise ClipError(f"there is no clip {name}; there is: {known}")
        return read_clip(self.paths[name])


def read_clip(path: Path, name: str | None = None) -> Sound:
    """A WAV file of 16 bits. Raises ClipError."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ClipError(f"{path.name} is larger than {MOST_BYTES // 2**20} MiB")
        samples, rate_hz = from_wav(data)
    except (OSError, SpeechError) as error:
        raise ClipError(f"{path.name}: {error}") from error
    if not len(samples):
        raise ClipError(f"{path.name} holds no sound")
    return Sound(samples=samples, rate_hz=rate_hz, name=short(name or path.stem))


def duration_s(sound: Sound) -> float:
    return len(sound.samples) / sound.rate_hz
