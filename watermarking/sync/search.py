"""Find how a marked picture was moved: linear part from the spectrum's power, offset from its phases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from watermarking.sync.linear import LARGEST_SCALE, climb, linear_candidates
from watermarking.sync.spectrum import look_up, spectrum_of
from watermarking.sync.template import PERIOD
from watermarking.sync.upright import stretches_that_stand_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.sync.spectrum import Spectrum
    from watermarking.sync.template import Template

__all__ = ["Candidate", "find_candidates", "halve", "offsets_of"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_LONGEST: Final = 1300.0  # working pixels: no plane is longer, strips apart
_SMALLEST_SCALE: Final = 0.25
_HALVED_FROM: Final = 0.8
_SMALLEST_HALVED: Final = 200
_N_UPRIGHT: Final = 4
_LEAST: Final = 4.5  # standard deviations, among 100,000 maps
_GRID: Final = PERIOD // 2
_PEAK: Final = 4  # grid places to each side that belong to one peak: waves are at least 5 pixels long


@dataclass(frozen=True)
class Candidate:
    """A way in which the marked plane may have been moved.

    Attributes
    ----------
    matrix : (2, 3) float64
        Maps (row, col, 1) of the marked plane to (row, col) of the plane at hand.
    score : float
        Coherent sum over the waves, in standard deviations.
    negative : bool
        Whether the waves lie there with the other sign, as in a picture's negative.
    """

    matrix: F64
    score: float
    negative: bool = False


def find_candidates(plane: F32, template: Template, count: int) -> list[Candidate]:
    """Return the most credible ways in which a plane (h, w) was moved, best first.

    Waves stretched beyond 1.7 times are looked for in the plane at half its size, where whitening does not take them
    for the picture.
    """
    spectrum = spectrum_of(plane)
    smallest = max(_SMALLEST_SCALE, max(plane.shape) / _LONGEST)
    found = _candidates(spectrum, template, min(smallest, LARGEST_SCALE), turned=True) + _upright(spectrum, template)
    if min(plane.shape) >= _SMALLEST_HALVED:
        halved = spectrum_of(halve(plane))
        for one in _candidates(halved, template, max(_HALVED_FROM, smallest / 2), turned=False):
            matrix = 2 * one.matrix
            matrix[:, 2] += 0.5
            found.append(Candidate(matrix, one.score, one.negative))
    return sorted(found, key=lambda one: -one.score)[:count]


def _upright(spectrum: Spectrum, template: Template) -> list[Candidate]:
    """Return where upright pictures with edges scaled apart may lie: along fewer maps, fainter waves stand out."""
    maps = [linear for linear, _ in stretches_that_stand_out(spectrum, template, _N_UPRIGHT, _LEAST)]
    climbed = list(climb(spectrum, template, np.array(maps))[0]) if maps else []
    return [one for linear in climbed for one in _peaks(spectrum, template, linear, 1, 1, either_sign=True)]


def halve(plane: F32) -> F32:
    """Average squares of 2x2 pixels."""
    part = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
    return np.asarray((part[::2, ::2] + part[::2, 1::2] + part[1::2, ::2] + part[1::2, 1::2]) / 4, np.float32)


def _candidates(spectrum: Spectrum, template: Template, smallest: float, *, turned: bool) -> list[Candidate]:
    maps = linear_candidates(spectrum, template, smallest, turned)
    return [one for linear in maps for one in _offsets(spectrum, template, linear)]


def _offsets(spectrum: Spectrum, template: Template, linear: F64) -> Iterator[Candidate]:
    """Yield the best offset for a frequency map and for its half turn, which has the same power."""
    for half_turn in (1, -1):
        yield from _peaks(spectrum, template, linear, half_turn, 1, either_sign=True)


def offsets_of(
    spectrum: Spectrum, template: Template, linear: F64, count: int, *, either_sign: bool = False
) -> list[Candidate]:
    """Return the best offsets for a frequency map (2, 2) that is known, best first; of negatives too if asked for."""
    return _peaks(spectrum, template, linear, 1, count, either_sign=either_sign)


def _peaks(
    spectrum: Spectrum, template: Template, linear: F64, half_turn: int, count: int, *, either_sign: bool
) -> list[Candidate]:
    values = look_up(spectrum, template.frequencies @ linear.T) * np.exp(-1j * template.phases)
    phasors = values if half_turn == 1 else values.conj() * np.exp(-2j * template.phases)
    rows, cols = template.grid
    turned = rows * phasors.conj().astype(np.complex64)
    surface = np.concatenate([turned.real, turned.imag], 1) @ cols  # few waves: quicker than an FFT
    matrix = half_turn * np.linalg.inv(linear).T
    centre = np.array([spectrum.shape[0] // 2, spectrum.shape[1] // 2], np.float64)
    found = []
    for _ in range(count):
        lowest, highest = int(surface.argmin()), int(surface.argmax())
        negative = either_sign and bool(-surface.flat[lowest] > surface.flat[highest])
        row, col = np.unravel_index(lowest if negative else highest, surface.shape)
        score = abs(float(surface[row, col])) * np.sqrt(2 / len(phasors))
        at = 2.0 * np.array([row, col])
        found.append(Candidate(np.column_stack([matrix, centre - matrix @ at]), score, negative))
        near = np.arange(-_PEAK, _PEAK + 1)
        surface[np.ix_((row + near) % _GRID, (col + near) % _GRID)] = 0
    return found
