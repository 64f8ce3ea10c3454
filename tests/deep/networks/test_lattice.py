"""The lattice: exact transforms, shortest moves, a step that nobody has to be told, strength as asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermarking.deep.fit import fit_residual, grown_error  # noqa: E402
from watermarking.deep.networks.lattice import (  # noqa: E402
    busyness,
    coherence,
    dither,
    find_step,
    join,
    local_step,
    place,
    split,
    triangle,
)
from watermarking.deep.networks.lattice_nets import LatticeHider, LatticeReader  # noqa: E402
from watermarking.deep.networks.nets import NetSpec  # noqa: E402
from watermarking.deep.networks.pairs import build_pair  # noqa: E402
from watermarking.deep.networks.resample import resample, sharpen  # noqa: E402
from watermarking.deep.scheme import Deep  # noqa: E402
from watermarking.errors import WatermarkError  # noqa: E402
from watermarking.keys import Key  # noqa: E402

KEY = Key(bytes(range(16)))
SPEC = NetSpec(lattice=True, hider_widths=(8, 8), reader_width=8, reader_blocks=1, stem_width=4)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_haar_is_orthonormal_and_its_own_inverse() -> None:
    plane = random(2, 1, 16, 24)
    apart = split(plane)
    assert torch.allclose(join(apart), plane, atol=1e-6)
    assert float(apart.square().sum()) == pytest.approx(float(plane.square().sum()), rel=1e-5)
    assert torch.allclose(apart[:, 0, 0, 0], plane[:, 0, :2, :2].sum((1, 2)) / 2)


def test_moves_are_the_shortest_that_make_a_phase_read_as_the_value() -> None:
    phase, value = random(1, 1000) * 40 - 20, random(1, 1000, seed=1) * 2 - 1
    move = place(phase, value)
    assert torch.allclose(triangle(phase + move), value, atol=1e-4)
    nearest = torch.stack([
        (2 * k + sign * (value + 1) / 2 - phase).abs() for k in range(-13, 14) for sign in (-1, 1)
    ]).amin(0)  # fmt: skip
    assert torch.allclose(move.abs(), nearest, atol=1e-4)


def test_dither_spreads_neighbours_evenly_and_everybody_has_the_same() -> None:
    shift = dither(torch.empty(3, 64, 64))
    assert float(shift.min()) >= 0
    assert float(shift.max()) < 2
    assert float(torch.cos(math.pi * shift).mean((1, 2)).abs().max()) < 0.01
    assert torch.equal(dither(torch.empty(1, 3, 8, 8)), shift[:, :8, :8])
    assert shift[0, 0, 1].item() == pytest.approx(2 * (0.5698402909980532 + 0) % 2, abs=1e-6)


@pytest.mark.parametrize("step", [0.6, 2.0, 4.7, 15.0])
def test_the_step_is_found_without_being_told(step: float) -> None:
    details = torch.randn((2, 3, 32, 32), generator=torch.Generator().manual_seed(2)) * 12
    signs = torch.where(random(2, 3, 32, 32, seed=3) < 0.5, -1.0, 1.0)
    steps = torch.full((2,), step)
    assert float(coherence(details, steps).abs().max()) < 4
    marked = details + step * place(details / step + dither(details), signs)
    noisy = marked + 0.1 * step * torch.randn(marked.shape, generator=torch.Generator().manual_seed(4))
    wrong = (find_step(noisy) / step - 1).abs().max() * noisy.abs() / step  # of a step, at each coefficient
    assert float(wrong.square().mean().sqrt()) < 0.02
    assert float(coherence(noisy, steps).min()) > 20


def test_steps_are_larger_on_busy_ground_and_keep_their_root_mean_square() -> None:
    mean = torch.cat([torch.full((1, 1, 16, 16), 90.0), 60 * random(1, 1, 16, 16)], 3)
    for step in (4.0, 1.0):
        local = local_step(busyness(mean), torch.tensor(step).reshape(1, 1, 1, 1))
        assert float(local.square().mean().sqrt()) == pytest.approx(step, rel=1e-4)
        assert float(local[..., 20:].min()) > 1.3 * float(local[..., :12].max())


@pytest.mark.parametrize("size", [(512, 640), (384, 1000), (300, 430)])
def test_what_is_sharpened_survives_growing_and_shrinking(size: tuple[int, int]) -> None:
    residual = random(1, 3, 256, 256) - 0.5
    sharp = sharpen(residual, size)
    grown = resample(sharp, size)
    left = resample(grown, (256, 256)) - residual
    assert float(left.square().mean() / residual.square().mean()) < 1e-3
    assert grown_error(sharp, size) == pytest.approx(float(grown.square().mean()), rel=1e-3)


def test_untrained_networks_say_what_the_lattice_says() -> None:
    hider, reader = LatticeHider(SPEC).eval(), LatticeReader(SPEC).eval()
    cover = resample(random(1, 3, 32, 32), (128, 128)) * 0.8 + 0.1
    payload, pilot = random(1, 3, 64, 64, seed=5) * 2 - 1, torch.where(random(1, 1, 8, 8, seed=6) < 0.5, -1.0, 1.0)
    with torch.no_grad():
        marked = cover + hider(cover, payload, pilot, torch.tensor([42.0]))
        read, signs = reader(marked)
        nothing, _ = reader(cover)
    assert float((read - payload).square().mean().sqrt()) < 0.02
    assert torch.equal(signs > 0, pilot > 0)
    assert float(nothing.abs().max()) < 0.05


def test_any_size_goes_in_and_comes_out() -> None:
    hider, reader = LatticeHider(SPEC).eval(), LatticeReader(SPEC).eval()
    for size in ((64, 64), (50, 77), (131, 16)):
        cover = random(2, 3, *size)
        rows, columns = -(-size[0] // 2), -(-size[1] // 2)
        residual = hider(cover, torch.zeros(2, 3, rows, columns), torch.ones(2, 1, 4, 4), torch.full((2,), 42.0))
        assert residual.shape == cover.shape
        assert reader(cover)[0].shape == (2, 3, rows, columns)


@pytest.mark.parametrize("level", [0.0, 0.02, 0.98, 1.0])
def test_covers_at_the_ends_of_the_range_are_read(level: float) -> None:
    hider, reader = LatticeHider(SPEC).eval(), LatticeReader(SPEC).eval()
    payload, pilot = random(1, 3, 128, 128, seed=7) * 2 - 1, torch.ones(1, 1, 16, 16)
    cover = torch.full((1, 3, 256, 256), level)
    with torch.no_grad():
        marked = (cover + hider(cover, payload, pilot, torch.tensor([40.0]))).clamp(0, 1)
        read, _ = reader(marked)
    assert float(torch.corrcoef(torch.stack([read.flatten(), payload.flatten()]))[0, 1]) > 0.95


@pytest.mark.parametrize("strength", [34.0, 42.0, 52.0])
def test_the_step_gives_the_strength_asked_for(photograph: np.ndarray, strength: float) -> None:
    pair, size = build_pair(SPEC).eval(), (512, 700)
    cover = torch.from_numpy(photograph[::2, ::2].transpose(2, 0, 1) / np.float32(255))[None]
    inputs = cover, random(1, 3, 128, 128) * 2 - 1, torch.ones(1, 1, 16, 16)
    with torch.no_grad():
        residual = fit_residual(pair, inputs, strength, np.zeros((*size, 3), np.uint16))
    assert -10 * math.log10(grown_error(residual, size)) == pytest.approx(strength, abs=0.1)


def test_grey_covers_carry_colour_pictures(photograph: np.ndarray) -> None:
    grey = np.repeat(photograph[..., 1:2], 3, axis=2)
    hidden = np.random.default_rng(4).integers(0, 256, (16, 16, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    for cover in (grey, photograph):
        marked = Deep(weights="deep-any").embed(cover, hidden, key=KEY)
        if cover is grey:
            assert (marked[..., 0] == marked[..., 1]).all()
            assert (marked[..., 0] == marked[..., 2]).all()
        read = Deep(weights="deep-any").extract(marked, key=KEY).payload
        assert np.corrcoef(read.ravel(), hidden.ravel())[0, 1] > 0.97


def test_a_cover_that_is_half_transparent_keeps_its_strength(photograph: np.ndarray) -> None:
    alpha = np.full((512, 512, 1), 255, np.uint8)
    alpha[:256] = 0
    half, hidden = np.dstack([photograph, alpha]), photograph[::4, ::4]
    scheme = Deep(weights="deep-any")
    marked = scheme.embed(half, hidden, key=KEY)
    assert np.array_equal(marked[:256], half[:256])
    error = np.square(marked[256:, :, :3].astype(float) - photograph[256:]).mean()
    assert 10 * math.log10(255**2 / error) == pytest.approx(42, abs=0.3)
    assert scheme.extract(marked, key=KEY).detection.is_present()


@pytest.mark.parametrize("strength", [30.0, 54.0])
def test_the_ends_of_the_range_are_read(photograph: np.ndarray, strength: float) -> None:
    small, hidden = np.ascontiguousarray(photograph[:256, :256]), photograph[::4, ::4]
    read = Deep(weights="deep-any").extract(
        Deep(weights="deep-any", psnr=strength).embed(small, hidden, key=KEY), key=KEY
    )
    assert np.corrcoef(read.payload.ravel(), hidden.ravel())[0, 1] > 0.7
    with pytest.raises(WatermarkError, match="54 dB at the most"):
        Deep(weights="deep-any", psnr=54.5).embed(small, hidden, key=KEY)


def test_training_goes_on_after_marking_without_gradients(photograph: np.ndarray) -> None:
    with torch.inference_mode():
        Deep(weights="deep-any").embed(photograph[:500, :460], photograph[::4, ::4], key=KEY)
    residual = torch.zeros(1, 3, 256, 256, requires_grad=True)
    resample(sharpen(residual, (500, 460)), (500, 460)).sum().backward()
    assert residual.grad is not None


def test_a_lattice_needs_its_pilot() -> None:
    with pytest.raises(WatermarkError, match="pilot_ratio 0"):
        LatticeReader(NetSpec(lattice=True, pilot_ratio=0))
