"""Weights by name, whatever holds them: modules, mappings, safetensors and ONNX files; never pickles."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.deep.tensors import read_tensors, write_tensors
from watermarking.errors import FileFormatError, WatermarkError, WeightsError
from watermarking.ownership.fingerprints.graphs import read_graph

if TYPE_CHECKING:
    import numpy.typing as npt

    Weights = dict[str, npt.NDArray[Any]]

__all__ = ["file_hash", "is_weights", "read_weights", "write_weights"]

_PICKLES: Final = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
_PACKED: Final = "_packed_params._packed_params"


def is_weights(suspect: Any) -> bool:
    """Say whether something holds weights; else it can but be asked."""
    return isinstance(suspect, (str, Path, Mapping)) or hasattr(suspect, "state_dict")


def read_weights(source: Any) -> Weights:
    """Return weights by name; floating point of any kind as float32 or float64, the rest as it is.

    Weights that torch or onnxruntime quantised to 8 bits are put back to what they stand for. Those of ONNX files come
    in the order in which the graph uses them.

    Parameters
    ----------
    source : torch module, mapping of names to tensors or arrays, .safetensors or .onnx file

    Raises
    ------
    WeightsError
        If a file is a pickle, which can run code when it is loaded, or damaged, or no weights are there, or they are
        whole numbers whose scales are not known.
    FileFormatError, MissingExtraError
        If a file is of another kind, or the onnx package is needed and not installed.
    WatermarkError
        If it is nothing that holds weights.
    """
    if isinstance(source, (str, Path)):
        found = _from_file(Path(source))
    elif hasattr(source, "state_dict"):
        found = _from_state(source.state_dict())
    elif isinstance(source, Mapping):
        found = _from_state({str(name): value for name, value in source.items()})
    else:
        raise WatermarkError(f"{type(source).__name__} holds no weights: give a module, a mapping, or a file")
    if not any(value.dtype.kind == "f" and value.ndim >= 2 for value in found.values()):
        if whole := [name for name, value in found.items() if value.dtype.kind in "iu" and value.ndim >= 2]:
            raise WeightsError(
                f"{', '.join(whole[:3])}: whole numbers of {8 * found[whole[0]].itemsize} bits, whose scales are not "
                "known: dequantise the weights first, scale x (value - zero point)"
            )
        raise WeightsError("there are no matrices or filters among these weights: give a whole model's")
    for name, value in found.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise WeightsError(f"{name!r} holds NaN or infinity: these weights are damaged")
    return found


def _from_file(path: Path) -> Weights:
    if path.suffix.lower() == ".onnx":
        return {name: _array(value, name) for name, value in read_graph(path).items()}
    if path.suffix.lower() in _PICKLES:
        raise WeightsError(f"{path} is a pickle, which can run code when it is loaded: only .safetensors are accepted")
    return {name: _array(value) for name, value in read_tensors(path).items()}


def _from_state(state: Mapping[str, Any]) -> Weights:
    """Return the weights of a state dict; those that torch quantised and packed by their modules' names."""
    found = {}
    for name, value in state.items():
        if isinstance(value, tuple) and name.endswith(_PACKED):
            for kind, one in zip(("weight", "bias"), value, strict=False):
                if one is not None:
                    found[f"{name.removesuffix(_PACKED)}{kind}"] = _array(one)
        elif not name.endswith(f"{_PACKED.rpartition('.')[0]}.dtype"):
            found[str(name)] = _array(value, name)
    return found


def _array(value: Any, name: str = "") -> npt.NDArray[Any]:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.dequantize() if value.is_quantized else value
        value = value.float() if value.is_floating_point() and value.element_size() < 4 else value
        return np.asarray(value.numpy())
    if isinstance(value, Mapping):
        raise WeightsError(f"{name!r} holds a mapping of its own: if the weights are in there, give its {name!r}")
    found = np.asarray(value)
    if found.dtype.kind == "V" and "float" in found.dtype.name:  # bfloat16 of ONNX files
        return found.astype(np.float32)
    if found.dtype.kind not in "fiub":
        raise WeightsError(f"{name!r} of {found.dtype} is no kind of weights: give tensors or arrays of numbers")
    return found.astype(np.float32) if found.dtype == np.float16 else found


def write_weights(path: Path, weights: Mapping[str, Any], like: Mapping[str, Any] | None = None) -> str:
    """Write weights to a safetensors file, in the types of other ones, and return its hash."""
    import torch

    tensors = {}
    for name, value in weights.items():
        tensor = value if isinstance(value, torch.Tensor) else _tensor(value)
        kind = None if like is None else getattr(like.get(name), "dtype", None)
        tensors[name] = tensor.to(kind) if isinstance(kind, torch.dtype) else tensor
    write_tensors(path, tensors, {})
    return file_hash(path)


def _tensor(value: Any) -> Any:
    """Return a tensor of an array; NumPy makes rows of what has no axis when it puts it in order."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(value).reshape(np.shape(value)))


def file_hash(path: Path) -> str:
    """Return a file's SHA-256.

    Raises
    ------
    FileFormatError
        If it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror or error}") from error
