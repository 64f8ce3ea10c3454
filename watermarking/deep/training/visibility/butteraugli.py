"""Butteraugli's map of errors, differentiable: where a mark shows most, H learns to hide it.

It follows :mod:`watermarking.metrics.butteraugli`, libjxl 0.7, but for what matters little to a faint mark: the change
of the mask itself and the lines of the middle band are left out.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor
from torch.nn import functional

from watermarking.deep.training.visibility.light import blurred, halved, mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["butteraugli_map", "greatest"]

_NITS: Final = 80.0
_POWER: Final = 8.0
"""Norm that stands for the greatest error of a map: the greatest alone would teach one pixel a step."""
_CONES: Final = (
    (0.29956550340058319, 0.63373087833825936, 0.077705617820981968),
    (0.22158691104574774, 0.69391388044116142, 0.0987313588422),
    (0.02, 0.02, 0.20480129041026129),
)
_REST: Final = (1.7557483643287353, 1.7557483643287353, 12.226454707163354)
_GAIN, _BIAS, _SHIFT = 19.245013259874995, 9.9710635769299145, -23.16046239805755
_AROUND, _LOW, _MIDDLE, _HIGH, _MASK = 1.2, 7.15593339443, 3.22489901262, 1.56416327805, 2.7
_LINE_LENGTH: Final = 2 * 3.75 + 1


def _smooth(x: Tensor, sigma: float) -> Tensor:
    """Blur as Butteraugli does, cut off at 2.25 standard deviations."""
    return blurred(x, sigma, int(2.25 * sigma))


def _cones(light: Tensor) -> Tensor:
    """Return Butteraugli's X, Y and B of linear light (N, 3, H, W)."""
    light = light * _NITS
    rest = torch.tensor(_REST, device=light.device).reshape(1, 3, 1, 1)
    around = (mixed(_smooth(light, _AROUND), _CONES) + rest).maximum(rest)
    response = (mixed(light, _CONES) + rest) * ((_GAIN * torch.log(around + _BIAS) + _SHIFT) / around).clamp_min(1e-4)
    long, medium, short = response.maximum(rest).unbind(1)
    return torch.stack([long - medium, long + medium, short], 1)


def _without(v: Tensor, dead: float) -> Tensor:
    return (v - dead).clamp_min(0) + (v + dead).clamp_max(0)


def _boosted(v: Tensor, boost: float) -> Tensor:
    return v + v.clamp(-boost, boost)


def _limited(v: Tensor, limit: float) -> Tensor:
    inside = v.clamp(-limit, limit)
    return inside + 0.724216145665 * (v - inside)


def _bands(light: Tensor) -> dict[str, Tensor]:
    """Take pictures apart into Butteraugli's bands, planes (N, h, w) but for low and middle (N, 3, h, w)."""
    seen = _cones(light)
    low = _smooth(seen, _LOW)
    rest = seen - low
    middle = _smooth(rest, _MIDDLE)
    x, y = (rest - middle)[:, :2].unbind(1)
    x = x * (0.653020556257 + (1 - 0.653020556257) * (46 / (y * y + 46)))
    high_x, high_y = _smooth(x, _HIGH), _smooth(y, _HIGH)
    limited = _limited(high_y, 28.4691806922)
    red, yellow, blue = low.unbind(1)
    return {
        "low": torch.stack(
            [red * 32.2217497012, yellow * 13.7697791434, (blue - 0.362267051518 * yellow) * 47.504615728], 1
        ),
        "middle": torch.stack([_without(middle[:, 0], 0.29), _boosted(middle[:, 1], 0.1), middle[:, 2]], 1),
        "high_x": _without(high_x, 1.5),
        "high_y": _boosted(limited * 2.155, 0.132),
        "fine_x": _without(x - high_x, 0.04),
        "fine_y": _limited(y - limited, 5.19175294647) * 2.69313763794,
    }


