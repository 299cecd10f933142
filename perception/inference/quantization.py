"""INT8 and FP16 versions of a model; the one module that knows `onnx` (extra `quantize`).

INT8 is static: quantise and dequantise nodes (QDQ) around convolutions and what lies between them,
per-channel weights, ranges measured on pictures (`calibration`). Three things are done to the graph
first, none of which changes a result: constant folding; padding taken into the convolutions and
poolings that follow it (NanoDet-g pads with minus infinity, which no eight bits can hold); and
resizing told by a factor instead of a size.

The last convolution before each output stays in float: scores near 0 and distributions over cells
do not survive eight bits.

Weights have seven bits by default. On processors without VNNI, ONNX Runtime multiplies eight bits
by eight with vpmaddubsw, whose sums of two products saturate at 16 bits: 255 * 127 * 2 does not
fit, XX"""

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from perception.errors import ModelError
from perception.inference.session import save_optimized

INSTALL = "install it: pip install 'patrol-edge[quantize]'"
OPSET = 13  # the first with scales per channel
CONVOLUTIONS = ("Conv",)
BETWEEN = ("LeakyRelu", "Relu", "Clip", "Sigmoid", "Mul", "Add", "Concat", "MaxPool", "Resize")
QUANTISED = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger"}
    | {"MatMulInteger", "DynamicQuantizeLinear"}
)
EDGE_VALUE = {"Conv": 0.0, "MaxPool": -np.inf}  # what each takes its own padding to be


def need_onnx() -> None:
    """Raises ModelError unless the optional packages are here."""
    if find_spec("onnx") is None or find_spec("sympy") is None:
        raise ModelError("making other versions of a model needs the onnx package", INSTALL)


def prepared(content: bytes) -> bytes:
    """The same model, ready to be quantised. Raises ModelError.

    `content` was looked through before (`model_file.check`); its input has a fixed size.
    """
    need_onnx()
    import onnx

    model = onnx.load_model_from_string(content)
    if any(node.op_type in QUANTISED for node in model.graph.node):
        raise ModelError("the model is quantised already", "give the float32 model it was made of")
    _name_padding(model)
    model = _optimised(model)
    _take_in_padding(model)
    _resize_by_factor(model)
    _tidy(model)
    return bytes(model.SerializeToString())


def observed(content: bytes) -> list[str]:
    """The tensors whose ranges `to_int8` needs, in graph order."""
    import onnx

    graph = onnx.load_model_from_string(content).graph
    fixed = {tensor.name for tensor in graph.initializer}
    names: dict[str, None] = {}
    for node in graph.node:
        if node.op_type in (*CONVOLUTIONS, *BETWEEN):
            names |= dict.fromkeys([*node.input, *node.output])
    return [name for name in names if name and name not in fixed]


def revealing(content: bytes, names: list[str]) -> bytes:
    """The model with these tensors as outputs, too."""
    import onnx

    model = onnx.load_model_from_string(content)
    there = {value.name for value in (*model.graph.output, *model.graph.input)}
    for name in names:
        if name not in there:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    inputs = {value.name for value in model.graph.input}
    for name in inputs & set(names):  # an input cannot be an output, too
        model.graph.node.append(onnx.helper.make_node("Identity", [name], [_seen(name)]))
        model.graph.output.append(onnx.ValueInfoProto(name=_seen(name)))
    return bytes(model.SerializeToString())


def _seen(name: str) -> str:
    return f"{name}:seen"


def seen_as(content: bytes, names: list[str]) -> list[str]:
    """What these tensors are called among the outputs of `revealing`."""
    import onnx

    inputs = {value.name for value in onnx.load_model_from_string(content).graph.input}
    return [_seen(name) if name in inputs else name for name in names]


def to_int8(
    content: bytes,
    ranges: Mapping[str, tuple[float, float]],
    *,
    between: bool = True,
    full_range: bool = False,
) -> bytes:
    """A prepared model with eight-bit convolutions, and with what lies `between` them.

    `ranges` are those of all `observed` tensors. `full_range`: weights of eight bits, for
    processors that are known to have VNNI, or are no x86. Raises ModelError.
    """
    need_onnx()
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    model = onnx.load_model_from_string(content)
    last = _last_convolutions(model.graph)
    known = {name: tuple(map(np.float32, both)) for name, both in ranges.items()}
    with _silent():
        quantizer = QDQQuantizer(
            model,
            per_channel=True,
            reduce_range=not full_range,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=TensorsData(CalibrationMethod.MinMax, known),
            nodes_to_quantize=[],
            nodes_to_exclude=last,
            op_types_to_quantize=[*CONVOLUTIONS, *(BETWEEN if between else ())],
            extra_options={},
        )
        quantizer.quantize_model()
    made = quantizer.model.model
    _tidy(made)
    return bytes(made.SerializeToString())


