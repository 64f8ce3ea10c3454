"""A mark of ``dwt`` that goes down the gradients of two metrics while the reader's sums stay what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.codes.framing import code_lengths
from watermarking.embedders.dwt import Dwt
from watermarking.embedders.placement import place, slot_chips, slot_groups
from watermarking.kernels.spread import Places, despread, spread
from watermarking.messages.carrier import code_word
from watermarking.messages.fidelity import find_strength
from watermarking.metrics.ssimulacra2 import Ssimulacra2
from watermarking.pictures.drawing import draw_residual
from watermarking.pictures.plane import luma_plane
from watermarking.registry import get_scheme

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key

    F32 = npt.NDArray[np.float32]
    Pixels = npt.NDArray[np.uint8]

__all__ = ["Course"]

_SCHEME: Final = Dwt()
_SCORE: Final = 88.0
_STEPS: Final = 10
_LENGTH: Final = 0.05  # of the mark's own size, a step
_MOMENTUM: Final = 0.7
_BEGIN: Final = (47.0, 0.127)  # dB, and their slope


class Course:
    """The way of one mark, without synchronisation, in one picture.

    Parameters
    ----------
    cover : (H, W, 3) uint8, at most 1199 pixels long
    key, message : what is hidden
    """

    def __init__(self, cover: Pixels, key: Key, message: bytes) -> None:
        self.cover, self._judge = cover, Ssimulacra2(cover, 255)
        plane = luma_plane(cover)
        self._shape = (plane.shape[0], plane.shape[1])
        bits = code_word(get_scheme("dwt"), message, key, cover.shape)
        length = min(n for n in code_lengths() if n >= bits.size)
        bits = np.resize(bits, length)
        self._bands = _SCHEME.analyse(plane)
        self._weights = _SCHEME.reader_weights(self._bands)[0]
        tiles = place(_SCHEME.layout, key, _SCHEME.layout.n_tiles(self._bands.shape[:2]))
        self._where = (tiles.slots, tiles.offsets, tiles.signs, _SCHEME.layout.tile, tiles.tiles_across)
        self._chips, self._groups = slot_chips(_SCHEME.layout, key, bits), slot_groups(_SCHEME.layout, length)
        self._one = self._sums(self._towards(np.ones(length + 1)))
        residual = _SCHEME.residual(plane, bits, key=key, unseen=True)
        self.start: F32 = residual(1.0)

    def marked(self, residual: F32) -> Pixels:
        """Return the cover with a mark as strong as the score allows."""
        return self._drawn(residual * self._strength(residual))

    def descended(self) -> F32:
        """Return the mark after some steps down the gradient."""
        residual = self.start * self._strength(self.start)
        sums, speed = self._sums(residual), np.zeros_like(residual)
        for _ in range(_STEPS):
            gradient = self._gradient(residual)
            gradient -= self._towards(self._sums(gradient) / self._one)
            speed = _MOMENTUM * speed + gradient
            step = _LENGTH * np.sqrt(np.mean(np.square(residual)) / np.mean(np.square(speed)))
            residual = residual - np.float32(step) * speed
        return residual + self._towards((sums - self._sums(residual)) / self._one)

    def _drawn(self, residual: F32) -> Pixels:
        return np.asarray(draw_residual(self.cover, residual, untinted=True))

    def _strength(self, residual: F32) -> np.float32:
        """Return the factor that makes a mark as strong as the score allows."""
        size = float(np.sqrt(np.mean(np.square(residual))))

        def factor(level: float) -> np.float32:
            return np.float32(255 / 10 ** (level / 20) / size)

        def score(level: float) -> float:
            return self._judge.score(self._drawn(residual * factor(level)))

        return factor(find_strength(score, _SCORE, _BEGIN).psnr)

    def _gradient(self, residual: F32) -> F32:
        """Return the gradient of the logarithms of what both metrics see."""
        import torch

        from watermarking.deep.training.visibility.butteraugli import butteraugli_map, greatest
        from watermarking.deep.training.visibility.light import linear_light
        from watermarking.deep.training.visibility.ssimulacra2 import ssimulacra2_error

        cover = torch.from_numpy(self.cover.astype(np.float32) / 255).permute(2, 0, 1)[None]
        change = torch.from_numpy(np.array(residual, np.float32)).requires_grad_()
        light, shown = linear_light(cover), linear_light((cover + change / 255).clamp(1e-4, 1))
        seen = butteraugli_map(light, shown)
        total = ssimulacra2_error(light, shown, 6).log() + (greatest(seen).log() + seen.pow(3).mean().log() / 3) / 2
        (found,) = torch.autograd.grad(total.sum(), change)
        return np.asarray(found.numpy(), np.float32)

    def _sums(self, change: F32) -> npt.NDArray[np.float64]:
        """Return what the reader would add up for each bit, and for the pilots, of a change of the plane."""
        sums, spent = (np.zeros(_SCHEME.layout.n_slots, np.float32) for _ in range(2))
        bands = _SCHEME.analyse(np.ascontiguousarray(change, np.float32))
        despread(bands, self._weights, Places(*self._where), (0, 0), sums, spent)
        return np.asarray(np.bincount(self._groups, sums * self._chips), np.float64)

    def _towards(self, amounts: npt.NDArray[np.float64]) -> F32:
        """Return the change that moves the reader's sums, each by about as much."""
        bands = np.empty_like(self._bands)
        mask = self._weights / np.float32(self._weights.mean())
        spread(mask, Places(*self._where), (amounts[self._groups] * self._chips).astype(np.float32), bands)
        return _SCHEME.synthesise(bands, self._shape)