def butteraugli_map(cover: Tensor, marked: Tensor) -> Tensor:
    """Return how visible each pixel's change is, as Butteraugli counts: 1 is hardly seen, 2 is plain.

    Parameters
    ----------
    cover, marked : Tensor (N, 3, H, W)
        Linear light.

    Returns
    -------
    Tensor (N, H, W)
        The gradient goes through ``marked`` alone.

    References
    ----------
    Alakuijala et al., "Guetzli: perceptually guided JPEG encoder", arXiv:1703.04421, 2017.
    """
    rows, columns = cover.shape[-2] & ~1, cover.shape[-1] & ~1
    cover, marked = cover[..., :rows, :columns], marked[..., :rows, :columns]
    fine = _errors(cover, marked)
    coarse = _errors(halved(cover), halved(marked))
    return 0.85 * fine + 0.5 * coarse.repeat_interleave(2, -2).repeat_interleave(2, -1)


def _errors(cover: Tensor, marked: Tensor) -> Tensor:
    with torch.no_grad():
        first = _bands(cover)
        mask = _eroded(_activity(first))
        seen, seen_low = (
            ((1 + gain / (slope * mask + offset)) / (17.8 * 0.79079917404)).square()
            for gain, slope, offset in (
                (2.5485944793, 0.451936922203, 0.829591754942), (0.505054525019, 3.87449418804, 0.20025578522)
            )
        )  # fmt: skip
    second = _bands(marked)
    middle = (first["middle"] - second["middle"]).square()
    low = (first["low"] - second["low"]).square()
    ac = middle[:, 0] * 2150.0 + middle[:, 1] * 10.6195433239 + middle[:, 2] * 16.2176043152
    ac = (
        ac
        + _squares(first["high_x"], second["high_x"], 400.0)
        + _squares(first["high_y"], second["high_y"], 1.50815703118)
    )
    dc = low[:, 0] * 29.2353797994 + low[:, 1] * 0.844626970982 + low[:, 2] * 0.703646627719
    root = math.sqrt(0.8)
    sparse = [
        _relative(first["high_y"], second["high_y"], 18.7237414387, 4498534.45232, root, 0.611612573796),
        _relative(first["high_x"], second["high_x"], 6923.99476109, 8051.15833247, root, 0.611612573796),
    ]
    fine = [
        _relative(first["fine_y"], second["fine_y"], 1.10039032555, 71.7800275169, 0.8, 0.39905817637),
        _relative(first["fine_x"], second["fine_x"], 173.5, 5.0, 0.8, 0.39905817637),
    ]
    ac = ac + _line_sums(sparse, _SPARSE) + _line_sums(fine, _FINE)
    return (ac * seen + dc * seen_low + 1e-6).sqrt()


