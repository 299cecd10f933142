"""`patrol-edge eval detect`: average precision of detections, by COCO's rules."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.console import DONE, USAGE, CommandError, note, of_perception, say
from edge.cli.parser import add_command

if TYPE_CHECKING:
    from edge.cli.vision.coco_scores import Score, Truth

DESCRIPTION = """\
Compares detections with what people have marked, by COCO's rules (pycocotools, extra `eval`): AP
is the mean over overlaps from 0.50 to 0.95, AP50 that at 0.50; of the six classes together, and of
each.

RESULTS.json is what `patrol-edge detect --coco` writes: it is judged over all pictures of the
truth, or with --images over those of them that lie in that folder. With --model instead, the model
looks at the pictures in --images first, down to the score to which its authors evaluate."""


def register(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(kinds, "detect", "average precision of detections", DESCRIPTION)
    add = parser.add_argument
    add("results", nargs="?", type=Path, metavar="RESULTS.json", help="COCO results; or --model")
    add("--model", metavar="NAME|FILE", help="look at the pictures with this model first")
    add("--models-dir", type=Path, metavar="DIR", help="where pulled models lie")
    add("--family", metavar="F", help="the model's family, where it cannot be recognised")
    add("--truth", type=Path, required=True, metavar="TRUTH.json", help="a COCO instances file")
    add("--images", type=Path, metavar="DIR", help="the pictures, named as in the truth")
    add("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(handler=eval_detect)


def eval_detect(args: argparse.Namespace) -> int:
    """Raises CommandError for what cannot be read, and for what does not go together."""
    from edge.cli.vision import coco_scores
    from perception.errors import PerceptionError

    if (args.results is None) == (args.model is None):
        raise CommandError("give RESULTS.json or --model, and not both", "see --help", USAGE)
    if args.model and not args.images:
        raise CommandError("--model needs the pictures", "give their folder: --images DIR", USAGE)
    coco_scores.need_pycocotools()
    truth = coco_scores.read_truth(args.truth)
    there = pictures_of(truth, args.images) if args.images else {}
    image_ids = list(there) if args.images else truth.image_ids
    if args.model:
        try:
            results = _look(args, there)
        except PerceptionError as error:
            raise of_perception(error) from error
    else:
        results = coco_scores.read_results(args.results)
        _note_strangers(truth, results)
    tell(args, coco_scores.average_precision(truth, results, image_ids), len(image_ids))
    return DONE


def pictures_of(truth: "Truth", folder: Path) -> dict[int, Path]:
    """The pictures of the truth that are in the folder, by image id. Raises CommandError."""
    if not folder.is_dir():
        raise CommandError(f"{folder} is no folder", "give the folder of the pictures", USAGE)
    there = {}
    for image_id, name in truth.names.items():
        path = folder / Path(name).name
        if name and path.is_file():
            there[image_id] = path
    if not there:
        raise CommandError(
            f"no picture of {truth.path} is in {folder}", "give the folder of its pictures", USAGE
        )
    if len(there) < len(truth.names):
        note(f"{len(there)} of the {len(truth.names)} pictures of the truth are in {folder}")
    return there


def _look(args: argparse.Namespace, there: dict[int, Path]) -> list[dict[str, Any]]:
    from edge.cli.vision.detect_run import coco_results
    from edge.cli.vision.pictures import collect, shots
    from edge.cli.vision.writing import progress_bar
    from perception.detection.detector import Detector
    from perception.inference.catalogue import Catalogue

    spec = Catalogue(args.models_dir).find(args.model, family=args.family)
    detector = Detector.open(spec, score_min=spec.score_floor)
    ids = {path: image_id for image_id, path in there.items()}
    results: list[dict[str, Any]] = []
    with progress_bar() as progress:
        task = progress.add_task("detecting", total=len(there))
        for shot in shots(collect(list(ids))):
            results += coco_results(detector.detect(shot.image), ids[shot.path])
            progress.advance(task)
    return results


def _note_strangers(truth: "Truth", results: list[dict[str, Any]]) -> None:
    strangers = {row["image_id"] for row in results} - truth.names.keys()
    if strangers:
        note(f"results of {len(strangers)} pictures that the truth does not have are left out")


def tell(args: argparse.Namespace, scores: "list[Score]", pictures: int) -> None:
    if args.json:
        classes = {
            score.label: {
                "ap": _rounded(score.ap),
                "ap50": _rounded(score.ap50),
                "boxes": score.boxes,
            }
            for score in scores
        }
        say(json.dumps({"pictures": pictures, "classes": classes}))
        return
    say(f"{'class':12} {'AP':>6} {'AP50':>6} {'boxes':>7}   {pictures} pictures")
    for score in scores:
        say(f"{score.label:12} {_told(score.ap):>6} {_told(score.ap50):>6} {score.boxes:7d}")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _told(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
