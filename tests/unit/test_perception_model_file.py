"""A model file is looked through before it is loaded, and no bytes can break that."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.errors import ModelError
from perception.inference import model_file
from perception.inference.model_file import MAX_DEPTH, check
from tests.onnx_writer import constant_model, field, model, node, tensor, value, varint

GOOD = constant_model(
    {"out": np.arange(6, dtype=np.float32).reshape(2, 3)}, {"images": ((1, 3, 8, 8), 1)}
)


def graph_with(extra: bytes) -> bytes:
    graph = field(1, node("Identity", ["images"], ["out"])) + field(2, "g") + extra
    return graph + field(11, value("images", (1, 3, 8, 8)))


def external(location: str) -> bytes:
    entry = field(13, field(1, "location") + field(2, location))
    return field(1, 4) + field(2, 1) + field(8, "w") + entry + field(14, 1)


def nested(depth: int) -> bytes:
    """Graphs within attributes of nodes, as `If` and `Loop` have them."""
    graph = field(2, "inner")
    for _ in range(depth):
        graph = field(1, field(4, "If") + field(5, field(1, "then") + field(6, graph)))
    return graph


def test_a_good_model_passes() -> None:
    check(GOOD)
    check(model(graph_with(field(5, tensor("w", np.zeros((2, 2), np.float32))))))
    check(model(nested(5)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 graphs"),
        (b"\x00" * 64, "graphs|cut"),
        (GOOD[: len(GOOD) // 2], "cut off"),
        (GOOD + GOOD, "2 graphs"),
        (b"\xff" * 64, "ten bytes"),
        (b"<html>404</html>", "wire type|cut off|graphs"),
        (model(graph_with(field(5, external("weights.bin")))), "another file"),
        (model(graph_with(field(5, external("/etc/passwd")))), "another file"),
        (model(graph_with(field(5, external("../../x")))), "another file"),
        (
            model(graph_with(field(5, tensor("w", np.zeros(2, np.float32), field(14, 1))))),
            "another",
        ),
        (model(graph_with(field(15, field(1, external("x"))))), "another file"),
        (model(graph_with(field(1, field(5, field(5, external("x")))))), "another file"),
        (model(graph_with(field(1, field(5, field(10, external("x")))))), "another file"),
        (model(graph_with(field(1, field(5, field(6, field(5, external("x"))))))), "another file"),
        (model(graph_with(field(1, field(5, field(22, field(2, external("x"))))))), "another file"),
        (model(graph_with(field(1, field(4, "Run") + field(7, "evil.ops")))), "evil.ops"),
        (model(graph_with(b""), field(25, field(7, field(7, "evil.ops")))), "evil.ops"),
        (model(nested(MAX_DEPTH)), "nested too deeply"),
        (model(graph_with(field(5, field(1, 1 << 40) + field(2, 1)))), "claims"),
        (model(graph_with(field(5, field(1, varint(1 << 62)) + field(2, 1)))), "claims"),
        (model(graph_with(field(5, field(1, (1 << 64) - 1) + field(2, 1)))), "negative"),
        (model(graph_with(field(5, field(1, b"\x01" * 100) + field(2, 1)))), "64 dimensions"),
    ],
    ids=[
        "empty",
        "zeros",
        "cut",
        "twice",
        "ones",
        "web page",
        "external",
        "external absolute",
        "external above",
        "external without a name",
        "external in a sparse tensor",
        "external in an attribute",
        "external in a list of tensors",
        "external in an inner graph",
        "external in a sparse attribute",
        "foreign operator",
        "foreign operator in a function",
        "deep",
        "a tensor of a terabyte",
        "a packed one of exabytes",
        "a negative side",
        "a hundred sides",
    ],
)
def test_a_model_that_needs_more_than_itself_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        check(content)


def test_a_function_that_the_model_brings_along_may_have_its_own_domain() -> None:
    function = field(1, "Gelu") + field(10, "my.lib") + field(7, field(4, "Erf"))
    call = field(1, field(4, "Gelu") + field(7, "my.lib"))

    check(model(graph_with(call), field(25, function)))
    with pytest.raises(ModelError, match=r"my\.lib"):
        check(model(graph_with(call)))


@given(content=st.binary(max_size=400))
def test_any_bytes_are_judged_without_a_crash(content: bytes) -> None:
    with contextlib.suppress(ModelError):
        check(content)


@given(data=st.data())
@settings(max_examples=300)
def test_a_damaged_model_is_judged_without_a_crash(data: st.DataObject) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelError):
        check(bytes(content[: data.draw(st.integers(0, len(content)))]))


def test_files_that_are_no_files(tmp_path: Path) -> None:
    empty, large = tmp_path / "empty.onnx", tmp_path / "large.onnx"
    empty.touch()
    large.write_bytes(b"x" * 11)

    for path, reason in (
        (tmp_path, "is a folder"),
        (tmp_path / "none.onnx", "No such file"),
        (empty, "is empty"),
        (large, "larger than"),
    ):
        with pytest.raises(ModelError, match=reason):
            model_file.read(path, max_bytes=10)
