"""Shaping a residual: no peaks, nothing at the border, and strength without meaning."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from watermarking.deep.networks.nets import NetSpec  # noqa: E402
from watermarking.deep.networks.pairs import PlainPair  # noqa: E402
from watermarking.deep.networks.shaping import shape_residual  # noqa: E402


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).double()


def root_mean_square(x: torch.Tensor) -> float:
    return float(x.square().mean().sqrt())


def test_no_peak_is_higher_than_the_limit() -> None:
    residual = noise(1, 3, 40, 50)
    residual[0, 1, 20, 20] = 100.0
    shaped = shape_residual(residual, limit=2.0, border=0)
    assert float(shaped.abs().max()) <= 2 * root_mean_square(residual) * (1 + 1e-9)
    assert torch.equal(shaped.sign(), residual.sign())


def test_what_is_faint_stays_as_it_is() -> None:
    residual = torch.full((1, 3, 32, 32), 0.01).double()
    residual[..., :4, :] = 1.0  # decides on the root mean square
    shaped = shape_residual(residual, limit=2.0, border=0)
    assert torch.allclose(shaped[..., 4:, :], residual[..., 4:, :], rtol=1e-3)


@pytest.mark.parametrize("strength", [1e-3, 0.3, 1e4])
def test_strength_does_not_matter(strength: float) -> None:
    residual = noise(2, 3, 33, 40)
    settings = {"limit": 1.5, "border": 3}
    once = shape_residual(residual, **settings)  # type: ignore[arg-type]  # one of them is a whole number
    again = shape_residual(residual * strength, **settings)  # type: ignore[arg-type]  # as above
    assert torch.allclose(again, once * strength, rtol=1e-4)


def test_it_fades_towards_every_border() -> None:
    shaped = shape_residual(torch.ones(1, 3, 20, 30), limit=0, border=4)[0, 0]
    assert shaped[10].tolist() == pytest.approx([0.125, 0.375, 0.625, 0.875, *[1] * 22, 0.875, 0.625, 0.375, 0.125])
    assert shaped[:, 15].tolist() == pytest.approx([0.125, 0.375, 0.625, 0.875, *[1] * 12, 0.875, 0.625, 0.375, 0.125])
    assert shaped[0, 0] == shaped[0, 10] == shaped[19, 29]


def test_nothing_is_asked_for_nothing_is_done() -> None:
    residual = noise(1, 3, 16, 16)
    assert shape_residual(residual, limit=0, border=0) is residual
    assert not shape_residual(torch.zeros(1, 3, 16, 16), limit=2, border=2).any()


def test_it_loses_its_colour_and_keeps_its_luma() -> None:
    residual = noise(2, 3, 16, 20)
    shaped = shape_residual(residual, limit=0, border=0, untinted=True)
    luma = 0.299 * residual[:, 0] + 0.587 * residual[:, 1] + 0.114 * residual[:, 2]
    assert shaped.shape == residual.shape
    for channel in range(3):
        assert torch.allclose(shaped[:, channel], luma, atol=1e-7)


def test_tiles_of_a_picture_share_a_limit() -> None:
    """A busy tile beside a flat one may have peaks as high as one in the busy picture that both are of."""
    busy, flat = noise(1, 3, 24, 24), noise(1, 3, 24, 24) * 1e-3
    tiles = torch.cat([busy, flat])
    together, alone = (shape_residual(tiles, limit=1.0, border=0, group=group) for group in (2, 1))
    assert torch.allclose(together[1:], flat, rtol=1e-4)
    assert root_mean_square(alone[1:]) < 0.8 * root_mean_square(flat)
    assert root_mean_square(together[:1]) < root_mean_square(alone[:1])


def test_the_pair_shapes_what_its_specification_says() -> None:
    small = {"hider_widths": (8, 8), "reader_width": 8, "reader_blocks": 1, "stem_width": 4}
    residual = noise(2, 3, 32, 32).float()
    shaped = PlainPair(NetSpec(limit=1.5, border=2, **small)).before_growing(residual, (64, 64))  # type: ignore[arg-type]  # mixed values
    assert torch.equal(shaped, shape_residual(residual, limit=1.5, border=2))
    grey = torch.tensor([True, False]).reshape(2, 1, 1, 1)
    pair = PlainPair(NetSpec(limit=1.5, border=2, **small))  # type: ignore[arg-type]  # mixed values
    mixed = pair.before_growing(residual, (64, 64), grey)
    assert torch.equal(mixed[0], shaped[0].mean(0).expand(3, -1, -1))
    assert torch.equal(mixed[1], shaped[1])
