"""How well a pair of networks does on held-out photographs, in the figures that matter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from watermarking.deep.networks.resample import resample
from watermarking.deep.training import noise
from watermarking.deep.training.strength import mark

if TYPE_CHECKING:
    from watermarking.deep.training.sampling import Sample, Sampler
    from watermarking.deep.training.train import Trainer

__all__ = ["correlation", "pass_through", "similarity", "validate"]


def correlation(read: Tensor, hidden: Tensor) -> Tensor:
    """Return the zero-mean normalised correlation of each payload (N, C, h, w) with what was hidden, (N,)."""
    a, b = read.flatten(1), hidden.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    found: Tensor = (a * b).sum(1) / (a.square().sum(1).sqrt() * b.square().sum(1).sqrt() + 1e-12)
    return found


def similarity(marked: Tensor, cover: Tensor) -> Tensor:
    """Return the mean SSIM of pictures (N, 3, H, W) in [0, 1], (N,); 7 x 7 windows, as scikit-image by default."""

    def mean(x: Tensor) -> Tensor:
        pooled: Tensor = functional.avg_pool2d(x, 7, 1)
        return pooled

    a, b, unbiased = marked, cover, 49 / 48
    ma, mb = mean(a), mean(b)
    va, vb, vab = ((mean(x * y) - mean(x) * mean(y)) * unbiased for x, y in ((a, a), (b, b), (a, b)))
    ratio = (2 * ma * mb + 1e-4) * (2 * vab + 9e-4) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4))
    index: Tensor = ratio.mean((1, 2, 3))
    return index


@torch.no_grad()
def pass_through(trainer: Trainer, drawn: Sample) -> tuple[Tensor, Tensor, Tensor]:
    """Mark a draw's covers, attack and read them; return the marked tiles, the payloads and the pilots read."""
    size = (trainer.config.tile, trainer.config.tile)
    residual = trainer.pair.hider(resample(drawn.cover, size), drawn.payload, drawn.pilot, drawn.psnr)
    marked = mark(trainer.pair, drawn, residual)
    struck = noise.strike(marked, drawn.attack, drawn.value, drawn.seeds[0])
    return marked, *trainer.pair.read(resample(struck, size), drawn.psnr)


@torch.no_grad()
def _measure(trainer: Trainer, drawn: Sample) -> dict[str, float]:
    config, cover = trainer.config, drawn.cover
    marked, read, pilot = pass_through(trainer, drawn)
    blank, _ = trainer.pair.reader(resample(cover, (config.tile, config.tile)))
    agree = correlation(read, drawn.payload)
    found = {
        "correlation": float(agree.mean()),
        "worst": float(agree.min()),
        "errors": float(((read > 0) != (drawn.payload > 0)).float().mean()),
        "blank": float((blank - config.blank).square().mean().sqrt()),
        "ssim": float(similarity(marked, cover).mean()),
        "psnr": float(-10 * (marked - cover).square().mean().log10()),
    }
    if config.net.pilot_ratio:
        found["pilot"] = float((pilot * drawn.pilot).mean() / pilot.square().mean().sqrt())
    return found


def validate(
    trainer: Trainer, sampler: Sampler, psnr: tuple[float, ...] = (40.0, 50.0), n_draws: int = 2
) -> dict[str, dict[str, float]]:
    """Measure the averaged weights on a sampler's photographs, for each strength and each attack at mid-range.

    Returns
    -------
    dict
        ``"none 40"`` and the like -> correlation (zero-mean; mean and worst tile), share of wrong signs, root mean
        square distance from blank on unmarked tiles, SSIM, PSNR.
    """
    live = [p.detach().clone() for p in trainer.parameters]
    rows: dict[str, dict[str, float]] = {}
    with torch.no_grad():
        torch._foreach_copy_(trainer.parameters, list(trainer.averages.values()))
    try:
        for attack, (_, low, high) in trainer.config.attacks.items():
            for level in psnr:
                totals: list[dict[str, float]] = []
                for draw in range(n_draws):
                    drawn = sampler.draw(2**31 + draw)
                    strength = torch.full_like(drawn.psnr, level)
                    chosen = replace(drawn, psnr=strength, attack=attack, value=(low + high) / 2)
                    totals.append(_measure(trainer, chosen))
                rows[f"{attack} {level:g}"] = {k: round(sum(t[k] for t in totals) / len(totals), 5) for k in totals[0]}
    finally:
        with torch.no_grad():
            torch._foreach_copy_(trainer.parameters, live)
    return rows
