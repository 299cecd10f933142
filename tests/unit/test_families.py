"""Every family reads back the boxes that its network would have put out."""

import contextlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perception.detection.families import kinds
from perception.detection.families.family import MAX_CANDIDATES, Candidates, Graph
from perception.detections import PATROL_CLASSES
from perception.errors import ModelError
from tests.head_writer import HEADS, IDS, Head, Known, Outputs, nanodet, yolox

SIDE = 416


def graph_of(outputs: Outputs, labels: str | tuple[str, ...] | None = None) -> Graph:
    shapes = tuple((name, array.shape) for name, array in outputs.items())
    return Graph(width_px=SIDE, height_px=SIDE, outputs=shapes, labels=labels)


def decode(outputs: Outputs, score_min: float = 0.05) -> Candidates:
    return kinds.fit(graph_of(outputs), None).decode(list(outputs.values()), score_min)


@st.composite
def one_object(draw: st.DrawFn) -> Known:
    width, height = draw(st.floats(40, 250)), draw(st.floats(40, 250))
    x = draw(st.floats(width / 2 + 0.5, SIDE - width / 2 - 0.5))
    y = draw(st.floats(height / 2 + 0.5, SIDE - height / 2 - 0.5))
    label = draw(st.sampled_from(PATROL_CLASSES))
    score = draw(st.floats(0.1, 0.9))
    return Known(label, score, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))


@pytest.mark.parametrize(("family", "write"), HEADS, ids=IDS)
@given(known=one_object())
@settings(max_examples=25)
def test_a_box_survives_encoding_and_decoding(family: str, write: Head, known: Known) -> None:
    found = decode(write([known], SIDE, SIDE))

    assert len(found.scores) == 1
    assert found.boxes[0] == pytest.approx(known.box, abs=0.1)
    assert found.scores[0] == pytest.approx(known.score, abs=0.002)
    assert found.classes[0] == known.class_index


@pytest.mark.parametrize(("family", "write"), HEADS, ids=IDS)
def test_the_family_is_told_from_the_shapes_alone(family: str, write: Head) -> None:
    assert kinds.fit(graph_of(write([], SIDE, SIDE)), None).name == family
    assert kinds.fit(graph_of(write([], SIDE, SIDE)), family).name == family


@pytest.mark.parametrize(("family", "write"), HEADS, ids=IDS)
def test_a_wrong_declaration_is_refused_with_the_shapes_found(family: str, write: Head) -> None:
    wrong = "fastestdet" if family == "yolox" else "yolox"

    with pytest.raises(ModelError, match=r"do not fit the family .*\[1, "):
        kinds.fit(graph_of(write([], SIDE, SIDE)), wrong)


@pytest.mark.parametrize(("family", "write"), HEADS, ids=IDS)
def test_an_empty_scene_and_a_high_threshold_give_nothing(family: str, write: Head) -> None:
    known = Known("car", 0.4, (100, 100, 180, 160))

    assert len(decode(write([], SIDE, SIDE)).scores) == 0
    assert len(decode(write([known], SIDE, SIDE), score_min=0.5).scores) == 0
    assert decode(write([], SIDE, SIDE)).boxes.shape == (0, 4)


@pytest.mark.parametrize(("family", "write"), HEADS, ids=IDS)
@given(data=st.data())
@settings(max_examples=8)
def test_numbers_that_no_network_should_put_out_do_no_harm(
    family: str, write: Head, data: st.DataObject
) -> None:
    outputs = write([], SIDE, SIDE)
    reader = kinds.fit(graph_of(outputs), None)
    wild = [np.nan, np.inf, -np.inf, 3e38, -3e38, 0.5, 1.0, -7.0]
    noisy = []
    for array in outputs.values():
        noise = np.resize(
            data.draw(hnp.arrays(np.float64, 97, elements=st.sampled_from(wild))), array.shape
        )
        with np.errstate(invalid="ignore", over="ignore"):
            noisy.append(noise.astype(array.dtype))

    found = Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    with np.errstate(all="ignore"), contextlib.suppress(ModelError):  # scores that are none
        found = reader.decode(noisy, 0.05)

    assert len(found.boxes) == len(found.scores) == len(found.classes)
    assert set(found.classes.tolist()) <= set(range(len(PATROL_CLASSES)))


@pytest.mark.parametrize(
    "shapes",
    [
        [],
        [(1, 1000)],
        [(1, 3549, 5)],
        [(1, 3, 416, 416)],
        [(1, 84, 1234)],
        [(1, 2704, 80), (1, 676, 80), (1, 169, 80), (1, 2704, 44), (1, 676, 44), (1, 169, 32)],
    ],
    ids=["nothing", "classifier", "no class", "picture", "other grid", "mixed bins"],
)
def test_what_is_no_detector_fits_no_family(shapes: Sequence[tuple[int, ...]]) -> None:
    outputs = tuple((f"out{i}", shape) for i, shape in enumerate(shapes))
    graph = Graph(width_px=SIDE, height_px=SIDE, outputs=outputs, labels=None)

    with pytest.raises(ModelError, match="fit no family"):
        kinds.fit(graph, None)


@given(
    shapes=st.lists(st.lists(st.integers(0, 4000), min_size=0, max_size=5), max_size=8),
    side=st.sampled_from([32, 64, 192, 416, 640]),
)
def test_any_shapes_are_either_a_family_or_refused(shapes: list[list[int]], side: int) -> None:
    outputs = tuple((f"out{i}", tuple(shape)) for i, shape in enumerate(shapes))
    graph = Graph(width_px=side, height_px=side, outputs=outputs, labels=None)
    with contextlib.suppress(ModelError):
        assert kinds.fit(graph, None).name in kinds.KINDS


def test_a_list_of_class_names_takes_the_place_of_coco() -> None:
    cells = sum((SIDE // s) ** 2 for s in (8, 16, 32))
    table = np.zeros((1, cells, 8), np.float32)
    table[0, 0] = (0, 0, 1, 1, 0.9, 0.1, 0.2, 0.8)
    graph = graph_of({"output": table}, labels=("dog", "tram", "car"))

    found = kinds.fit(graph, "yolox").decode([table], 0.1)

    assert [PATROL_CLASSES[index] for index in found.classes] == ["car"]


def test_a_class_that_is_not_ours_hides_ours_below_it() -> None:
    """YOLOX has one class per box: a boat is no car, even where car comes second."""
    outputs = yolox([Known("car", 0.5, (50, 50, 120, 90))], SIDE, SIDE)
    outputs["output"][0, outputs["output"][0, :, 4].argmax(), 5 + 8] = 0.9  # boat

    assert len(decode(outputs).scores) == 0


def test_a_flood_of_candidates_is_cut_to_the_best() -> None:
    outputs = nanodet([], SIDE, SIDE)
    rng = np.random.default_rng(2)
    for name, array in outputs.items():
        if name.startswith("cls"):
            array[:] = rng.uniform(0.1, 0.9, array.shape)
    everything = np.concatenate([outputs[f"cls_{s}"][0][:, :8] for s in (8, 16, 32)])
    wanted = np.sort(everything[:, [0, 1, 2, 3, 5, 7]].ravel())[-MAX_CANDIDATES:]

    found = decode(outputs)

    assert np.sort(found.scores) == pytest.approx(wanted)
