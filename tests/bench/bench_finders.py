"""Plates and searches: what is read and how fast, colours by name, hits, the searched area.

Plates and most persons are drawn: there is no set of real ones. These figures say that the chain
works and what it costs; how well it reads on a street they do not say.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from config.plates import PlatesConfig
from perception.errors import ModelError
from perception.plates.formats import parse
from perception.plates.reader import PlateReader
from perception.search.area import SearchedArea
from perception.search.body import part_colours
from perception.search.colours import NAMES, light_of
from perception.search.likeness import Description, Evidence, matches
from tests.bench.figures import Figure
from tests.finders import Field
from tests.parts.test_plate_hits import Street
from tests.person_pictures import person, real_parts
from tests.plate_pictures import some_plate, vehicle
from tests.shared_data import SHARED
from tests.unit.test_searched_area import TOWN, as_shape, drive, iou, square, truth_of

PLATES = 40
PEERS_PLATES = 10  # the peer takes ten times as long
VIEWS: dict[str, dict[str, float]] = {
    "100 px wide": {},
    "80 px": {"plate_px": 80},
    "60 px": {"plate_px": 60},
    "turned 8 deg": {"turn_deg": 8},
    "from the side": {"yaw": 0.25},
    "dark": {"light": 0.35, "noise": 4},
    "blurred": {"blur": 1.0, "noise": 6},
}
LEAST_RIGHT = {"100 px wide": 0.95, "80 px": 0.95, "turned 8 deg": 0.95, "from the side": 0.9}

Image = NDArray[np.uint8]
Read = Callable[[Image], str | None]


def measure() -> Iterator[Figure]:
    try:
        reader = PlateReader.open()
    except ModelError as error:
        yield Figure(name=f"plates ({error})", value=float("nan"), unit="", limit=0.0)
    else:
        yield from _reading(reader)
        yield from _hits(reader)
    yield from _colours()
    yield from _area()


# --- plates ---


def _reading(reader: PlateReader) -> Iterator[Figure]:
    peer, theirs = _peer(), float("nan")

    def ours(picture: Image) -> str | None:
        found = reader.read(picture)
        return found[0].fit.plate.text if found else None

    for name, view in VIEWS.items():
        rng = np.random.default_rng(11)
        drawn = [some_plate(rng) for _ in range(PLATES)]
        shown = [
            (text, vehicle(text, colour, seed=n, **view))  # type: ignore[arg-type]
            for n, (text, colour) in enumerate(drawn)
        ]
        right, wrong, ms = _score(ours, shown)
        beside = ""
        if peer is not None:
            peer_right, peer_wrong, theirs = _score(peer, shown[:PEERS_PLATES])
            beside = f"rapidocr, of {PEERS_PLATES}: {peer_right:.1f} right, {peer_wrong:.1f} wrong"
        yield Figure(
            name=f"drawn plates read right, {name}",
            value=right,
            unit="",
            limit=LEAST_RIGHT.get(name),
            sense=">=",
            peer=beside,
        )
        yield Figure(name=f"  read as another plate, {name}", value=wrong, unit="", limit=0.05)
    yield Figure(
        name="reading a vehicle, one thread, over rapidocr's time",
        value=ms / theirs,
        unit="",
        limit=None if peer is None else 0.3,
        peer=f"{ms:.0f} ms and {theirs:.0f} ms, medians",
    )


def _score(read: Read, shown: list[tuple[str, Image]]) -> tuple[float, float, float]:
    """Shares that are right and wrong; the rest was not read. And the median time, ms."""
    right, wrong, times = 0, 0, []
    for text, picture in shown:
        began_s = time.perf_counter()
        found = read(picture)
        times.append((time.perf_counter() - began_s) * 1e3)
        right += found == text
        wrong += found not in (text, None)
    return right / len(shown), wrong / len(shown), statistics.median(times)


def _peer() -> Read | None:
    """rapidocr's own pipeline with the same model files, one thread, its texts made plates."""
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError:
        return None
    engine: Any = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)

    def read(picture: Image) -> str | None:
        lines, _ = engine(picture, use_cls=False)
        plates = [parse(str(line[1])) for line in lines or ()]
        return next((plate.text for plate in plates if plate is not None), None)

    return read


def _hits(reader: PlateReader) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        street = Street(Field(Path(folder)), reader, PlatesConfig(enabled=True))
        rng = np.random.default_rng(2)
        tracks, records = 30, 0
        for track in range(tracks):
            text = f"鲁B{rng.integers(10000, 99999)}"
            street.watch.tally.plates, before = 0, street.watch.tally.plates
            street.pass_by(text, track=100 + track, looks=4)
            records += street.watch.tally.plates
            street.watch.tally.plates = before
        street.pass_by("鲁A12345", track=1)
        yield Figure(
            name="one record for each vehicle that drives past",
            value=records / tracks, unit="", limit=0.98, sense=">=",
        )  # fmt: skip
        yield Figure(
            name="from the plate read to the outbox", value=street.watch.tally.hit_ms[0], unit="ms",
            limit=2000.0,
        )  # fmt: skip


