"""COCO's average precision of detections: the one module that knows `pycocotools` (extra `eval`).

Truth and results are files from outside: they are looked through here, because pycocotools takes
what it finds. AP is the mean over overlaps (IoU) from 0.50 to 0.95 and over classes, AP50 that at
an overlap of 0.50 (cocodataset.org, "Detection evaluation").
"""

import contextlib
import io
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge.cli.console import FAILED, USAGE, CommandError
from perception.detections import COCO_IDS

INSTALL = "install it: pip install 'patrol-edge[eval]'"
MAX_JSON_BYTES = 1 << 30
ALL = "all six"


@dataclass(frozen=True, slots=True)
class Score:
    """Average precision of one class, or of all six; in percent, None where there is no truth."""

    label: str
    ap: float | None  # over overlaps 0.50:0.95
    ap50: float | None
    boxes: int  # in the truth, without crowds


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What people have marked in pictures."""

    path: Path
    dataset: dict[str, Any]  # as COCO's instances files are, with all that pycocotools needs
    names: dict[int, str]  # image id to file name; empty where the file does not say it

    @property
    def image_ids(self) -> list[int]:
        return list(self.names)


def need_pycocotools() -> None:
    """Raises CommandError unless the optional package is here."""
    if find_spec("pycocotools") is None:
        raise CommandError("average precision needs pycocotools", INSTALL)


def read_truth(path: Path) -> Truth:
    """An instances file of COCO's format. Raises CommandError with what is wrong in it."""
    content = read_json(path)
    if not isinstance(content, dict) or not all(
        isinstance(content.get(part), list) for part in ("images", "annotations", "categories")
    ):
        raise CommandError(
            f"{path} is no COCO truth: it needs lists of images, annotations and categories",
            "give a file like instances_val2017.json",
        )
    try:
        names = {int(image["id"]): str(image.get("file_name", "")) for image in content["images"]}
        boxes = [
            _annotation(number, entry)
            for number, entry in enumerate(content["annotations"], start=1)
        ]
        categories = {str(entry["name"]): int(entry["id"]) for entry in content["categories"]}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CommandError(f"{path}: an entry is incomplete or no number ({error!r})") from error
    _need_coco_ids(path, categories)
    strangers = {box["image_id"] for box in boxes} - names.keys()
    if strangers:
        raise CommandError(
            f"{path}: boxes of {len(strangers)} pictures that are not in its list of images"
        )
    dataset = {
        "images": [{"id": image_id} for image_id in names],
        "annotations": boxes,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    return Truth(path, dataset, names)


def _annotation(number: int, entry: dict[str, Any]) -> dict[str, Any]:
    """Numbered from 1: pycocotools takes an id of 0 for 'not found'."""
    x, y, width, height = map(float, entry["bbox"])
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError("a box that is not finite")
    return {
        "id": number,
        "image_id": int(entry["image_id"]),
        "category_id": int(entry["category_id"]),
        "bbox": [x, y, width, height],
        "area": float(entry.get("area", width * height)),
        "iscrowd": int(entry.get("iscrowd", 0)),
    }


def _need_coco_ids(path: Path, categories: dict[str, int]) -> None:
    known = {name: number for name, number in categories.items() if name in COCO_IDS}
    wrong = [name for name, number in known.items() if COCO_IDS[name] != number]
    if not known or wrong:
        wanted = ", ".join(f"{name} {number}" for name, number in COCO_IDS.items())
        what = f"numbers {', '.join(wrong)} otherwise than COCO" if wrong else "has none of them"
        raise CommandError(f"{path}: the truth {what}", f"number its categories: {wanted}")


def read_results(path: Path) -> list[dict[str, Any]]:
    """Results in COCO's format, as `patrol-edge detect --coco` writes them. Raises CommandError."""
    content = read_json(path)
    try:
        return [
            {
                "image_id": int(entry["image_id"]),
                "category_id": int(entry["category_id"]),
                "bbox": _finite(entry["bbox"], 4),
                "score": _finite([entry["score"]], 1)[0],
            }
            for entry in content
        ]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CommandError(
            f"{path} is no list of COCO results ({error!r})",
            "make it with: patrol-edge detect PICTURES --coco RESULTS.json",
        ) from error


def _finite(values: Sequence[Any], count: int) -> list[float]:
    numbers = [float(value) for value in values]
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{values!r} are not {count} numbers")
    return numbers


def read_json(path: Path) -> Any:
    """Raises CommandError: missing, unreadable, too large, no JSON."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise CommandError(f"{path} is larger than {MAX_JSON_BYTES >> 30} GiB")
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CommandError(f"{path} is not there", "check the name", USAGE) from error
    except IsADirectoryError as error:
        raise CommandError(f"{path} is a folder", "name the file in it", USAGE) from error
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", "copy it again", FAILED) from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} is no JSON: {str(error)[:200]}") from error


def average_precision(
    truth: Truth, results: list[dict[str, Any]], image_ids: Collection[int]
) -> list[Score]:
    """All six classes together, then each. Only `image_ids` count. Raises CommandError."""
    need_pycocotools()
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    wanted = set(image_ids)
    ours = [row for row in results if row["image_id"] in wanted]
    with contextlib.redirect_stdout(io.StringIO()):  # it tells its progress there
        marked = COCO()
        marked.dataset = truth.dataset
        marked.createIndex()
        found = marked.loadRes(ours) if ours else None
        scores = []
        for label, numbers in (
            (ALL, [*COCO_IDS.values()]),
            *((k, [v]) for k, v in COCO_IDS.items()),
        ):
            boxes = _count(truth, numbers, wanted)
            if found is None or not boxes:
                scores.append(Score(label, 0.0 if boxes else None, 0.0 if boxes else None, boxes))
                continue
            judge = COCOeval(marked, found, "bbox")
            judge.params.imgIds, judge.params.catIds = sorted(wanted), numbers
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
            scores.append(Score(label, judge.stats[0] * 100, judge.stats[1] * 100, boxes))
    return scores


def _count(truth: Truth, categories: list[int], image_ids: set[int]) -> int:
    return sum(
        box["category_id"] in categories and box["image_id"] in image_ids and not box["iscrowd"]
        for box in truth.dataset["annotations"]
    )