def _squares(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """Return the squared difference, and once more that to the range from 0.4 to 1 times the first."""
    both, one_sided = weight * 0.8 * 0.8, weight / 0.8 * 0.8
    size, along = first.abs(), torch.where(first >= 0, second, -second)
    excess = (0.4 * size - along).clamp_min(0) + (along - size).clamp_min(0)
    return both * (first - second).square() + one_sided * excess.square()


def _relative(first: Tensor, second: Tensor, weight: float, level: float, asymmetry: float, share: float) -> Tensor:
    """Return the difference relative to a level; what leaves 0.55 to 1.05 times the first counts more."""
    scale = share / _LINE_LENGTH * level
    both, one_sided = scale * math.sqrt(0.5 * weight * asymmetry), scale * math.sqrt(0.33 * weight / asymmetry)
    size, along = first.abs(), torch.where(first >= 0, second, -second)
    excess = (0.55 * size - along).clamp_min(0) + (along - 1.05 * size).clamp_min(0)
    sign = torch.where(first < second, -1.0, 1.0)
    return (both * (first - second) + one_sided * sign * excess) / (level + 0.5 * (size + second.abs()))


def _half_lines(text: str) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Read lines as the places (row, column) on one side of their middle, for example ``0,1 0,2; 1,0 2,0``."""
    return tuple(
        tuple((int(place.split(",")[0]), int(place.split(",")[1])) for place in line.split())
        for line in text.split(";")
    )


_STRAIGHT: Final = "0,1 0,2 0,3 0,4; 1,0 2,0 3,0 4,0; 1,1 2,2 3,3; 1,-1 2,-2 3,-3"
_SLANTED: Final = "1,1 2,1 3,2; 1,-1 2,-1 3,-2; 1,1 1,2 2,3; 1,-1 1,-2 2,-3"
_BENT: Final = "1,0 2,-1 3,-1 4,-1; 1,0 2,1 3,1 4,1; 0,1 1,2 1,3 1,4; 0,1 -1,2 -1,3 -1,4"
_FINE: Final = _half_lines(f"{_STRAIGHT}; {_SLANTED}; {_BENT}; {_BENT}")
_SPARSE: Final = _half_lines(
    "0,2 0,4; 2,0 4,0; 2,2 3,3; 2,-2 3,-3; 2,1 4,1; 2,1 3,2; 2,1 4,2; 2,-1 4,-1; 2,-1 3,-2; 2,-1 4,-2;"
    "1,2 1,4; 1,2 2,3; 1,2 2,4; 1,-2 1,-4; 1,-2 2,-3; 1,-2 2,-4"
)


@lru_cache(maxsize=4)
def _line_kernels(lines: tuple[tuple[tuple[int, int], ...], ...], device: torch.device) -> Tensor:
    """Return kernels (4 n, 4, 5, 5) that take cells of 2 x 2 samples to the n lines through each of their samples."""
    kernels = torch.zeros((len(lines), 2, 2, 2, 2, 5, 5))
    for kernel, places in zip(kernels, lines, strict=True):
        for down, across in ((0, 0), *places, *((-y, -x) for y, x in places)):
            for i in (0, 1):
                for j in (0, 1):
                    y, x = i + down, j + across
                    kernel[i, j, y % 2, x % 2, 2 + y // 2, 2 + x // 2] = 1
    with torch.inference_mode(False):
        return kernels.reshape(4 * len(lines), 4, 5, 5).to(device).contiguous(memory_format=torch.channels_last)


def _line_sums(differences: Sequence[Tensor], lines: tuple[tuple[tuple[int, int], ...], ...]) -> Tensor:
    """Add up the squares of the sums along lines of all directions, for the eye follows lines.

    The convolution works on cells of 2 x 2 samples, which is 2.7 times as fast on a CPU as one from a single channel.
    """
    n, (rows, columns) = len(differences), differences[0].shape[-2:]
    x = functional.pad(torch.cat(list(differences))[:, None], (0, columns % 2, 0, rows % 2))
    cells = functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
    sums = functional.conv2d(cells, _line_kernels(lines, x.device), padding=2).square()
    total = functional.pixel_shuffle(sums.reshape(sums.shape[0], len(lines), 4, *sums.shape[-2:]).sum(1), 2)
    return total[:, 0, :rows, :columns].reshape(n, -1, rows, columns).sum(0)


def _activity(bands: dict[str, Tensor]) -> Tensor:
    """Return how busy pictures are."""
    x, y = 2.5 * (bands["fine_x"] + bands["high_x"]), 0.4 * (bands["fine_y"] + bands["high_y"])
    gain, bias = 6.19424080439, 6.19424080439 * 12.61050594197
    return _smooth((gain * (x * x + y * y).sqrt() + bias).sqrt() - math.sqrt(bias), _MASK)


def _eroded(busy: Tensor) -> Tensor:
    """Return a mean of the three least among a sample, twice itself twice, and its neighbours three away."""
    height, width = busy.shape[-2:]
    around = functional.pad(busy, (3, 3, 3, 3), value=math.inf)
    near = [
        around[..., 3 + y : 3 + y + height, 3 + x : 3 + x + width]
        for y in (-3, 0, 3)
        for x in (-3, 0, 3)
        if (y, x) != (0, 0)
    ]
    least = torch.stack([busy, 2 * busy, 2 * busy, *near]).topk(3, 0, largest=False).values
    return 0.45 * least[0] + 0.3 * least[1] + 0.25 * least[2]


def greatest(errors: Tensor) -> Tensor:
    """Return an 8-norm of maps (N, H, W), which the greatest error decides, (N,)."""
    return errors.pow(_POWER).mean((1, 2)) ** (1 / _POWER)
