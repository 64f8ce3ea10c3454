"""Find how a marked picture was moved: linear part from the spectrum's power, offset from its phases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from watermarking.kernels.sync import score_maps, score_similarities
from watermarking.pictures.opencv import cv2_module
from watermarking.sync.template import PERIOD, Template
from watermarking.sync.upright import stretches_that_stand_out
from watermarking.sync.whitening import whitened

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Candidate", "Spectrum", "climb", "find_candidates", "offsets_of", "spectrum_of", "spectrum_of_whitened"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_TAPER: Final = 0.1
_CAP: Final = 12.0
_LONGEST: Final = 1300.0  # working pixels: no plane is longer, strips apart
_LARGEST_SCALE: Final = 1.7
_HALVED_FROM: Final = 0.8
_SMALLEST_HALVED: Final = 200
_N_LINEAR: Final = 120
_N_COHERENT: Final = 16
_N_UPRIGHT: Final = 4
_LEAST: Final = 4.5  # standard deviations, among 100,000 maps
_GRID: Final = PERIOD // 2
_PEAK: Final = 4  # grid places to each side that belong to one peak: waves are at least 5 pixels long


@dataclass(frozen=True)
class Spectrum:
    """The whitened picture's spectrum, its phases counted from the picture's centre.

    Attributes
    ----------
    values : (n_v, n_u / 2 + 1) complex64, of unit variance by chance
    power : the same shape, float32: squared magnitudes, single peaks cut off
    width : int, n_u
    shape : (rows, cols) of the picture
    """

    values: npt.NDArray[np.complex64]
    power: F32
    width: int
    shape: tuple[int, int]


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


def spectrum_of(plane: F32) -> Spectrum:
    """Return the spectrum of a whitened, tapered and zero-padded plane."""
    return spectrum_of_whitened(whitened(plane), 2.0)


def spectrum_of_whitened(clean: F32, padding: float) -> Spectrum:
    """Return the spectrum of a whitened plane, tapered and zero-padded to so many times its sides.

    With less than twice, waves between two bins lose up to a third of their power.
    """
    cv2 = cv2_module()
    rows, cols = clean.shape
    height, width = (64 * -(-int(padding * n) // 64) for n in (rows, cols))
    padded = np.zeros((height, width), np.float32)
    padded[:rows, :cols] = clean * _taper(rows)[:, None] * _taper(cols)
    values = np.fft.rfft2(np.roll(padded, (-(rows // 2), -(cols // 2)), (0, 1)))
    power = np.square(values.real) + np.square(values.imag)
    level = cv2.blur(power, (31, 31), borderType=cv2.BORDER_REFLECT) + np.float32(1e-12)
    values = (values / np.sqrt(level)).astype(np.complex64)
    return Spectrum(values, np.minimum(power / level, np.float32(_CAP)), width, (rows, cols))


def _taper(n: int) -> F32:
    ramp = np.minimum(np.arange(n) + 0.5, np.arange(n)[::-1] + 0.5) / (_TAPER * n)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.minimum(ramp, 1)), np.float32)


def find_candidates(plane: F32, template: Template, count: int) -> list[Candidate]:
    """Return the most credible ways in which a plane (h, w) was moved, best first.

    Waves stretched beyond 1.7 times are looked for in the plane at half its size, where whitening does not take them
    for the picture.
    """
    spectrum = spectrum_of(plane)
    smallest = max(0.25, max(plane.shape) / _LONGEST)
    found = _candidates(spectrum, template, min(smallest, _LARGEST_SCALE)) + _upright(spectrum, template)
    if min(plane.shape) >= _SMALLEST_HALVED:
        halved = spectrum_of(halve(plane))
        for one in _candidates(halved, template, max(_HALVED_FROM, smallest / 2)):
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


def _candidates(spectrum: Spectrum, template: Template, smallest: float) -> list[Candidate]:
    maps = _linear_candidates(spectrum, template, smallest)
    return [one for linear in maps for one in _offsets(spectrum, template, linear)]


def _linear_candidates(spectrum: Spectrum, template: Template, smallest: float) -> F64:
    """Return frequency maps (m, 2, 2), most power first: marked frequency to frequency at hand."""
    guesses, scores = [], []
    for maps, totals in _families(spectrum, template, smallest):
        best = np.argpartition(-totals, min(_N_LINEAR, totals.size - 1))[:_N_LINEAR]
        guesses.append(maps(best))
        scores.append(totals[best])
    order = np.argsort(-np.concatenate(scores))[:_N_LINEAR]
    refined, totals = climb(spectrum, template, np.concatenate(guesses)[order])
    return _distinct(refined[np.argsort(-totals)], spectrum)


def _families(spectrum: Spectrum, template: Template, smallest: float) -> Iterator[tuple[Any, F32]]:
    """Yield families of maps: a function from indices to maps (m, 2, 2), and all their scores."""
    frequencies = template.frequencies
    reach = float(np.hypot(*frequencies.T).max()) * max(spectrum.shape)
    scales = [smallest]
    while scales[-1] < _LARGEST_SCALE:
        scales.append(scales[-1] * (1 + scales[-1] / reach))
    each = np.array(scales)
    n_angles = np.ceil(np.pi * reach / each).astype(np.int64)
    for flip in (1.0, -1.0):
        totals = np.empty(int(n_angles.sum()), np.float32)
        score_similarities(spectrum.power, spectrum.width, frequencies, each, n_angles, flip, totals)

        def maps(chosen: npt.NDArray[np.int64], flip: float = flip) -> F64:
            row = np.searchsorted(np.cumsum(n_angles), chosen, side="right")
            angle = np.pi * (chosen - (np.cumsum(n_angles) - n_angles)[row]) / n_angles[row]
            c, s = np.cos(angle) / each[row], np.sin(angle) / each[row]
            return np.stack([np.stack([c, -s * flip], -1), np.stack([s, c * flip], -1)], -2)

        yield maps, totals
    yield _stretches(spectrum, template, each)


def _stretches(spectrum: Spectrum, template: Template, scales: F64) -> tuple[Any, F32]:
    """Score upright maps with small changes of aspect and shear, which no similarity comes near to."""
    aspect, shear = np.meshgrid(np.arange(-24, 25) * 0.006, np.arange(-20, 21) * 0.006, indexing="ij")
    shapes = np.stack([np.stack([np.exp(aspect / 2), shear], -1), np.stack([0 * shear, np.exp(-aspect / 2)], -1)], -2)
    shapes = np.concatenate([shapes.reshape(-1, 2, 2), shapes.reshape(-1, 2, 2).transpose(0, 2, 1)])
    near = scales[(scales > 0.45) & (scales < 2.2)]
    everything = (shapes[None] / near[:, None, None, None]).reshape(-1, 2, 2)
    totals = np.empty(len(everything), np.float32)
    score_maps(spectrum.power, spectrum.width, template.frequencies, everything, totals)
    return (lambda chosen: everything[chosen]), totals


def climb(spectrum: Spectrum, template: Template, maps: F64) -> tuple[F64, F32]:
    """Try all neighbours of each map (m, 2, 2) in its four entries, with smaller and smaller steps; return the best."""
    offsets = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 4, indexing="ij"), -1).reshape(-1, 2, 2)
    step = 0.35 / (0.12 * max(spectrum.shape))
    best = np.empty(len(maps), np.float32)
    for _ in range(5):
        tried = maps[:, None] + step * offsets * np.linalg.norm(maps, axis=(1, 2))[:, None, None, None] / np.sqrt(2)
        totals = np.empty(len(maps) * len(offsets), np.float32)
        score_maps(spectrum.power, spectrum.width, template.frequencies, tried.reshape(-1, 2, 2), totals)
        chosen = totals.reshape(len(maps), -1).argmax(1)
        best = totals.reshape(len(maps), -1).max(1)
        maps = tried[np.arange(len(maps)), chosen]
        step *= 0.7
    return maps, best


def _distinct(maps: F64, spectrum: Spectrum) -> F64:
    kept: list[F64] = []
    for one in maps:
        if all(np.abs(one - other).max() > 1.5 / (0.12 * max(spectrum.shape)) for other in kept):
            kept.append(one)
    return np.array(kept[:_N_COHERENT])


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
    values = _look_up(spectrum, template.frequencies @ linear.T) * np.exp(-1j * template.phases)
    phasors = values if half_turn == 1 else values.conj() * np.exp(-2j * template.phases)
    field = np.zeros((_GRID, _GRID // 2 + 1), np.complex64)
    field[template.waves[:, 0] % _GRID, template.waves[:, 1]] = phasors.conj()
    surface = np.fft.irfft2(field, s=(_GRID, _GRID))
    matrix = half_turn * np.linalg.inv(linear).T
    centre = np.array([spectrum.shape[0] // 2, spectrum.shape[1] // 2], np.float64)
    found = []
    for _ in range(count):
        lowest, highest = int(surface.argmin()), int(surface.argmax())
        negative = either_sign and bool(-surface.flat[lowest] > surface.flat[highest])
        row, col = np.unravel_index(lowest if negative else highest, surface.shape)
        score = abs(float(surface[row, col])) * _GRID * _GRID / np.sqrt(2 * len(phasors))
        at = 2.0 * np.array([row, col])
        found.append(Candidate(np.column_stack([matrix, centre - matrix @ at]), score, negative))
        near = np.arange(-_PEAK, _PEAK + 1)
        surface[np.ix_((row + near) % _GRID, (col + near) % _GRID)] = 0
    return found


def _look_up(spectrum: Spectrum, at: F64) -> npt.NDArray[np.complex128]:
    """Return the spectrum at frequencies (k, 2), interpolated linearly between bins; 0 outside."""
    negative = at[:, 1] < 0
    v, u = np.where(negative[:, None], -at, at).T
    height, width = spectrum.values.shape[0], spectrum.width
    row, col = np.floor(v * height).astype(int), np.floor(u * width).astype(int)
    inside = (np.abs(v) < 0.49) & (u < 0.49)
    row, col = np.where(inside, row, 0), np.where(inside, col, 0)
    a, b = v * height - row, u * width - col
    found = np.zeros(len(at), np.complex128)
    for dr, wr in ((0, 1 - a), (1, a)):
        for dc, wc in ((0, 1 - b), (1, b)):
            found += wr * wc * spectrum.values[(row + dr) % height, np.minimum(col + dc, width // 2)]
    return np.where(inside, np.where(negative, found.conj(), found), 0)
