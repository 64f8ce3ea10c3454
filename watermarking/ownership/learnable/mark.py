"""The mark and its proof."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from watermarking.kernels.learnable import add_field
from watermarking.ownership.checks import check_numbers, check_strength
from watermarking.ownership.learnable.evidence import gather
from watermarking.ownership.learnable.family import draw_family
from watermarking.ownership.learnable.features import checked, evaluate, features, planes, shows_colour, with_channels
from watermarking.ownership.learnable.pairs import added, measured, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from watermarking.interface import Detection, Image
    from watermarking.keys import Key
    from watermarking.ownership.learnable.evidence import Evidence
    from watermarking.ownership.learnable.family import Family

    F32 = npt.NDArray[np.float32]

__all__ = ["LearnableMark"]

_CHUNK: Final = 2**14
"""Places whose functions are held together: 2.5 MB, which a core keeps near."""
_CARRIERS: Final = np.array([[0.0, 1.5427], [-0.3303, -0.7858], [1.7003, 0.0]], np.float32)
"""What a unit of either carrier adds to R, G and B: the change that Cb or Cr makes, of norm sqrt 3."""
_KNEE: Final = 2.0
_ROUNDING: Final = 1 / 12
"""Mean square of what rounding adds."""
_SHARPNESS: Final = 4
_LEAST_ENERGY: Final = 0.1
_TRIES: Final = 8


@dataclass(frozen=True, kw_only=True)
class LearnableMark:
    """A smooth keyed function of what a picture shows, added to its chroma (to the luma of grey pictures).

    A surrogate that is trained on marked answers learns what can be said of an answer from its query, and that includes
    a function of the answer's own coarse colours and textures. Since it moves with flips, turns, crops and scales,
    training with them teaches it all the same.

    Parameters
    ----------
    psnr : float
        In dB, 36 to 57: of a picture with the energy of the drawn ones. What a picture has little of (colour, texture)
        is marked weaker, so that photographs come out 1 dB above it on average. Grey pictures come out half way between
        it and the floor.
    floor : float
        In dB: no picture is changed by more. At most ``psnr``.

    Raises
    ------
    WatermarkError
        If either is out of its bounds.

    Notes
    -----
    1. Features f of the planes at half size, of keyed widths along keyed axes, softly limited: three blurs along colour
       axes at right angles, four bands and an activity near luma. Of grey pictures (one channel, or three that differ
       by less than a grey level) four tones, ``cos(pi k Y / 256 + p)`` of blurs, three trends, ``asinh(band / c)``,
       and two measures of unrest, ``log(1 + local deviation)``.
    2. Functions phi: the features, 8 products of pairs of projections of the blurs and 14 of triples, ``s(t) = t /
       sqrt(1 + t^2)`` of each; for grey 20 products of a mixture of tones and one of the rest, 8 of two of the rest.
       Made uncorrelated, in this order, on drawn pictures: photographs, for grey as many radiographs.
    3. ``y_c = sum_j kappa_jc phi_j``, kappa a keyed uniform point of the unit sphere in 60 dimensions (37 for grey).
    4. The carriers change by ``a y_c / sqrt(1 + (y_c / 2)^2)``; a depends continuously on the picture's energy alone.

    Examples
    --------
    >>> from watermarking.keys import Key
    >>> key = Key(bytes(range(16)))
    >>> ramp = np.linspace(0, 255, 64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
    >>> marked = LearnableMark().mark(ramp, key=key)
    >>> marked.shape, bool((marked != ramp).any())
    ((64, 64, 3), True)
    """

    id: ClassVar[str] = "learnable"
    psnr: float = 43.0
    floor: float = 42.0

    def __post_init__(self) -> None:
        check_strength(self.psnr, self.floor)

    def mark(self, picture: Image, *, key: Key) -> Image:
        """Return a marked copy, same shape.

        Parameters
        ----------
        picture : (H, W) or (H, W, 3) uint8, RGB
        key : Key

        Raises
        ------
        UnsupportedImageError
            For any other array.
        """
        cover = checked(picture)
        deep = with_channels(cover)
        colour = shows_colour(cover)
        field = _field(cover, draw_family(key, colour=colour))
        matrix = _CARRIERS if colour else np.ones((deep.shape[2], 1), np.float32)
        most = _mean_square(self.floor)
        energy = float((field * field).sum(0).mean())
        strength = self._strength(energy) if colour else self._grey_strength(energy)
        out = np.empty_like(deep)
        for _ in range(_TRIES):
            energy = add_field(deep, field * np.float32(strength), matrix, out) / deep.size
            if energy <= most:
                return out.reshape(cover.shape)
            strength *= math.sqrt(0.97 * most / energy)  # rounding added more than its usual share
        return cover.copy()

    def verify(
        self, suspect: Sequence[Image], own: Sequence[Image], *, key: Key, references: Sequence[Sequence[Image]] = ()
    ) -> Detection:
        """Test whether a suspect's answers carry the mark.

        The p-value is exact for any suspect who does not know the key: its answers are then fixed, and so is the
        direction that they show among the key's functions, while the key's own direction is uniform on its sphere.

        Parameters
        ----------
        suspect, own : sequences of pictures
            The suspect's answers and the owner's own unmarked answers to the same queries, of one shape pair by pair.
        key : Key
        references : sequences of pictures
            Each the answers of one surrogate that the owner trained on unmarked answers: what surrogates get wrong
            anyhow is no longer taken for the mark or against it.

        Raises
        ------
        UnsupportedImageError
            If an answer is no uint8 picture.
        WatermarkError
            If there are no answers, or their numbers or shapes differ.
        """
        check_numbers(suspect, own, references)
        others = zip(*references, strict=True) if references else ((),) * len(own)
        each = (measured(one, mine, rest, key=key) for one, mine, rest in zip(suspect, own, others, strict=True))
        return together(added(each))

    def evidence(self, pairs: Iterable[tuple[Image, Image]], *, key: Key) -> Iterator[Evidence]:
        """Yield the evidence after each query, which may be stopped at any time: see :func:`.evidence.gather`."""
        return gather(pairs, key=key)

    def _strength(self, energy: float) -> float:
        """Return the factor of a field of this mean square: its square root evens pictures out half way.

        Continuous, and below what the floor allows whatever the energy.
        """
        usual = (_mean_square(self.psnr) - _ROUNDING) / math.sqrt(max(energy, _LEAST_ENERGY))
        most = _mean_square(self.floor) - _ROUNDING
        return math.sqrt(usual) / math.pow(1 + (usual * energy / most) ** _SHARPNESS, 0.5 / _SHARPNESS)

    def _grey_strength(self, energy: float) -> float:
        """Return the factor of a grey picture's field, which brings each half way from the strength to the floor.

        There is one carrier where colour has two, and what surrogates get wrong is luma above all.
        """
        aim = math.sqrt(_mean_square(self.psnr) * _mean_square(self.floor)) - _ROUNDING
        return math.sqrt(aim / max(energy, _LEAST_ENERGY))


def _mean_square(psnr: float) -> float:
    return 255.0**2 / math.pow(10, psnr / 10)


def _field(picture: Image, family: Family) -> F32:
    """Return the change of the carriers at half size for a strength of 1, limited, float32 (carriers, h, w)."""
    halves = planes(picture, colour=family.direction.shape[1] == 2)
    limited = features(halves, family.functions)
    n, carriers = halves.shape[1] * halves.shape[2], family.direction.shape[1]
    out = np.empty((carriers, n), np.float32)
    for start in range(0, n, _CHUNK):
        values = evaluate(limited, family.functions, start=start, stop=min(n, start + _CHUNK))
        out[:, start : start + _CHUNK] = family.mixture @ values - family.offset[:, np.newaxis]
    out /= np.sqrt(1 + (out / np.float32(_KNEE)) ** 2)
    return out.reshape(carriers, *halves.shape[1:])