# --- searches ---


def _colours() -> Iterator[Figure]:
    right, total, times = 0, 0, []
    for upper in NAMES:
        for lower in NAMES:
            picture, box = person(upper, lower, seed=total)
            began_s = time.perf_counter()
            gains = light_of(picture)
            named = [part_colours(picture, box, part, gains) for part in ("upper", "lower")]
            times.append((time.perf_counter() - began_s) * 1e3)
            for shares, wanted in zip(named, (upper, lower), strict=True):
                right += shares is not None and NAMES[int(shares.argmax())] == wanted
                total += 1
    yield Figure(
        name="drawn clothes named right", value=right / total, unit="", limit=0.95, sense=">="
    )
    yield Figure(
        name="light and two parts of one person", value=statistics.median(times), unit="ms",
        limit=2.0,
    )  # fmt: skip
    coco = SHARED / "data" / "coco"
    if coco.exists():
        yield from _real_clothes(coco)
    yield from _separation()


def _real_clothes(coco: Path) -> Iterator[Figure]:
    top, right, wrong = 0, [], []
    for picture, box, part, wanted in real_parts(coco):
        shares = part_colours(picture, box, part, light_of(picture))
        if shares is None:
            continue
        top += NAMES[int(shares.argmax())] in wanted
        right.append(matches(shares, wanted))
        wrong += [matches(shares, frozenset({n})) for n in NAMES if n not in wanted]
    rank = float(np.mean([(np.array(wrong) < each).mean() for each in right]))
    said = f"{len(right)} parts of persons of COCO, named by a human; also tuned on"
    yield Figure(
        name="real clothes: first name right", value=top / len(right), unit="", limit=0.8,
        sense=">=", peer=said,
    )  # fmt: skip
    yield Figure(
        name="real clothes: the right name above another", value=rank, unit="", limit=0.95,
        sense=">=",
    )  # fmt: skip


def _separation() -> Iterator[Figure]:
    """Red over black among persons in all other clothes, five looks each, in dusk."""
    wanted = Description(
        labels=frozenset({"person"}), upper=frozenset({"red"}), lower=frozenset({"black"})
    )
    scores: dict[tuple[str, str], float] = {}
    for upper in NAMES:
        for lower in NAMES:
            evidence = Evidence()
            for number in range(5):
                picture, box = person(upper, lower, seed=number, light=0.6)
                evidence.add(wanted, picture, "person", box, light_of(picture), float(number))
            like = evidence.likeness(wanted, "person")
            scores[upper, lower] = like.score if like else 0.0
    meant = scores.pop(("red", "black"))
    yield Figure(name="score of who is meant, drawn, in dusk", value=meant, unit="", limit=0.8,
                 sense=">=")  # fmt: skip
    false = sum(score >= 0.55 for score in scores.values()) / len(scores)
    yield Figure(
        name="others that would be candidates, of 120", value=false, unit="", limit=0.03,
        peer=", ".join("/".join(k) for k, score in scores.items() if score >= 0.55),
    )  # fmt: skip


def _area() -> Iterator[Figure]:
    for side_m, rate_hz in ((150, 1), (600, 1), (600, 10)):
        area, footprints = SearchedArea(square(side_m)), drive(side_m, rate_hz)
        ours = _each(lambda one, area=area: area.see(one, TOWN), footprints)
        union: shapely.Geometry = shapely.Polygon()
        theirs = []
        for one in footprints:
            began_s = time.perf_counter()
            union = union.union(shapely.Polygon(one)).simplify(0.3)
            theirs.append((time.perf_counter() - began_s) * 1e3)
        yield Figure(
            name=f"searched area, {side_m} m, {rate_hz} Hz: IoU with the union",
            value=iou(as_shape(area), truth_of(area, footprints)), unit="", limit=0.95, sense=">=",
        )  # fmt: skip
        yield Figure(
            name=f"  a look, median, {side_m} m, {rate_hz} Hz", value=statistics.median(ours),
            unit="ms", limit=5.0, peer=f"a union by shapely: {statistics.median(theirs):.2f} ms",
        )  # fmt: skip


def _each(do: Callable[[Any], Any], items: list[Any]) -> list[float]:
    times = []
    for item in items:
        began_s = time.perf_counter()
        do(item)
        times.append((time.perf_counter() - began_s) * 1e3)
    return times
