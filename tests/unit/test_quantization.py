"""INT8 and FP16 versions of a graph: prepared without a change, quantised without surprises."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perception.errors import ModelError
from perception.inference import calibration, model_file, model_shape, quantization
from perception.inference.calibration import BINS, Spread
from perception.inference.session import Session

onnx = pytest.importorskip("onnx", reason="needs patrol-edge[quantize]")

from tests.conv_writer import SIDE, convolutional  # noqa: E402 - it needs onnx

PICTURES = np.random.default_rng(1).normal(0, 1, (6, 1, 3, SIDE, SIDE)).astype(np.float32)


def outputs_of(content: bytes, picture: np.ndarray) -> np.ndarray:
    return Session.open(content, threads=1).run({"images": picture})[0]


def spreads_of(content: bytes) -> dict[str, Spread]:
    names = quantization.observed(content)
    session = Session.open(quantization.revealing(content, names), threads=1)
    seen = quantization.seen_as(content, names)

    def pictures() -> Iterator[np.ndarray]:
        yield from PICTURES

    found = calibration.observe(session, "images", seen, pictures, lambda: None)
    return dict(zip(names, found.values(), strict=True))


def eight_bits(content: bytes, **how: bool) -> bytes:
    spreads = spreads_of(content)
    ranges = {name: spread.range(0) for name, spread in spreads.items()}
    return quantization.to_int8(content, ranges, **how)


def kinds(content: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_model_from_string(content).graph.node]


@pytest.fixture(scope="module")
def prepared() -> bytes:
    return quantization.prepared(convolutional())


def test_a_prepared_model_gives_the_same_without_padding_or_sizes(prepared: bytes) -> None:
    model_file.check(prepared)
    assert "Pad" not in kinds(prepared)
    for picture in PICTURES:
        before = outputs_of(convolutional(), picture)
        assert outputs_of(prepared, picture) == pytest.approx(before, abs=1e-5)
    assert quantization.prepared(convolutional()) == prepared, "the same bytes each time"


def test_a_prepared_model_takes_other_sizes_where_the_original_does_not(prepared: bytes) -> None:
    twice = np.zeros((1, 3, 128, 128), np.float32)
    assert outputs_of(model_shape.resized(prepared, "images", 128, 128), twice).shape[0] == 1
    with pytest.raises(ModelError):
        outputs_of(model_shape.resized(convolutional(), "images", 128, 128), twice)


def test_an_old_opset_is_brought_up_to_scales_per_channel() -> None:
    made = onnx.load_model_from_string(quantization.prepared(convolutional(opset=13)))
    assert made.opset_import[0].version >= quantization.OPSET


@pytest.mark.parametrize("between", [True, False])
@pytest.mark.parametrize("full_range", [True, False])
def test_eight_bits_are_close_and_the_last_convolution_is_not_among_them(
    between: bool, full_range: bool, prepared: bytes
) -> None:
    content = eight_bits(prepared, between=between, full_range=full_range)

    model_file.check(content)
    weights = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load_model_from_string(content).graph.initializer
    }
    eight = [array for array in weights.values() if array.dtype == np.int8 and array.ndim == 4]
    assert sorted(array.shape[0] for array in eight) == [8, 8], "the head of 6 stays in float"
    most = max(int(np.abs(array.astype(int)).max()) for array in eight)
    assert most <= (127 if full_range else 64), "more than 64 saturates without VNNI"
    assert most > 50
    for picture in PICTURES:
        before = outputs_of(prepared, picture)
        assert np.abs(outputs_of(content, picture) - before).mean() < 0.03 * np.ptp(before)
    assert eight_bits(prepared, between=between, full_range=full_range) == content


def test_half_precision_is_close_and_smaller(prepared: bytes) -> None:
    content = quantization.to_fp16(prepared)

    model_file.check(content)
    assert len(content) < len(prepared)
    before = outputs_of(prepared, PICTURES[0])
    assert outputs_of(content, PICTURES[0]) == pytest.approx(before, abs=0.02)


def test_what_is_quantised_already_is_refused(prepared: bytes) -> None:
    with pytest.raises(ModelError, match="quantised already"):
        quantization.prepared(eight_bits(prepared))


def test_without_the_onnx_package_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match="needs the onnx package") as caught:
        quantization.prepared(convolutional())
    assert caught.value.cure == "install it: pip install 'patrol-edge[quantize]'"


@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=200),
    cut=st.floats(0, 0.5),
)
@example(values=[0.0, 1.401298464324817e-45], cut=0.1)  # a span that float32 cannot divide
def test_a_range_leaves_out_no_more_than_it_says(values: list[float], cut: float) -> None:
    array = np.array(values, np.float32)
    low, high = float(array.min()), float(array.max())
    spread = Spread(low, high, calibration._histogram(array, low, high))

    assert int(spread.counts.sum()) == array.size
    assert spread.range(0) == (low, high)
    least, most = spread.range(cut)
    slack = (high - low) / BINS + 1e-3 * max(abs(low), abs(high))
    outside = (array < least - slack) | (array > most + slack)
    assert outside.mean() <= cut + 1e-9
    assert low - slack <= least <= most <= high + slack
