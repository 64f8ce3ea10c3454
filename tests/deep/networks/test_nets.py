"""Networks: the paper's sizes, any size in, bounded out, cost within the promise."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from watermarking.deep.networks.nets import Critic, Hider, NetSpec, Reader  # noqa: E402
from watermarking.deep.networks.paper import PaperHider, PaperReader  # noqa: E402


def n_parameters(module: object) -> int:
    return sum(p.numel() for p in module.parameters())  # type: ignore[attr-defined]


def test_paper_presets_have_the_published_sizes() -> None:
    with torch.device("meta"):
        assert n_parameters(PaperHider()) == 41_832_067
        assert n_parameters(PaperHider(channels=1)) == 41_823_873
        assert n_parameters(PaperReader()) == 3_368_707
        assert n_parameters(PaperReader(channels=1)) == 3_366_145
        assert n_parameters(Critic()) == 1_555_585


def test_paper_networks_run_small() -> None:
    cover = torch.rand(1, 3, 32, 32)
    marked = PaperHider(width=4, n_downs=5).eval()(cover, cover)
    assert marked.shape == cover.shape
    assert 0 <= marked.min() <= marked.max() <= 1
    assert PaperReader(width=4)(marked).shape == cover.shape


@pytest.mark.parametrize("size", [(64, 64), (50, 77), (131, 16)])
@pytest.mark.parametrize("ratio", [1, 2, 4, 8])
def test_any_size_goes_in_and_comes_out(size: tuple[int, int], ratio: int) -> None:
    spec = NetSpec(payload_ratio=ratio, hider_widths=(8, 8, 8), reader_width=8, reader_blocks=1, stem_width=4)
    cover = torch.rand(2, 3, *size)
    rows, columns = -(-size[0] // ratio), -(-size[1] // ratio)
    residual = Hider(spec)(cover, torch.zeros(2, 3, rows, columns), torch.ones(2, 1, 4, 4), torch.full((2,), 42.0))
    assert residual.shape == cover.shape
    assert residual.abs().max() <= spec.bound
    assert Reader(spec)(cover)[0].shape == (2, 3, rows, columns)


def test_nothing_is_spent_where_it_would_be_clipped() -> None:
    hider = Hider(NetSpec(hider_widths=(8, 8, 8)))
    for level, sign in ((0.0, -1), (1.0, 1)):
        cover = torch.full((1, 3, 32, 32), level)
        residual = hider(cover, torch.randn(1, 3, 16, 16), torch.ones(1, 1, 2, 2), torch.tensor([42.0]))
        assert (residual * sign).max() <= 0


def test_reader_costs_at_most_18_kmac_a_pixel_of_512_x_512() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Reader(NetSpec())(torch.empty(1, 3, 256, 256))
    assert counter.get_total_flops() / 2 <= 18_000 * 512 * 512
