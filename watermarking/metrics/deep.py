"""Distances between features of networks, for users who have the weights; nothing is ever downloaded.

`vgg_distance` is this package's own measure and must not be quoted as LPIPS; `lpips_distance` is the real one.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from watermarking.errors import MissingExtraError, WeightsError
from watermarking.metrics.picture import check_pair, peak

if TYPE_CHECKING:
    from watermarking.interface import Image

__all__ = ["lpips_distance", "vgg_distance"]

_VGG16: Final = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # torchvision's numbers of its convolutions
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BACKBONES: Final = {
    "alex": "alexnet-owt-7be5be79.pth",
    "vgg": "vgg16-397923af.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
}


def vgg_distance(first: Image, second: Image, *, weights: Path) -> float:
    """Return the mean squared difference of VGG-16's channel-normalised features, averaged over its five stages.

    Parameters
    ----------
    first, second : (H, W), (H, W, 3) or (H, W, 4), same shape and dtype, at least 16 x 16
        Alpha is left out.
    weights : Path
        A safetensors file with torchvision's names, ``features.0.weight`` and so on.

    Raises
    ------
    MissingExtraError
        Without torch and safetensors (extra ``deep``).
    WeightsError
        If the file is missing, damaged, or holds something else.
    """
    check_pair(first, second)
    torch = _optional("torch", "pip install 'watermarking[deep]'")
    load_file = _optional("safetensors.torch", "pip install 'watermarking[deep]'").load_file
    try:
        state = load_file(weights)
    except Exception as error:  # safetensors' own error derives from nothing narrower
        raise WeightsError(f"{weights} cannot be read as VGG-16 weights: {error}") from error
    missing = [f"features.{n}.{p}" for stage in _VGG16 for n in stage for p in ("weight", "bias")]
    missing = [name for name in missing if name not in state]
    if missing:
        raise WeightsError(f"{weights} holds no VGG-16: {missing[0]} and {len(missing) - 1} more tensors are missing")
    mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (_MEAN, _DEVIATION))
    top = peak(first, second)
    with torch.no_grad():
        one, two = ((_tensor(torch, picture, top) - mean) / deviation for picture in (first, second))
        return float(np.mean([float(value) for value in _stages(torch, state, one, two)]))


def lpips_distance(first: Image, second: Image, *, net: Literal["alex", "vgg", "squeeze"] = "alex") -> float:
    """Return LPIPS 0.1 (Zhang, Isola, Efros, Shechtman and Wang, CVPR 2018) by its authors' package.

    Parameters
    ----------
    first, second : (H, W), (H, W, 3) or (H, W, 4), same shape and dtype, at least 64 x 64
        Alpha is left out.
    net : {"alex", "vgg", "squeeze"}

    Raises
    ------
    MissingExtraError
        Without torch or the package ``lpips``.
    WeightsError
        If torchvision's weights of the network are not in torch's cache: this function downloads nothing.
    """
    check_pair(first, second)
    torch = _optional("torch", "pip install 'watermarking[deep]'")
    lpips = _optional("lpips", "pip install lpips")
    cached = Path(torch.hub.get_dir()) / "checkpoints" / _BACKBONES[net]
    if not cached.is_file():
        raise WeightsError(f"LPIPS needs {cached}: fetch torchvision's weights once, they are never downloaded here")
    model, top = lpips.LPIPS(net=net, verbose=False).eval(), peak(first, second)
    with torch.no_grad():
        return float(model(2 * _tensor(torch, first, top) - 1, 2 * _tensor(torch, second, top) - 1))


def _optional(name: str, remedy: str) -> Any:
    """Import a module that the base install does not have."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(f"this distance needs {name.partition('.')[0]}: {remedy}") from error


def _tensor(torch: Any, picture: Image, top: float) -> Any:
    """Return (1, 3, H, W) float32 in [0, 1]."""
    colour = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture[..., :3]
    scaled = np.ascontiguousarray(colour.transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(top)
    return torch.from_numpy(scaled)


def _stages(torch: Any, state: dict[str, Any], one: Any, two: Any) -> list[Any]:
    """Run both pictures through VGG-16 and return the distance after each stage."""
    functional = torch.nn.functional
    both, distances = torch.cat([one, two]), []
    for index, stage in enumerate(_VGG16):
        if index:
            both = functional.max_pool2d(both, 2)
        for layer in stage:
            weight, bias = state[f"features.{layer}.weight"], state[f"features.{layer}.bias"]
            both = functional.relu(functional.conv2d(both, weight, bias, padding=1))
        unit = functional.normalize(both, dim=1)
        distances.append((unit[0] - unit[1]).square().sum(dim=0).mean())
    return distances
