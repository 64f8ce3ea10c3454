"""H and R as ONNX files, for runtimes without torch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from watermarking.errors import MissingExtraError

if TYPE_CHECKING:
    from watermarking.deep.weights import Weights

__all__ = ["export_onnx"]


def export_onnx(weights: Weights, folder: str | Path) -> tuple[Path, Path]:
    """Write ``<name>-hider.onnx`` and ``<name>-reader.onnx`` for the working size, any batch.

    Inputs and outputs are those of the networks: cover, payload, pilot, psnr -> residual; image -> payload, pilot.

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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns about sizes that are constant here on purpose
        torch.onnx.export(
            weights.pair.hider, inputs, str(paths[0]), input_names=names, output_names=["residual"], dynamo=False,
            dynamic_axes={name: {0: "n"} for name in [*names, "residual"]}, opset_version=17,
        )  # fmt: skip
        torch.onnx.export(
            weights.pair.reader, (cover,), str(paths[1]), input_names=["image"], output_names=["payload", "pilot"],
            dynamo=False, dynamic_axes={name: {0: "n"} for name in ("image", "payload", "pilot")}, opset_version=17,
        )  # fmt: skip
    return paths[0], paths[1]
