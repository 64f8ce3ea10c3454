"""H and R over a lattice: what the shortest moves and the triangle wave leave to be learnt.

H starts from the shortest moves onto the lattice and bends them; R starts from what the triangle wave says and cleans
it. The cover's own detail, which networks that add to it must outshout, is out of the way from the start, so that an
hour on one processor core teaches more than days of training without.

The cover's mean over the channels is taken apart twice into 2 x 2 Haar coefficients. The details of the first level
carry the payload, one channel of a payload pixel each. A quarter of the details of the second level carry the pilot,
by which R finds the step and knows whether there is anything at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.deep.networks.lattice import (
    busyness,
    coherence,
    dither,
    find_step,
    join,
    local_step,
    place,
    split,
    step_of,
    triangle,
)
from watermarking.deep.networks.nets import STRIDE, Thin, UNet, pad, silence
from watermarking.errors import WeightsError

if TYPE_CHECKING:
    from watermarking.deep.networks.nets import NetSpec

__all__ = ["LatticeHider", "LatticeReader"]

_LEVELS: Final = 255.0
_FOLD: Final = 2  # payload pixels per cell of the trunk, along each axis
_PILOT_EVERY: Final = 2
_PILOT_CELL: Final = 8
"""Working pixels per coefficient that carries the pilot, along each axis."""
_PASSES: Final = 12
_ROOM: Final = 8.0
"""Grey levels before black and white within which a channel leaves a change to the others."""
_BEND: Final = 0.5
"""Steps by which H moves a detail farther or less far at the most."""
_SURE: Final = 6.0
"""Coherence of the pilot at which R believes it half; 1,200 windows of training photographs showed 4.4 at most."""


def _fold(x: Tensor) -> Tensor:
    return functional.pixel_unshuffle(x, _FOLD)


def _compressed(x: Tensor) -> Tensor:
    """Return the inverse hyperbolic sine, spelled out: ONNX's exporter does not know it."""
    return torch.sign(x) * torch.log(x.abs() + (x.square() + 1).sqrt())


def _carriers(level2: Tensor) -> Tensor:
    """Return the coefficients of the second level that carry the pilot, (N, 3, H / 8, W / 8), a view."""
    return level2[:, 1:, ::_PILOT_EVERY, ::_PILOT_EVERY]


def _check(spec: NetSpec) -> None:
    if (
        spec.payload_ratio != STRIDE // _FOLD
        or spec.payload_channels != 3
        or spec.pilot_ratio % _PILOT_CELL
        or not spec.pilot_ratio
    ):
        raise WeightsError(
            f"networks over a lattice carry RGB at half the resolution and a pilot in cells of {_PILOT_CELL} pixels, "
            f"not payload_ratio {spec.payload_ratio}, payload_channels {spec.payload_channels}, pilot_ratio "
            f"{spec.pilot_ratio}: leave these entries of net out"
        )


class _Placed:
    """A cover's coefficients moved onto the lattice, with the steps (N, 1, h, w) and the moves of its details in steps.

    Where a cell would leave the range, its mean makes room, which changes steps and carriers: hence several passes.
    """

    def __init__(self, plane: Tensor, payload: Tensor, pilot: Tensor, step: Tensor, group: int) -> None:
        own = split(plane)
        mean, details = own[:, :1], own[:, 1:]
        shift = dither(details)
        for _ in range(_PASSES):
            mean = self._pilot_placed(mean, pilot, step)
            self.steps = local_step(busyness(mean / 2), step, group)
            self.moves = place(details / self.steps + shift, payload)
            mean = mean + 2 * self._room(join(torch.cat([mean, details + self.steps * self.moves], 1)))
        self.coefficients = torch.cat([mean, details + self.steps * self.moves], 1)

    @staticmethod
    def _pilot_placed(mean: Tensor, pilot: Tensor, step: Tensor) -> Tensor:
        level2 = split(mean)
        carriers = _carriers(level2)
        signs = functional.interpolate(pilot, carriers.shape[-2:], mode="nearest")
        moves = step * place(carriers / step + dither(carriers), signs)
        others = torch.zeros_like(moves)
        everywhere = functional.pixel_shuffle(
            torch.stack([moves, others, others, others], 2).flatten(1, 2), _PILOT_EVERY
        )
        return join(torch.cat([level2[:, :1], level2[:, 1:] + everywhere], 1))

    @staticmethod
    def _room(plane: Tensor) -> Tensor:
        """Return by how much each cell of 2 x 2 pixels must brighten to stay within the range, (N, 1, h, w)."""
        wanted = _fold(plane)
        return (-wanted).clamp_min(0).amax(1, keepdim=True) - (wanted - _LEVELS).clamp_min(0).amax(1, keepdim=True)


def _share_out(change: Tensor, cover: Tensor) -> Tensor:
    """Turn a change of the mean (N, 1, H, W) into one of the channels; one that has no room leaves it to the others."""
    room = torch.where(change < 0, cover, 1 - cover) * _LEVELS
    weights = (room / _ROOM).clamp(0.02, 1)
    return change * weights / weights.mean(1, keepdim=True)