def to_fp16(content: bytes) -> bytes:
    """A prepared model that computes in half precision; inputs and outputs stay float32."""
    need_onnx()
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _silent():
        made = convert_float_to_float16(
            onnx.load_model_from_string(content), keep_io_types=True, disable_shape_infer=False
        )
    _tidy(made)
    return bytes(made.SerializeToString())


# --- the graph -----------------------------------------------------------------------------------


def _name_padding(model: Any) -> None:
    """`auto_pad: VALID` is padding of 0, and is told that way."""
    for node in model.graph.node:
        for attribute in list(node.attribute):
            if attribute.name == "auto_pad" and attribute.s == b"VALID":
                node.attribute.remove(attribute)


def _optimised(model: Any) -> Any:
    """With constants folded, in an opset that knows scales per channel. Raises ModelError."""
    import onnx

    own = next(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"})
    if own < OPSET:
        try:
            model = onnx.version_converter.convert_version(model, OPSET)
        except (RuntimeError, onnx.version_converter.ConvertError) as error:
            raise ModelError(
                f"the model is of opset {own} and cannot be brought to {OPSET}",
                f"export it again with opset {OPSET} or later",
            ) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        save_optimized(model.SerializeToString(), path)
        optimised = onnx.load_model(path)
    return onnx.shape_inference.infer_shapes(optimised)


def _take_in_padding(model: Any) -> None:
    import onnx

    graph = model.graph
    constants = _constants(graph)
    outputs = {value.name for value in graph.output}
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        users = [node for node in graph.node if pad.output[0] in node.input]
        sides, value = _padding(pad, constants)
        if sides is None or not users or pad.output[0] in outputs:
            continue
        if any(EDGE_VALUE.get(user.op_type) != value for user in users):
            continue
        for user in users:
            own = next((a for a in user.attribute if a.name == "pads"), None)
            more = list(own.ints) if own is not None else [0, 0, 0, 0]
            total = [side + extra for side, extra in zip(sides, more, strict=True)]
            if own is not None:
                user.attribute.remove(own)
            user.attribute.append(onnx.helper.make_attribute("pads", total))
            user.input[0] = pad.input[0]
        graph.node.remove(pad)


def _padding(pad: Any, constants: Mapping[str, Any]) -> tuple[list[int] | None, float]:
    """Top, left, bottom, right, and the value; no sides where it does more than that."""
    mode = next((a.s for a in pad.attribute if a.name == "mode"), b"constant")
    sides = constants.get(pad.input[1]) if len(pad.input) > 1 else None
    value = constants.get(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
    if mode != b"constant" or sides is None or value is None or sides.shape != (8,):
        return None, 0.0
    if sides[[0, 1, 4, 5]].any() or (sides < 0).any():
        return None, 0.0
    return sides[[2, 3, 6, 7]].tolist(), float(value.reshape(-1)[0])


def _resize_by_factor(model: Any) -> None:
    """A constant size is that of one picture size only; a factor is right for all."""
    import onnx

    graph = model.graph
    constants = _constants(graph)
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    for number, node in enumerate(node for node in graph.node if node.op_type == "Resize"):
        size = constants.get(node.input[3]) if len(node.input) > 3 else None
        source = shapes.get(node.input[0], [])
        if size is None or len(source) != len(size) or 0 in source:
            continue
        factors = (size / np.array(source)).astype(np.float32)
        if not np.array_equal(np.floor(factors * source), size):
            continue
        name = f"resize_factors_{number}"
        graph.initializer.append(onnx.numpy_helper.from_array(factors, name))
        del node.input[3]
        node.input[2] = name


def _last_convolutions(graph: Any) -> list[str]:
    """The convolutions from which an output is reached without passing another one."""
    makers = {name: node for node in graph.node for name in node.output}
    last: set[str] = set()
    todo, done = [value.name for value in graph.output], set()
    while todo:
        name = todo.pop()
        node = makers.get(name)
        if node is None or name in done:
            continue
        done.add(name)
        if node.op_type in CONVOLUTIONS:
            last.add(node.name)
        else:
            todo += node.input
    return sorted(last)


def _tidy(model: Any) -> None:
    """Names for all nodes, and nothing that is not used: the same model gives the same bytes."""
    graph = model.graph
    for number, node in enumerate(graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    domains = {node.domain for node in graph.node} | {"", "ai.onnx"}
    for entry in [entry for entry in model.opset_import if entry.domain not in domains]:
        model.opset_import.remove(entry)
    del graph.value_info[:]
    del model.metadata_props[:]
    model.doc_string = graph.doc_string = ""
    model.producer_name, model.producer_version = "patrol-edge", ""


def _constants(graph: Any) -> dict[str, Any]:
    import onnx

    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """ONNX Runtime's tools give advice through the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
