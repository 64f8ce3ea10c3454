"""SSIMULACRA 2.1: how much of a picture's quality is left, by the eye of many people who compared pictures.

Sneyers, "SSIMULACRA 2: Structural SIMilarity Unveiling Local And Compression Related Artifacts", Cloudinary, 2022, in
its version of April 2023. It is computed step by step as its reference is, in float32: the reference's filter gathers
rounding errors, to which scores above 90 owe up to two points.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.metrics.light import check_visible, checked, halved, is_seen_through, linear_light
from watermarking.metrics.picture import check_alike
from watermarking.threads import map_bands, row_bands

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image
    from watermarking.kernels.gaussian import Sections

    Planes = npt.NDArray[np.float32]
    Scales = list[Planes]

__all__ = [
    "GROUNDS",
    "NEGLIGIBLE",
    "WEIGHTS",
    "Ssimulacra2",
    "scales_of",
    "score_of_error",
    "ssimulacra2",
    "weighted_errors",
]

_NAME: Final = "SSIMULACRA2"
_N_SCALES: Final = 6
_SHORTEST: Final = 8  # a scale with a shorter side is the last
_BAND_ROWS: Final = 64  # even, so that bands halve
GROUNDS: Final = (0.1, 0.9)
_SIGMA: Final = 1.5

WEIGHTS: Final = np.array(
    # Means of structural error, edges added and edges lost, then their 4-norms; one row a scale, 1:1 to 1:32.
    [
        *(0, 0.0007376606707406586, 0, 0, 0.0007793481682867309, 0),  # X
        *(0, 0.0004371155730107379, 0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752),
        *(0, 0.0016406437456599754, 0, 1.8422455520539298, 11.441172603757666, 0),
        *(0.0007989109436015163, 0.000176816438078653, 0, 1.8787594979546387, 10.94906990605142, 0),
        *(0.0007289346991508072, 0.9677937080626833, 0),
        *(0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053),
        *(0.0004550992113792063, 0, 0, 0.0013648766163243398, 0, 0),
        *(0, 0, 0, 7.466890328078848, 0, 17.445833984131262),  # Y
        *(0.0006235601634041466, 0, 0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264),
        *(225.20515300849274, 0, 0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985),
        *(176.39317598450694, 0, 0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408),
        *(0, 0, 0, 34.77906344483772, 44.835625328877896, 0),
        *(0, 0, 0, 0, 0, 0),
        *(0, 0.0008680556573291698, 0, 0, 0, 0),  # B - Y
        *(0, 0.0005313191874358747, 0, 0.00016533814161379112, 0, 0),
        *(0, 0, 0, 0.0004179171803251336, 0.0017290828234722833, 0),
        *(0.0020827005846636437, 0, 0, 8.826982764996862, 23.19243343998926, 0),
        *(95.1080498811086, 0.9863978034400682, 0.9834382792465353),
        *(0.0012286405048278493, 171.2667255897307, 0.9807858872435379),
        *(0, 0, 0, 0.0005130064588990679, 0, 0.00010854057858411537),
    ]
).reshape(3, _N_SCALES, 2, 3)
NEGLIGIBLE: Final = 0.01
"""Planes with no weight above this are left out, colour at 1:1 among them: together less than 0.001 points of noise,
tints, chroma noise and JPEG down to quality 5, and more than half of the time."""
_LINEAR, _SQUARE, _CUBE = 2.326765642916932, -0.020884521182843837, 6.248496625763138e-05
_SCALE, _EXPONENT = 0.9562382616834844, 0.6276336467831387


class Ssimulacra2:
    """A reference, prepared to be compared with several distorted versions.

    It keeps 16 bytes a pixel.

    Parameters
    ----------
    reference : (H, W), (H, W, 3) or (H, W, 4), at least 8 x 8
        uint8, uint16 or floating point in [0, 1], sRGB.
    peak : float, optional
        What uint16 samples stand for at most; by default what they use.

    Raises
    ------
    UnsupportedImageError
        If it is no picture, holds NaN or values out of range, or is too small.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    >>> reference = Ssimulacra2(ramp)
    >>> reference.score(ramp)
    100.0
    >>> reference.score(ramp // 8 * 8) < 80
    True
    """

    def __init__(self, reference: Image, peak: float | None = None) -> None:
        picture, self._peak = check_visible(reference, _NAME, peak)
        self._shape, self._dtype = picture.shape, np.asarray(reference).dtype
        grounds = GROUNDS if is_seen_through(picture) else (None,)
        self._scales = {ground: scales_of(picture, ground) for ground in grounds}

    def score(self, distorted: Image) -> float:
        """Return the score: 100 for an equal picture, 90 if no difference is seen, 70 for high quality, 0 and less.

        Parameters
        ----------
        distorted : of the shape and dtype of the reference
            Where one of the two is seen through, both are laid over a dark and over a bright grey, and the worse
            score counts. Fully transparent pixels have no colour, but count as equal ones in the mean.

        Raises
        ------
        UnsupportedImageError
            As the class, and if the two do not fit each other.
        """
        check_alike(self._shape, self._dtype, checked(distorted))
        picture, _ = check_visible(distorted, _NAME, self._peak)
        grounds = GROUNDS if None not in self._scales or is_seen_through(picture) else (None,)
        # A reference that hides every ground looks alike over all of them.
        pairs = [(self._scales.get(ground) or self._scales[None], ground) for ground in grounds]
        return min(_score(scales, scales_of(picture, ground)) for scales, ground in pairs)


def ssimulacra2(reference: Image, distorted: Image) -> float:
    """Return the SSIMULACRA2 score of a distorted picture: 100 for an equal one, 90 if no difference is seen.

    70 is high quality, 50 medium, 30 low; below 0 nearly nothing is left. Of several versions of one picture,
    :class:`Ssimulacra2` prepares the picture once.

    Parameters
    ----------
    reference, distorted : (H, W), (H, W, 3) or (H, W, 4), same shape and dtype, at least 8 x 8
        uint8, uint16 or floating point in [0, 1], sRGB. Pictures that are seen through are laid over a dark and over
        a bright grey, and the worse score counts.

    Raises
    ------
    UnsupportedImageError
        If either is no picture, holds NaN or values out of range, is too small, or does not fit the other.
    """
    check_alike(checked(reference).shape, checked(reference).dtype, checked(distorted))  # before the work
    return Ssimulacra2(reference).score(distorted)


def scales_of(picture: Image, ground: float | None, n: int = _N_SCALES) -> Scales:
    """Return the XYB planes (3, h, w) of the first n scales; pictures are halved in linear light."""
    from watermarking.kernels.xyb import halve, xyb_rows

    height, width = picture.shape[:2]
    planes = np.empty((3, height, width), dtype=np.float32)
    linear = np.empty((3, (height + 1) // 2, (width + 1) // 2), dtype=np.float32)

    def convert(band: tuple[int, int]) -> None:
        first, stop = band
        light = linear_light(picture[first:stop], ground)
        xyb_rows(light, 0, planes, first, stop - first)
        halve(light, linear, first // 2)

    map_bands(convert, row_bands(height, _BAND_ROWS))
    scales = [planes]
    while len(scales) < n and min(scales[-1].shape[1:]) >= _SHORTEST:
        planes = np.empty_like(linear)
        xyb_rows(linear, 0, planes, 0, linear.shape[1])
        scales.append(planes)
        linear = halved(linear)
    return scales


def _score(reference: Scales, distorted: Scales) -> float:
    places = [(s, c) for s in range(len(reference)) for c in range(3) if WEIGHTS[c, s].max() > NEGLIGIBLE]
    error = weighted_errors([(reference[s][c], distorted[s][c], WEIGHTS[c, s]) for s, c in places])
    return score_of_error(error)


def weighted_errors(pairs: list[tuple[Planes, Planes, npt.NDArray[np.float64]]]) -> float:
    """Return the sum of the errors between planes (h, w), each with its weights (norm, map): (2, 3)."""
    from watermarking.kernels.ssimulacra2 import plane_errors

    sections = _sections(_SIGMA)

    def error(pair: tuple[Planes, Planes, npt.NDArray[np.float64]]) -> float:
        first, second, weights = pair
        sums: npt.NDArray[Any] = np.empty(6)
        plane_errors(first, second, sections, sums)
        means = (sums / first.size).reshape(3, 2)
        return float(np.sum(weights * [means[:, 0], means[:, 1] ** 0.25]))

    return sum(map_bands(error, pairs))


def score_of_error(error: float) -> float:
    """Turn a weighted sum of errors into a score."""
    error *= _SCALE
    error = _LINEAR * error + _SQUARE * error**2 + _CUBE * error**3
    return 100.0 - 10.0 * error**_EXPONENT if error > 0 else 100.0


def _sections(sigma: float) -> Sections:
    """Return the factors of the recursive Gaussian's three resonators; equation numbers are Charalampidis'."""
    radius = math.floor(3.2795 * sigma + 0.2546 + 0.5)  # (57)
    omega = np.array([1, 3, 5]) * (math.pi / (2 * radius))
    signs = np.array([1, -1, 1])
    p = signs / np.tan(omega / 2)  # (37)
    r = signs * p * p / np.sin(omega)  # (44)
    rho = np.exp(-0.5 * (sigma * omega) ** 2) / radius  # (50)
    d13, d35, d51 = (p[i] * r[j] - r[i] * p[j] for i, j in ((0, 1), (1, 2), (2, 0)))
    zeta = np.array([d35 / d13, d51 / d13, 1])  # (52)
    beta = np.linalg.solve(np.stack([p, r, zeta]), np.array([1, radius**2 - sigma**2, zeta @ rho]))  # (53) to (56)
    n, d = -beta * np.cos(omega * (radius + 1)), -2 * np.cos(omega)  # (33)
    # Four outputs at a time: y[n] = n x - d y[n - 1] - y[n - 2], inserted into itself.
    of_inputs = (n, -d * n, (d * d - 1) * n, (2 * d - d**3) * n)
    of_last = (-d, d * d - 1, 2 * d - d**3, d**4 - 3 * d * d + 1)
    of_one_before = (-np.ones(3), d, 1 - d * d, d**3 - 2 * d)
    table = np.array([*of_inputs, *of_last, *of_one_before], dtype=np.float32)
    a, b, c = (tuple(table[:, k]) for k in range(3))
    return a, b, c
