"""Whether a model can be used: loaded as whoever uses it would, and run once."""

from dataclasses import dataclass

from perception.detection.detector import Detector
from perception.inference import model_trial
from perception.inference.model_spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Verified:
    """What a model turned out to be."""

    family: str
    input_px: tuple[int, int] | None  # width, height; None: it takes no pictures


def verify(spec: ModelSpec) -> Verified:
    """Hash, structure, shapes, family, and one inference. Raises ModelError with the reason.

    A model for another task than detection is read by whoever uses it: here it is loaded and run.
    """
    if spec.task == "detection":
        detector = Detector.open(spec)
        return Verified(detector.family.name, detector.input_px)
    model_trial.probe(model_trial.content_of(spec), spec.input_px)
    return Verified(spec.family or "?", spec.input_px)
