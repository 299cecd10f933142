"""From the configuration to the detector, and what to call it."""

from pathlib import Path

from config.perception import PerceptionConfig
from perception.detection.detector import Detector
from perception.inference.catalogue import Catalogue, is_file_name
from perception.inference.session import Tuning

SMALLER = 0.75  # of a side, under strain: 0.56 of the time


def config_name(model: str) -> str:
    """What to call a model that is configured by its catalogue name or its file."""
    return Path(model).stem if is_file_name(model) else model


def open_detector(config: PerceptionConfig) -> Detector:
    """The configured model, warm. Raises PerceptionError."""
    spec = Catalogue(config.models_dir).find(config.model)
    tracked_from = max(config.tracker.low_score, spec.score_low)
    score_min = tracked_from if config.score_min is None else config.score_min
    return Detector.open(
        spec,
        providers=config.providers,
        threads=config.threads,
        score_min=score_min,
        input_px=config.input_px,
        tuning=Tuning(**config.provider_options.model_dump()),
    )


def open_smaller(config: PerceptionConfig, detector: Detector) -> Detector:
    """The same model for pictures of about half the area. Raises ModelError where it cannot."""
    width, height = (max(32, round(SMALLER * side / 32) * 32) for side in detector.input_px)
    return Detector.open(
        detector.spec,
        providers=config.providers,
        threads=config.threads,
        score_min=detector.score_min,
        input_px=(width, height),
        tuning=Tuning(**config.provider_options.model_dump()),
    )
