"""The detector and the redactor that a command line asks for."""

import argparse

from edge.cli.console import USAGE, CommandError
from perception.detection.detector import Detector
from perception.errors import ModelError
from perception.inference.catalogue import Catalogue
from perception.redaction.faces import FaceFinder
from perception.redaction.redactor import Redactor
from perception.redaction.regions import PERSON_FROM


def open_redactor(args: argparse.Namespace, catalogue: Catalogue) -> Redactor:
    """With the face model, unless `--heads-only`. Raises CommandError, ModelError."""
    if args.heads_only:
        return Redactor(None)
    try:
        return Redactor(FaceFinder.open(catalogue.find(args.face_model, task="redaction")))
    except ModelError as error:
        cures = (error.cure, "cover heads by geometry alone: --heads-only")
        raise CommandError(str(error), "; or ".join(filter(None, cures)), USAGE) from error


def open_detector(args: argparse.Namespace, catalogue: Catalogue) -> Detector:
    """Down to weak detections. Raises ModelError."""
    return Detector.open(catalogue.find(args.model), score_min=PERSON_FROM)
