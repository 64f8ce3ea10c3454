"""What suspect pictures say to a key before any message is asked for: soft values, each picture put into place.

Nothing here depends on the keyed mask that code words are XORed with: which alignment and which noise level are taken
is decided by the waves and the pilots, whose keyed streams are others. So whoever compares the soft values with code
words afterwards may take them as fixed numbers (:mod:`watermarking.datasets.evidence`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from watermarking.interface import Detection, SoftRead
from watermarking.pictures.arrays import to_array
from watermarking.pictures.plane import luma_plane
from watermarking.significance import any_of, rademacher_p_value
from watermarking.steps import Steps
from watermarking.sync.align import Alignment, alignments
from watermarking.sync.spectrum import Spectrum, spectrum_of
from watermarking.sync.template import template
from watermarking.sync.together import at_scale, common_scales
from watermarking.sync.upright import SCALES, scale_scores
from watermarking.sync.warp import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watermarking.interface import PlaneScheme
    from watermarking.keys import Key

__all__ = ["SoftPicture", "read_softly"]

F32 = npt.NDArray[np.float32]

KEPT: Final = 3
"""Alignments a picture whose soft values are kept, beside the picture as it lies."""
_DECISIVE: Final = 1e-8
"""Chance of the pilots at which a picture as it lies needs no alignment."""
_CERTAIN: Final = 22.0  # coherent sum of the waves that no wrong alignment reaches
_WAVES_A_PILOT: Final = 8.0
"""Standard deviations of refined waves that weigh as much as one of the pilots."""
_SMALLEST: Final = 64  # working pixels
_SAME_WORD: Final = 1e-4  # squared: what is left of a word that was removed before is rounding
_SCALES_TRIED: Final = 2
_LOOKED_AT: Final = 200
"""Pictures, evenly spread, whose spectra say which scale all have in common."""


@dataclass(frozen=True)
class SoftPicture:
    """A suspect picture's soft values.

    Attributes
    ----------
    values : {length: (m, length) float32}
        Of each code length, in every alignment kept, of unit norm; the most credible alignment first. Zero where
        nothing could be read.
    pilots : {length: float}, score of the pilots in the first alignment, standard deviations under a random key
    presence : Detection, whether the key's mark is there at all, by the pilots
    pilot_parts : {length: (m,) float32}
        Each pilot's part in that, times its sign, of unit norm; in an alignment that the pilots did not choose.
    removed : {length: (m, length) float32}, orthonormal; what was taken out of the values
    """

    values: dict[int, F32]
    pilots: dict[int, float]
    presence: Detection
    pilot_parts: dict[int, F32] = field(default_factory=dict)
    removed: dict[int, F32] = field(default_factory=dict)

    def without(self, signs: npt.NDArray[np.int8]) -> SoftPicture:
        """Return it without the part of its values that a code word (length,), of signs, explains."""
        length = signs.size
        basis = self.removed.get(length, np.zeros((0, length), np.float32))
        word = _unit(signs.astype(np.float32))
        rest = word - basis.T @ (basis @ word)  # words are not orthogonal, and none may come back with the next
        if float(rest @ rest) < _SAME_WORD:
            return self
        direction = _unit(rest)
        left = self.values[length] - np.outer(self.values[length] @ direction, direction)
        values = np.stack([_unit(row) for row in np.asarray(left, np.float32)])
        removed = {**self.removed, length: np.vstack([basis, direction])}
        return replace(self, values={**self.values, length: values}, removed=removed)


def read_softly(
    pictures: Sequence[Any], scheme: PlaneScheme, key: Key, lengths: Iterable[int], *, search: int = 3
) -> list[SoftPicture]:
    """Read pictures that may have been moved, all of them alike or each in its own way.

    First as they lie; then at the scales that stand out in all of them together, cropped or not; then, where that did
    not find the waves beyond doubt, each by the full search. A picture is asked for twice, so that a sequence that
    reads files as they are asked for needs little memory.

    Parameters
    ----------
    pictures : sequence of arrays or PIL images
    scheme : PlaneScheme
    key : Key
    lengths : of the code words that will be asked for
    search : alignments tried by the full search; 0 leaves out all but the pictures as they lie
    """
    wanted = sorted(set(lengths))
    as_they_lie: list[list[SoftRead]] = []
    moved, total = [], np.zeros(len(SCALES), np.float32)
    step, steps = max(1, len(pictures) // _LOOKED_AT), Steps()
    for number, picture in enumerate(pictures):
        plane = luma_plane(to_array(picture)[0])
        reads = scheme.read(plane, key=key)
        as_they_lie.append(reads)
        if search > 0 and _can_be_moved(plane) and _presence(reads).p_value > _DECISIVE:
            moved.append(number)
            if number % step == 0:
                total += scale_scores(spectrum_of(plane), template(key))
        steps.done(f"picture {number} as it lies, {scheme.id}: p = {_presence(reads).p_value:.2g}")
    scales = common_scales(total, _SCALES_TRIED)
    found = [_kept([(0.0, reads)], wanted) for reads in as_they_lie]
    for number in moved:
        plane = luma_plane(to_array(pictures[number])[0])
        tried = [(0.0, as_they_lie[number])]
        aligned = _alignments(plane, key, scales, search)
        tried += [(one.score, _read_aligned(scheme, one, key)) for one in aligned]
        found[number] = _kept(tried, wanted)
        best = max((one.score for one in aligned), default=0.0)
        steps.done(
            f"picture {number} put back into place: {len(aligned)} alignments, best {best:.1f} standard deviations, "
            f"p = {found[number].presence.p_value:.2g}"
        )
    return found


def _can_be_moved(plane: F32) -> bool:
    return min(plane.shape) >= _SMALLEST and max(plane.shape) <= LONGEST and bool(plane.any())


def _alignments(plane: F32, key: Key, scales: list[float], search: int) -> list[Alignment]:
    """Return the alignments to read in: taken for uncut at each common scale, then those with the strongest waves."""
    spectrum: Spectrum | None = spectrum_of(plane) if scales else None
    sets = [at_scale(plane, spectrum, key, scale) for scale in scales if spectrum is not None]
    uncut, others = [one for found in sets for one in found[:1]], [one for found in sets for one in found[1:]]
    if max((one.score for one in (*uncut, *others)), default=0.0) < _CERTAIN:
        others += alignments(plane, key, search)
    return [*uncut, *sorted(others, key=lambda one: -one.score)[: max(1, KEPT - len(uncut))]]


def _read_aligned(scheme: PlaneScheme, one: Alignment, key: Key) -> list[SoftRead]:
    origin = (one.region.row // scheme.cell, one.region.col // scheme.cell)
    return scheme.read(one.plane, key=key, origin=origin, inside=one.inside)


def _kept(tried: list[tuple[float, list[SoftRead]]], lengths: list[int]) -> SoftPicture:
    """Keep what the pilots say is the better noise level of each alignment; order alignments by pilots and waves.

    The picture as it lies, which comes first, has no waves looked for: its pilots stand for it, and where they are
    nothing, an alignment whose waves add up comes before it.
    """
    values: dict[int, F32] = {}
    pilots: dict[int, float] = {}
    for length in lengths:
        rows = []
        for waves, reads in tried:
            best = max((read for read in reads if read.length == length), key=lambda read: read.score, default=None)
            if best is not None:
                rows.append((best.score + waves / _WAVES_A_PILOT, best.score, _unit(best.sums)))
        rows.sort(key=lambda row: -row[0])
        values[length] = np.stack([row[2] for row in rows]) if rows else np.zeros((1, length), np.float32)
        pilots[length] = rows[0][1] if rows else 0.0
    presences = [_presence(reads) for _, reads in tried]
    best_of = min(presences, key=lambda one: one.p_value)
    presence = Detection(best_of.score, any_of(best_of.p_value, len(tried)), "pilot")
    waves, reads = max(tried, key=lambda one: one[0])
    return SoftPicture(values, pilots, presence, _pilot_parts(reads if waves >= _CERTAIN else tried[0][1]))


def _pilot_parts(reads: list[SoftRead]) -> dict[int, F32]:
    """Return the pilots' parts, of unit norm, by length; both noise levels together, so that none is chosen."""
    parts: dict[int, F32] = {}
    for read in reads:
        if read.pilots is not None:
            parts[read.length] = parts.get(read.length, 0) + read.pilots
    return {length: _unit(values) for length, values in parts.items()}


def _presence(reads: list[SoftRead]) -> Detection:
    score = max((read.score for read in reads), default=0.0)
    return Detection(score, any_of(rademacher_p_value(score), max(1, len(reads))), "pilot")


def _unit(sums: F32) -> F32:
    finite = np.where(np.isfinite(sums), sums, 0).astype(np.float64)
    norm = float(np.linalg.norm(finite))
    return np.asarray(finite / norm if norm > 0 else finite, np.float32)
