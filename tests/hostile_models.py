"""Small ONNX files that pass for models and are made to harm whoever runs them."""

import numpy as np

from tests.onnx_writer import field, model, node, tensor, value

SIDE = 30_000  # squared, in float32: 3.4 GiB


def giant(kind: str) -> bytes:
    """A few hundred bytes whose one picture takes 3.4 GiB: `kind` makes them."""
    sizes = np.array([1, 1, SIDE, SIDE], np.int64)
    nodes = field(1, node("ReduceSum", ["images"], ["sum"], _int("keepdims", 1)))
    tensors = field(5, tensor("sizes", sizes))
    if kind == "ConstantOfShape":
        nodes += field(1, node(kind, ["sizes"], ["big"]))
        nodes += field(1, node("Add", ["big", "sum"], ["out"]))
    elif kind == "Resize":
        tensors += field(5, tensor("roi", np.zeros(0, np.float32)))
        tensors += field(5, tensor("scales", np.zeros(0, np.float32)))
        nodes += field(1, node(kind, ["sum", "roi", "scales", "sizes"], ["out"]))
    else:  # Expand, Tile
        nodes += field(1, node(kind, ["sum", "sizes"], ["out"]))
    nodes += tensors + field(2, "g") + field(11, value("images", (1, 3, 96, 96)))
    return model(nodes + field(12, value("out", (1, 1, "h", "w"))))


def endless_loop() -> bytes:
    """A Loop of 2^62 rounds, each of which does nothing."""
    scalar: tuple[int, ...] = ()
    body = field(1, node("Identity", ["go"], ["go_on"])) + field(2, "body")
    body += field(1, node("Identity", ["carried"], ["next"]))
    body += field(11, value("round", scalar, 7)) + field(11, value("go", scalar, 9))
    body += field(11, value("carried", (1, 3, 8, 8)))
    body += field(12, value("go_on", scalar, 9)) + field(12, value("next", (1, 3, 8, 8)))
    loop = field(5, field(1, "body") + field(20, 5) + field(6, body))
    graph = field(1, node("Loop", ["rounds", "", "images"], ["out"], loop)) + field(2, "g")
    graph += field(5, tensor("rounds", np.array(1 << 62, np.int64)))
    return model(
        graph + field(11, value("images", (1, 3, 8, 8))) + field(12, value("out", (1, 3, 8, 8)))
    )


def polyglot() -> bytes:
    """Valid ONNX that has the mark of ONNX Runtime's own format where that looks for it."""
    graph = field(1, node("Identity", ["images"], ["out"])) + field(2, "g")
    graph += field(11, value("images", (1, 3, 8, 8))) + field(12, value("out", (1, 3, 8, 8)))
    return field(2, b"\x00\x00ORTM" + b"\x00" * 10) + model(graph)


def _int(name: str, number: int) -> bytes:
    return field(5, field(1, name) + field(20, 2) + field(3, number))
