"""Pairs: one interface, two kinds; what they say of themselves holds, and no device needs more than they use."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from watermarking.deep.fit import fit_residual  # noqa: E402
from watermarking.deep.networks.nets import NetSpec  # noqa: E402
from watermarking.deep.networks.pairs import LatticePair, Pair, PlainPair, build_pair  # noqa: E402
from watermarking.deep.networks.resample import resample  # noqa: E402
from watermarking.errors import WatermarkError  # noqa: E402

SMALL: dict[str, Any] = {"hider_widths": (8, 8), "reader_width": 8, "reader_blocks": 1, "stem_width": 4}
PLAIN, LATTICE = NetSpec(**SMALL), NetSpec(lattice=True, **SMALL)
KINDS = pytest.mark.parametrize("spec", [PLAIN, LATTICE], ids=["plain", "lattice"])


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def tiles(n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    pilot = torch.where(random(n, 1, 4, 4, seed=1) < 0.5, -1.0, 1.0)
    return random(n, 3, 64, 64), random(n, 3, 32, 32, seed=2) * 2 - 1, pilot, torch.full((n,), 40.0)


def test_the_shape_chooses_the_kind() -> None:
    assert type(build_pair(PLAIN)) is PlainPair
    assert type(build_pair(LATTICE)) is LatticePair
    with pytest.raises(WatermarkError, match="pilot_ratio 0"):
        build_pair(NetSpec(lattice=True, pilot_ratio=0))
    with pytest.raises(TypeError, match="abstract"):
        Pair(PLAIN)  # type: ignore[abstract]  # that it cannot be made is the test


@KINDS
def test_a_pair_is_one_module_of_two(spec: NetSpec) -> None:
    pair = build_pair(spec)
    names = [name for name, _ in pair.named_parameters()]
    assert names == sorted(names, key=lambda name: name.startswith("reader."))  # H's first: optimisers go by number
    assert {name.partition(".")[0] for name in names} == {"hider", "reader"}
    assert pair.spec == spec


@KINDS
def test_a_pair_marks_and_reads(spec: NetSpec) -> None:
    pair = build_pair(spec, group=2).eval()
    cover, payload, pilot, psnr = tiles(4)
    residual = pair.hider(cover, payload, pilot, psnr)
    ready = pair.before_growing(residual, (90, 80), torch.zeros(4, 1, 1, 1, dtype=torch.bool))
    assert ready.shape == cover.shape
    read, signs = pair.read(cover + residual, psnr)
    assert read.shape == payload.shape
    assert signs.shape == pilot.shape


def test_plain_residuals_are_scaled_and_grey_where_covers_are() -> None:
    pair, residual = build_pair(PLAIN, group=2), random(2, 3, 64, 64) - 0.5
    grey = torch.tensor([True, False]).reshape(2, 1, 1, 1)
    ready = pair.before_growing(residual, (90, 80), grey)
    assert torch.equal(ready[0], residual[0].mean(0).expand(3, -1, -1))
    assert torch.equal(ready[1], residual[1])
    assert pair.before_growing(residual, (90, 80)) is residual
    asked = torch.tensor([40.0, 40.0])
    assert pair.strength(residual, residual * 2, asked) is asked
    assert pair.scalable


def test_lattice_residuals_arrive_as_they_are_and_are_measured() -> None:
    pair, residual = build_pair(LATTICE, group=2), random(4, 3, 64, 64) - 0.5
    back = resample(resample(pair.before_growing(residual, (128, 160)), (128, 160)), (64, 64))
    assert float((back - residual).square().mean() / residual.square().mean()) < 1e-3
    cover = random(4, 3, 8, 8)
    change = torch.tensor([0.01, 0.02, 0.1, 0.1]).reshape(4, 1, 1, 1)
    found = pair.strength(cover + change, cover, torch.full((4,), 40.0))
    wanted = [-10 * np.log10(0.00025)] * 2 + [20.0] * 2  # a group is one picture
    assert np.allclose(found.numpy(), wanted, atol=1e-3)
    assert not pair.scalable


@pytest.mark.parametrize(("n", "group", "plain", "lattice"), [(8, 4, 4, 4), (6, 2, 3, 2), (9, 3, 4, 3), (2, 2, 1, 0)])
def test_half_of_the_covers_are_shown_clean_of_a_lattice_in_whole_groups(
    n: int, group: int, plain: int, lattice: int
) -> None:
    assert build_pair(PLAIN, group).n_clean(n) == plain
    assert build_pair(LATTICE, group).n_clean(n) == lattice


def test_only_what_cannot_be_scaled_is_fitted() -> None:
    calls: list[float] = []
    image = np.zeros((128, 128, 3), np.uint8)
    cover, payload, pilot, _ = tiles(1)
    for spec, least, most in ((PLAIN, 1, 1), (LATTICE, 2, 6)):
        pair = build_pair(spec).eval()
        pair.hider.register_forward_pre_hook(lambda _, inputs: calls.append(float(inputs[3])))
        calls.clear()
        with torch.no_grad():
            fit_residual(pair, (cover, payload, pilot), 38.0, image)
        assert calls[0] == 38.0
        assert least <= len(calls) <= most
    with pytest.raises(WatermarkError, match="54 dB at the most"):
        fit_residual(build_pair(LATTICE), (cover, payload, pilot), 55.0, image)
    assert fit_residual(build_pair(PLAIN), (cover, payload, pilot), 55.0, image).shape == cover.shape


class Watched(TorchDispatchMode):
    """Collects the types of all that torch computes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for one in found if isinstance(found, tuple | list) else (found,):
            if isinstance(one, torch.Tensor):
                self.seen.add(one.dtype)
        return found


@KINDS
def test_nothing_is_computed_in_64_bit_floating_point(spec: NetSpec) -> None:
    # Apple's GPUs (MPS) have none; this is no proof that all else is there.
    pair = build_pair(spec).eval()
    cover, payload, pilot, psnr = tiles(2)
    with torch.no_grad(), Watched() as watched:
        residual = pair.before_growing(pair.hider(cover, payload, pilot, psnr), (97, 83))
        pair.reader(resample(cover + residual, (64, 64)))
    assert torch.float32 in watched.seen
    assert torch.float64 not in watched.seen


def test_whoever_marks_loads_nothing_of_training() -> None:
    code = (
        "import sys, watermarking.deep.scheme, watermarking.deep.logo, watermarking.deep.export\n"
        "print([name for name in sys.modules if name.startswith('watermarking.deep.training')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
