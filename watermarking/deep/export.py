"""H and R as ONNX files, for runtimes without torch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from watermarking.errors import MissingExtraError

if TYPE_CHECKING:
    from watermarking.deep.weights import Weights

__all__ = ["export_onnx"]

BATCH: Final = "batch"
_PICTURE: Final = "(batch, channel, row, column): RGB of a picture brought to the working size, 0 black to 1 white"
_AXES: Final = {
    "cover": _PICTURE,
    "image": _PICTURE,
    "payload": "(batch, channel, row, column): samples of what is hidden, -1 black to 1 white",
    "pilot": "(batch, channel, row, column): keyed signs, -1 or 1; of what is read, how much they show",
    "psnr": "(batch): strength in dB",
    "residual": "(batch, channel, row, column): what is added to the cover, RGB",
}
_WHAT: Final = {
    "hider": "H, gives what is added to a cover so that it hides a payload",
    "reader": "R, reads the payload of a marked picture",
}


def export_onnx(weights: Weights, folder: str | Path) -> tuple[Path, Path]:
    """Write ``<name>-hider.onnx`` and ``<name>-reader.onnx`` for the working size, any batch.

    Inputs and outputs are those of the networks: cover, payload, pilot, psnr -> residual; image -> payload, pilot. The
    first axis is called ``batch``, all others have their sizes; each tensor's ``doc_string`` names them all, and the
    model's properties say whose weights, of which licence, and the working size.

    Raises
    ------
    MissingExtraError
        If the package ``onnx`` is not installed.
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise MissingExtraError("exporting needs onnx: pip install onnx") from None
    out, spec, side = Path(folder), weights.spec, weights.working
    out.mkdir(parents=True, exist_ok=True)
    cover = torch.rand(1, 3, side, side)
    payload = torch.zeros(1, spec.payload_channels, weights.side, weights.side)
    n_pilot = side // spec.pilot_ratio if spec.pilot_ratio else 1
    inputs = (cover, payload, torch.ones(1, 1, n_pilot, n_pilot), torch.tensor([42.0]))
    names = ["cover", "payload", "pilot", "psnr"]
    paths = tuple(out / f"{weights.card['name']}-{kind}.onnx" for kind in ("hider", "reader"))
    jobs: tuple[tuple[Any, Any, list[str], list[str]], ...] = (
        (weights.pair.hider, inputs, names, ["residual"]),
        (weights.pair.reader, (cover,), ["image"], ["payload", "pilot"]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns about sizes that are constant here on purpose
        for path, (network, given, read, written) in zip(paths, jobs, strict=True):
            torch.onnx.export(
                network, given, str(path), input_names=read, output_names=written, dynamo=False,
                dynamic_axes={name: {0: BATCH} for name in (*read, *written)}, opset_version=17,
            )  # fmt: skip
            with torch.no_grad():
                found = network(*given)
            _describe(path, weights, written, [found] if isinstance(found, torch.Tensor) else list(found))
    return paths[0], paths[1]


def _describe(path: Path, weights: Weights, names: list[str], outputs: list[torch.Tensor]) -> None:
    """Say in a file what its tensors are, and whose networks these are: the tracer leaves sizes of outputs open."""
    import onnx

    from watermarking import __version__

    model = onnx.load(str(path))
    shapes = dict(zip(names, (output.shape for output in outputs), strict=True))
    for tensor in (*model.graph.input, *model.graph.output):
        for axis, size in list(zip(tensor.type.tensor_type.shape.dim, shapes.get(tensor.name, ()), strict=False))[1:]:
            axis.dim_value = size
        tensor.doc_string = _AXES[tensor.name]
    card = weights.card
    model.doc_string = f"{path.stem}: {_WHAT[path.stem.rpartition('-')[2]]}"
    model.producer_name, model.producer_version = "watermarking", __version__
    about: dict[str, str] = {
        name: str(card[name]) for name in ("name", "licence", "code_version", "code_commit") if name in card
    }
    onnx.helper.set_model_props(model, {**about, "weights_sha256": card["sha256"], "working": str(weights.working)})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