class LatticeHider(UNet):
    """H over a lattice: a U-Net that bends the shortest moves. Untrained, it leaves them as they are.

    Parameters
    ----------
    spec : NetSpec
        With ``lattice``.
    group : int
        Consecutive tiles of a batch that belong to one picture, in training.

    Raises
    ------
    WeightsError
        If the shape of the payload or of the pilot is none that the lattice carries.
    """

    def __init__(self, spec: NetSpec, group: int = 1) -> None:
        _check(spec)
        details = 3 * _FOLD**2
        super().__init__(spec, 3 * STRIDE**2 + 2 * details + _FOLD**2 + 1, details)
        self.group = group
        silence(self.leave)

    def forward(self, cover: Tensor, payload: Tensor, pilot: Tensor, psnr: Tensor) -> Tensor:
        """Return the residual, at the step that ``psnr`` stands for; it cannot be scaled.

        Parameters
        ----------
        cover : Tensor (N, 3, H, W) in [0, 1]
        payload : Tensor (N, 3, ceil(H / 2), ceil(W / 2)) in [-1, 1]
        pilot : Tensor (N, 1, k, l) of -1 and +1
        psnr : Tensor (N,)
            Strength in dB, about: what a step makes of a cover depends on the cover and on what H has learnt.

        Returns
        -------
        Tensor (N, 3, H, W)
            Alike for all channels, but where one is at the end of its range.
        """
        height, width = cover.shape[-2:]
        cover = pad(cover)
        below, right = (n // 2 - m for n, m in zip(cover.shape[-2:], payload.shape[-2:], strict=True))
        payload = functional.pad(payload, (0, right, 0, below))
        plane, step = cover.mean(1, keepdim=True) * _LEVELS, step_of(psnr).reshape(-1, 1, 1, 1)
        with torch.no_grad():
            placed = _Placed(plane, payload, pilot, step, self.group)
        coarse = torch.log(step).expand(-1, 1, plane.shape[-2] // STRIDE, plane.shape[-1] // STRIDE)
        parts = [functional.pixel_unshuffle(cover - 0.5, STRIDE), _fold(payload), _fold(placed.moves)]
        x = torch.cat([*parts, _fold(torch.log(placed.steps)), coarse], 1)
        bend = _BEND * torch.tanh(functional.pixel_shuffle(self.descend_and_return(x), _FOLD).float())
        mean, details = placed.coefficients[:, :1], placed.coefficients[:, 1:] + placed.steps * bend
        change = (join(torch.cat([mean, details], 1)) - plane) / _LEVELS
        return _share_out(change, cover)[..., :height, :width]


class LatticeReader(Thin):
    """R over a lattice: finds the step, reads the phases and cleans what they say.

    It is made from the same as :class:`LatticeHider`, and refuses the same.
    """

    def __init__(self, spec: NetSpec, group: int = 1) -> None:
        _check(spec)
        super().__init__(spec, 3 + 3 + 3)
        self.group = group
        self.payload = nn.Conv2d(spec.reader_width, 3 * _FOLD**2, 3, padding=1)
        silence(self.payload)

    def forward(self, image: Tensor, psnr: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read a picture.

        Parameters
        ----------
        image : Tensor (N, 3, H, W) in [0, 1]
        psnr : Tensor (N,), optional
            What H was given, where it is known; in training it saves the search.

        Returns
        -------
        payload : Tensor (N, 3, ceil(H / 2), ceil(W / 2)), about [-1, 1]; 0 where nothing is there
        pilot : Tensor (N, 1, k, l), in [-1, 1]
        """
        rows, columns = (-(-n // 2) for n in image.shape[-2:])
        coefficients = split(pad(image).mean(1, keepdim=True) * _LEVELS)
        mean, details = coefficients[:, :1], coefficients[:, 1:]
        carriers = _carriers(split(mean))
        with torch.no_grad():
            flat = find_step(carriers) if psnr is None else step_of(psnr)
            sure = coherence(carriers, flat).reshape(-1, 1, 1, 1)
        step = flat.reshape(-1, 1, 1, 1)
        side = self.spec.pilot_ratio // _PILOT_CELL
        waves = -torch.cos(torch.pi * (carriers / step + dither(carriers))).mean(1, keepdim=True)
        steps = local_step(busyness(mean / 2), step, self.group)
        phase = details / steps
        said = triangle(phase + dither(details))
        share = sure / (2 * carriers[0].numel()) ** 0.5
        planes = (plane.expand_as(steps) for plane in (torch.log(steps), torch.log(step), share))
        learnt = self.payload(self.look(torch.cat([said, _compressed(phase), *planes], 1))).float()
        read = torch.sigmoid(2 * (sure - _SURE)) * (said + functional.pixel_shuffle(learnt, _FOLD))
        return read[..., :rows, :columns], functional.avg_pool2d(waves, side, side)
