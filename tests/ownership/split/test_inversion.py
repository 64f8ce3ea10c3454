"""A decoder rebuilds pictures from activations, less well from deep cuts and from noisy ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.errors import WatermarkError
from watermarking.ownership.split.inversion import Decoder, mean_psnr, rebuild, train_decoder


def blobs(n: int, seed: int) -> Tensor:
    """Draw smooth pictures (n, 1, 12, 12) in [0, 1]."""
    rng = torch.Generator().manual_seed(seed)
    return functional.interpolate(torch.rand(n, 1, 3, 3, generator=rng), (12, 12), mode="bilinear")


def rebuilt(front: nn.Module, noise: float = 0.0) -> float:
    own, theirs = blobs(256, 1), blobs(64, 2)
    decoder = train_decoder(front, own, noise=noise, steps=120, width=12)
    return mean_psnr(rebuild(decoder, front, theirs, noise=noise), theirs)


def test_noise_and_lost_detail_hide_what_is_seen() -> None:
    torch.manual_seed(0)
    shallow = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
    narrow = nn.Sequential(nn.Flatten(), nn.Linear(144, 1))
    plain = rebuilt(shallow)
    assert plain > 20
    assert plain > rebuilt(shallow, noise=2.0) + 3
    assert plain > rebuilt(narrow) + 3


def test_shapes() -> None:
    for cut in ((4, 12, 12), (4, 6, 6), (4, 3, 3), (5,)):
        found = Decoder(cut, (3, 12, 12), 4)(torch.zeros(2, *cut))
        assert found.shape == (2, 3, 12, 12)
    assert Decoder((7,), (1, 10, 14), 4)(torch.zeros(1, 7)).shape == (1, 1, 10, 14)
    with pytest.raises(WatermarkError, match=r"activations of shape \(4, 4\) are not made"):
        Decoder((4, 4), (1, 8, 8))


def test_psnr_is_a_mean_over_pictures() -> None:
    one = torch.zeros(2, 1, 2, 2)
    other = one.clone()
    other[0] += 0.1
    other[1] += 0.01
    assert mean_psnr(other, one) == pytest.approx(30.0, abs=1e-3)
