"""Which values samples take: the range that 16-bit samples use, floats that lie in [0, 1] but for rounding noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import UnsupportedImageError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.interface import Image

__all__ = ["check_peak", "checked_floats", "peak_in_use", "rescaled", "restored", "sample_peak", "tolerant_peak"]

_CHUNK: Final = 2**18
"""Samples looked at together: they stay in the cache between the passes for the lowest and the highest."""
_FULL: Final = 65535
_FEWEST_BITS: Final = 8
_NOISE: Final = 1e-5
"""How far outside of [0, 1] floats are taken for rounding noise: float32 arithmetic over a picture errs by less."""


def sample_peak(*images: Image) -> float:
    """Return the largest value that the samples of pictures of one dtype stand for.

    That is 255 for uint8 and 1.0 for floats. A uint16 picture often holds 10, 12 or 14 bits: there it is 2**k - 1, with
    the smallest k of 8..16 for which no colour sample is larger. Alpha and pixels that it makes invisible do not count.

    Examples
    --------
    >>> sample_peak(np.full((4, 6), 4080, np.uint16)), sample_peak(np.zeros((4, 6, 3), np.uint8))
    (4095.0, 255.0)
    """
    if images[0].dtype.kind == "f":
        return 1.0
    if images[0].dtype != np.uint16:
        return 255.0
    return _peak_above(max(_largest(image) for image in images))


def check_peak(peak: int | None) -> int | None:
    """Return a stated peak of uint16 samples if it can be one.

    Raises
    ------
    WatermarkError
        If it is no whole number of 255..65535.
    """
    if peak is not None and not (isinstance(peak, int | np.integer) and 2**_FEWEST_BITS - 1 <= peak <= _FULL):
        raise WatermarkError(f"{peak!r} is no peak of 16-bit samples: give 255 to 65535, 4095 for 12 bits")
    return None if peak is None else int(peak)


def peak_in_use(image: Image, stated: int | None) -> float:
    """Return the peak of a picture's samples: the stated one if they are uint16 and one is stated, else what they use.

    Raises
    ------
    UnsupportedImageError
        If a sample is larger than the stated peak: marking would clip it.
    """
    if stated is None or image.dtype != np.uint16:
        return sample_peak(image)
    if (largest := _largest(image)) > stated:
        raise UnsupportedImageError(
            f"the picture holds samples up to {largest}, its peak is said to be {stated}: state the right one, or none"
        )
    return float(stated)


def tolerant_peak(image: Image, claimed: int | None) -> int | None:
    """Return the peak that a file claims for its uint16 samples, or None where it claims none or one that is wrong.

    A sample depth of 12 bits may also mean that 12 bits have been spread over 16.
    """
    return claimed if claimed is not None and image.dtype == np.uint16 and _largest(image) <= claimed else None


def rescaled(image: Image, peak: int | None) -> Image:
    """Return uint16 samples of a stated peak as float32 in [0, 1], for those who would find another by themselves.

    Pictures whose samples show that peak anyway, do not keep to it, or are not uint16 are returned as they are.
    """
    stated = tolerant_peak(image, peak)
    if stated is None or stated == sample_peak(image):
        return image
    return np.multiply(image, np.float32(1 / stated), dtype=np.float32).clip(0, 1)


def restored(result: Image, image: Image, peak: float) -> Image:
    """Undo :func:`rescaled` for what came of its result; alpha is that of ``image``."""
    if result.dtype == image.dtype:
        return result
    samples = np.rint(result * np.float32(peak)).astype(image.dtype)
    if image.ndim == 3 and image.shape[2] == 4:
        samples[..., 3] = image[..., 3]
        samples[image[..., 3] == 0] = image[image[..., 3] == 0]
    return samples


def checked_floats(image: Image) -> Image:
    """Return a floating-point picture if it lies in [0, 1], clipped if only rounding noise lies outside.

    Raises
    ------
    UnsupportedImageError
        If it does not, or is not finite; the message names the way out.
    """
    low, high = _extremes(image)
    noise = max(_NOISE, 2 * float(np.finfo(image.dtype).eps))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UnsupportedImageError(
            f"the {image.dtype} picture holds NaN or infinity, [0, 1] is needed: replace them with np.nan_to_num"
        )
    if low < -noise or high > 1 + noise:
        raise UnsupportedImageError(
            f"the {image.dtype} picture holds values in [{low:.6g}, {high:.6g}], [0, 1] is needed: "
            f"{_way_to_floats(low, high, noise)}"
        )
    return image if low >= 0 and high <= 1 else np.clip(image, 0, 1)


def _way_to_floats(low: float, high: float, noise: float) -> str:
    if low < 0:
        if low >= -1 - noise and high <= 1 + noise:
            return "of a picture in [-1, 1] pass (image + 1) / 2, else clip it with np.clip(image, 0, 1)"
        return "scale it by the lowest and the highest value that its samples stand for"
    if high <= 2:
        return "clip it with np.clip(image, 0, 1)"
    return "divide by 255" if high <= 255 * (1 + noise) else "divide by the largest value that its samples stand for"


def _extremes(image: Image) -> tuple[float, float]:
    """Return the lowest and the highest sample; NaN if there is one."""
    lowest, highest = np.inf, -np.inf
    for band in _bands(image):
        lowest, highest = np.minimum(lowest, band.min()), np.maximum(highest, band.max())  # both hand NaN on
    return float(lowest), float(highest)


def _peak_above(largest: int) -> float:
    return float(2 ** max(_FEWEST_BITS, largest.bit_length()) - 1)


def _largest(image: Image) -> int:
    """Return the largest visible colour sample of a uint16 picture."""
    if image.ndim == 2 or image.shape[2] < 4:
        return max(int(band.max()) for band in _bands(image))
    return max(int((band[..., :3].max(2) * (band[..., 3] > 0)).max()) for band in _bands(image))


def _bands(image: Image) -> Iterator[Image]:
    rows = max(1, _CHUNK // max(1, image[0].size))
    for top in range(0, len(image), rows):
        yield image[top : top + rows]
