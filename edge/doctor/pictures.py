"""Pictures of the cameras for the doctor's page: persons and plates in them are covered, or there
is none."""

import base64
import binascii
import threading

import numpy as np
from numpy.typing import NDArray

from config.language import said, tell
from config.models import Settings
from edge.doctor.exhibit import Exhibit
from edge.doctor.running_unit import RunningUnit, UnitSilentError
from edge.media.media import open_faces
from perception.detection.detector import Detector
from perception.errors import PerceptionError
from perception.inference.catalogue import Catalogue
from perception.redaction import jpeg
from perception.redaction.redactor import Redactor
from perception.redaction.regions import PERSON_FROM
from telemetry.commands.handling import OrderRefusedError

LONGEST_PX = 640
MOST_BYTES = 60 * 1024
QUALITY = 80
CONTROL = "doctor.picture"  # what a running unit is asked for


class Pictures:
    """Opens the models at the first picture. Any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._detector: Detector | None = None
        self._redactor: Redactor | None = None

    def of(self, image: NDArray[np.uint8]) -> Exhibit:
        """One for the page, of a camera that the doctor has opened itself."""
        try:
            with self._lock:
                return Exhibit(picture_jpeg=self._covered(image))
        except PerceptionError as error:
            return _without(said(error))

    def _covered(self, image: NDArray[np.uint8]) -> bytes:
        """Raises PerceptionError: then it stays here."""
        if self._detector is None or self._redactor is None:
            perception = self._settings.perception
            spec = Catalogue(perception.models_dir).find(perception.model)
            self._detector = Detector.open(spec, score_min=PERSON_FROM)
            self._redactor = self._opened()
        found = self._detector.detect(image)
        return as_jpeg(self._redactor.redact(image, found))

    def _opened(self) -> Redactor:
        """Without a model for faces heads are covered by geometry all the same."""
        try:
            return Redactor(open_faces(self._settings))
        except PerceptionError:
            return Redactor(None)


def as_jpeg(image: NDArray[np.uint8]) -> bytes:
    """Small enough for a page. Raises ImageError."""
    return jpeg.encode(image, quality=QUALITY, longest_px=LONGEST_PX, max_bytes=MOST_BYTES)


def of_running_unit(unit: RunningUnit, camera: str) -> Exhibit:
    """The newest that it has looked at, covered by the unit itself."""
    try:
        told = unit.do(CONTROL, camera=camera).get("jpeg")
        return Exhibit(picture_jpeg=base64.b64decode(str(told or ""), validate=True))
    except (OrderRefusedError, UnitSilentError) as error:
        return _without(said(error))
    except binascii.Error:
        return _without(tell("the unit's answer cannot be read"))


def _without(why: str) -> Exhibit:
    return Exhibit(why_no_picture=why)
