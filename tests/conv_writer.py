"""A small convolutional detector with what makes quantising hard, written with the onnx package."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 64
CELLS = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))


def convolutional(opset: int = 15, seed: int = 2) -> bytes:
    """[1, 3, 64, 64] to [1, 84, 4]: padding apart, a pool padded with minus infinity, sizes told.

    84 rows of 6, as a YOLOX head of one class has them; scores by a sigmoid.
    """
    random = np.random.default_rng(seed)
    sides = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    constants = {
        "sides": sides,
        "zero": np.array(0, np.float32),
        "least": np.array(-np.inf, np.float32),
        "w1": random.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "w2": random.normal(0, 0.2, (8, 8, 3, 3)).astype(np.float32),
        "w3": _head(random),
        "size": np.array([1, 8, 32, 32], np.int64),
        "rows": np.array([1, 6, -1], np.int64),
        "starts": np.array([0], np.int64),
        "ends": np.array([CELLS], np.int64),
        "axes": np.array([1], np.int64),
        "split": np.array([4, 2], np.int64),
    }
    nodes = [
        helper.make_node("Pad", ["images", "sides", "zero"], ["p1"]),
        helper.make_node("Conv", ["p1", "w1"], ["c1"], auto_pad="VALID", strides=[2, 2]),
        helper.make_node("LeakyRelu", ["c1"], ["r1"], alpha=0.1),
        helper.make_node("Pad", ["r1", "sides", "least"], ["p2"]),
        helper.make_node("MaxPool", ["p2"], ["m"], kernel_shape=[3, 3], strides=[2, 2]),
        helper.make_node("Pad", ["m", "sides", "zero"], ["p3"]),
        helper.make_node("Conv", ["p3", "w2"], ["c2"], auto_pad="VALID"),
        helper.make_node("LeakyRelu", ["c2"], ["r2"], alpha=0.1),
        helper.make_node("Resize", ["r2", "", "", "size"], ["u"], mode="nearest"),
        helper.make_node("Add", ["u", "r1"], ["sum"]),
        helper.make_node("Conv", ["sum", "w3"], ["head"]),
        helper.make_node("Reshape", ["head", "rows"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["all"], perm=[0, 2, 1]),
        helper.make_node("Slice", ["all", "starts", "ends", "axes"], ["some"]),
        helper.make_node("Split", ["some", "split"], ["boxes", "logits"], axis=2),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["out"], axis=2),
    ]
    shape = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "small",
        [shape("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [shape("out", TensorProto.FLOAT, [1, CELLS, 6])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def _head(random: np.random.Generator) -> np.ndarray:
    """Boxes of about a cell, since their sides are exponents; scores on either side of a half."""
    weights = random.normal(0, 0.02, (6, 8, 1, 1))
    weights[4:] -= weights[4:].mean(axis=1, keepdims=True)
    weights[:4] *= 0.05
    return weights.astype(np.float32)
