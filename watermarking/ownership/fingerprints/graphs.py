"""Weights of ONNX files: in the order in which the graph uses them, and 8-bit ones as the numbers they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import FileFormatError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["dequantised", "read_graph"]

_INPUTS: Final = {
    "DequantizeLinear": (0, 1, 2), "QLinearConv": (3, 4, 5), "QLinearMatMul": (3, 4, 5), "QGemm": (3, 4, 5),
    "MatMulIntegerToFloat": (1, 3, 5), "DynamicQuantizeMatMul": (1, 2, 3), "MatMulInteger": (1, None, 3),
    "ConvInteger": (1, None, 3),
}  # fmt: skip
"""Which inputs of an operation are quantised weights, their scales and their zero points. Of the last two the scale
comes later: onnxruntime's quantiser names it after the weights; else a factor is left, which tracing takes out."""
_QUANTISED: Final = "_quantized"
_TURNED: Final = "_Transposed"
"""What onnxruntime's quantiser writes behind the names of weights."""


def read_graph(path: Path) -> Arrays:
    """Return an ONNX file's weights by name, in the order of use; external data is looked for beside it.

    Raises
    ------
    FileFormatError, MissingExtraError
        If it is no ONNX model, or the onnx package is not installed.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise MissingExtraError("weights of ONNX files need onnx: pip install onnx") from None
    try:
        graph = onnx.load(str(path)).graph
        arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        inner = {node.output[0]: numpy_helper.to_array(one.t) for node in graph.node if node.op_type == "Constant"
                 for one in node.attribute if one.name == "value"}  # fmt: skip
        return _in_order(graph, arrays, inner)
    except Exception as error:  # what protobuf raises has no class of its own
        raise FileFormatError(f"{path} is no ONNX model: {error}") from error


def _in_order(graph: Any, arrays: Arrays, inner: Arrays) -> Arrays:
    known = inner | arrays
    put_back = {}
    for node in graph.node:
        if node.op_type in _INPUTS:
            name, value = _put_back(node, known)
            if value is not None:
                put_back[name] = value
    used = [name for node in graph.node for name in node.input if name in arrays or name in put_back]
    found: Arrays = {}
    for name in dict.fromkeys([*used, *arrays]):
        if name not in put_back:
            found[name] = arrays[name]
            continue
        plain = name.removesuffix(_QUANTISED)
        turned = plain.endswith(_TURNED) and put_back[name].ndim == 2
        found[plain.removesuffix(_TURNED) if turned else plain] = put_back[name].T if turned else put_back[name]
    return found


def _put_back(node: Any, known: Arrays) -> tuple[str, npt.NDArray[Any] | None]:
    """Return the name of a node's quantised weights and what they stand for; none if they are no weights."""

    def given(place: int | None) -> str:
        return node.input[place] if place is not None and place < len(node.input) else ""

    name, scale, zero = (given(place) for place in _INPUTS[node.op_type])
    if name not in known:
        return name, None
    plain = name.removesuffix(_QUANTISED)
    scales = known.get(scale, known.get(f"{plain}_scale") if not scale else None)
    if scales is None:
        if scale:  # worked out by the graph
            return name, None
        scales = np.ones(1, np.float32)
    axis = next((one.i for one in node.attribute if one.name == "axis"), None)
    return name, dequantised(known[name], scales, known.get(zero, known.get(f"{plain}_zero_point")), axis)


def dequantised(
    value: npt.NDArray[Any], scale: npt.NDArray[Any] | np.float32, zero: npt.NDArray[Any] | None,
    axis: int | None = None,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """Return what quantised weights stand for: scale x (value - zero point).

    Parameters
    ----------
    value : array of integers
    scale, zero : of one number for all, of one for each channel, or of one for each block along one axis
    axis : int, optional
        Of the channels; if it is left out or does not fit, the first of filters and the last of matrices.

    Examples
    --------
    >>> dequantised(np.array([[1, 2], [3, 4]], np.int8), np.array([0.5, 2.0]), np.array([0, 1], np.int8)).tolist()
    [[0.5, 2.0], [1.5, 6.0]]
    """
    whole = np.asarray(value).astype(np.float32)
    if zero is not None:
        whole = whole - _spread(np.asarray(zero).astype(np.float32), whole.shape, axis)
    return np.asarray(whole * _spread(np.asarray(scale).astype(np.float32), whole.shape, axis), np.float32)


def _spread(given: npt.NDArray[np.float32], shape: tuple[int, ...], axis: int | None) -> npt.NDArray[np.float32]:
    """Return scales or zero points so that they can be multiplied with weights of a shape."""
    if given.size == 1:
        return given.reshape(())
    if given.ndim == len(shape) > 1:
        for place, n in enumerate(shape):
            given = np.repeat(given, -(-n // given.shape[place]), axis=place).take(range(n), axis=place)
        return given
    if given.ndim == 1:
        first = [0, len(shape) - 1] if len(shape) > 2 else [len(shape) - 1, 0]
        for place in ([] if axis is None else [axis % len(shape)]) + first:
            if shape[place] == given.size:
                return given.reshape([-1 if one == place else 1 for one in range(len(shape))])
    raise ValueError(f"scales of shape {given.shape} do not fit weights of shape {shape}")
