"""The zoo's networks: sizes, strides, residual learning, the published shapes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from watermarking.errors import WatermarkError  # noqa: E402
from watermarking.ownership.surrogates.networks import NETWORKS, PRESETS, build_network  # noqa: E402


def n_parameters(name: str, preset: str) -> int:
    return sum(p.numel() for p in build_network(name, preset).parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_thin_networks_start_near_the_input_and_keep_the_size(name: str) -> None:
    model = build_network(name)
    side = 3 * max(model.stride, model.least)
    image = torch.rand(2, 3, side, 2 * side)
    out = model(image)
    assert out.shape == image.shape
    assert 0 < float((out - image).detach().abs().mean()) < 0.05
    out.square().mean().backward()
    assert all(p.grad is not None and float(p.grad.abs().max()) > 0 for p in model.parameters())
    assert n_parameters(name, "thin") < 200_000


def test_answers_are_clipped_in_evaluation_alone() -> None:
    model = build_network("cnet")
    for parameter in model.body[-1].parameters():
        torch.nn.init.constant_(parameter, 1.0)
    image = torch.rand(1, 3, 16, 16)
    assert float(model.train()(image).detach().abs().max()) > 1
    assert 0 <= float(model.eval()(image).detach().min()) <= float(model(image).detach().max()) <= 1


def test_paper_networks_have_the_published_shapes() -> None:
    """CNet's five layers by hand; a block is one convolution; the U-Net halves seven times."""
    width = 64
    plain = 3 * 49 * width + width
    plain += sum(9 * a * 2 * a + 2 * a for a in (width, 2 * width))
    plain += sum(9 * 2 * a * a + a for a in (2 * width, width)) + width * 49 * 3 + 3
    block = 9 * (4 * width) ** 2 + 4 * width
    assert n_parameters("cnet", "paper") == plain
    assert n_parameters("res9", "paper") == plain + 9 * block
    assert n_parameters("res16", "paper") == plain + 16 * block
    assert 41_000_000 < n_parameters("unet", "paper") < 42_500_000


@pytest.mark.parametrize("name", NETWORKS)
def test_paper_networks_keep_the_size(name: str) -> None:
    model = build_network(name, "paper").eval()
    image = torch.rand(1, 3, model.least, model.least)
    with torch.inference_mode():
        out = model(image)
    assert out.shape == image.shape
    assert torch.isfinite(out).all()


def test_seed_decides_and_the_callers_state_stays() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, two, other = (build_network("unet", seed=s).state_dict() for s in (1, 1, 2))
    assert torch.rand(1) == expected
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("name", "preset"), [("vgg", PRESETS[0]), (NETWORKS[0], "thick"), ("", "")])
def test_unknown_ones(name: str, preset: str) -> None:
    with pytest.raises(WatermarkError, match="cnet, res9, res16, unet"):
        build_network(name, preset)
