"""``additive_block``: one bit a block, one pattern pair a block, in the pixel domain.

The traditional baseline of Zhang et al., "Model Watermarking for Image Processing Networks", AAAI 2020, which gives
no constants; blocks, patterns and decoder here are a reconstruction, not the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, final

import numpy as np
import numpy.typing as npt

from watermarking.errors import CapacityError
from watermarking.interface import Detection, Extraction
from watermarking.pictures.arrays import check_image
from watermarking.pictures.drawing import apply_residual
from watermarking.pictures.plane import luma_plane
from watermarking.pictures.ranges import sample_peak
from watermarking.significance import squares_p_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.interface import Bits, Image
    from watermarking.keys import Key

__all__ = ["AdditiveBlock"]

F32 = npt.NDArray[np.float32]
SIDE: Final = 32


@final
@dataclass(frozen=True, kw_only=True)
class AdditiveBlock:
    """Adds a keyed pattern to a block for a one and takes it away for a zero; a baseline to compare with.

    That is alpha C_1 for a one and alpha C_0 = -alpha C_1 for a zero. C_1 is a keyed pattern of +-1, its mean over the
    block removed. A bit is the sign of the correlation of the block, its own mean and slopes removed, with C_1. No
    regard for where it shows or what the picture holds, no error correction: compare with it, do not rely on it.

    Parameters
    ----------
    psnr : float
        Strength, in dB over RGB; used by the embedder alone.

    Examples
    --------
    >>> from watermarking import Key
    >>> picture = np.full((64, 96, 3), 128, np.uint8)
    >>> key, bits = Key(bytes(16)), np.array([1, 0, 0, 1, 1, 0], bool)
    >>> AdditiveBlock().extract(AdditiveBlock().embed(picture, bits, key=key), key=key).payload.astype(int)
    array([1, 0, 0, 1, 1, 0])
    """

    psnr: float = 42.0

    id: ClassVar[str] = "additive_block"
    payload_kind: ClassVar[Literal["bits"]] = "bits"
    keyed: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = False

    def capacity(self, shape: tuple[int, ...]) -> int:
        """Return the number of whole 32x32 blocks."""
        return (shape[0] // SIDE) * (shape[1] // SIDE)

    def embed(self, image: Image, payload: Bits, *, key: Key) -> Image:
        """Return a marked copy; a payload shorter than the capacity is repeated.

        Raises
        ------
        CapacityError
            If the payload is empty or has more bits than the picture has blocks.
        """
        image = check_image(image)
        capacity = self.capacity(image.shape)
        bits = np.asarray(payload, np.bool_).ravel()
        if not 0 < bits.size <= capacity:
            raise CapacityError(
                f"{capacity} bits fit in {image.shape[1]}x{image.shape[0]} pixels with 'additive_block', {bits.size} "
                "are given: use a shorter payload or a larger image"
            )
        cols = image.shape[1] // SIDE
        chips = np.where(np.resize(bits, capacity), np.float32(1), np.float32(-1)).reshape(-1, cols, 1, 1)
        residual = np.zeros(image.shape[:2], np.float16)  # half of the memory of the largest array there is
        for row, patterns in enumerate(_patterns(key, image.shape)):
            residual[row * SIDE : (row + 1) * SIDE, : cols * SIDE] = _join(patterns * chips[row])
        return apply_residual(image, residual, self.psnr, scale=1)

    def extract(self, image: Image, *, key: Key) -> Extraction[Bits]:
        """Read every block; the payload and its repetitions come as (capacity,) bits."""
        image = check_image(image)
        if not self.capacity(image.shape):
            return Extraction(np.zeros(0, np.bool_), np.zeros(0, np.float32), Detection(0.0, 1.0, "block energy"))
        peak = sample_peak(image)
        scores = np.concatenate(
            [
                _scores(_cut(luma_plane(image[row * SIDE : (row + 1) * SIDE], 1, peak=peak)), patterns)
                for row, patterns in enumerate(_patterns(key, image.shape))
            ]
        )
        total = float(np.square(scores).sum())
        detection = Detection(total, squares_p_value(total, scores.size), "block energy")
        return Extraction(scores > 0, (2 * scores).astype(np.float32), detection)


def _patterns(key: Key, shape: tuple[int, ...]) -> Iterator[F32]:
    """Yield C_1 of a row of blocks at a time, its mean and slopes removed, (blocks across, 32, 32)."""
    rows, cols = shape[0] // SIDE, shape[1] // SIDE
    n = cols * SIDE * SIDE
    stream = np.frombuffer(key.stream("additive_block/patterns", rows * n // 8), np.uint8).reshape(rows, -1)
    for row in stream:
        signs = np.where(np.unpackbits(row, bitorder="little"), np.float32(1), np.float32(-1))
        yield _flatten(signs.reshape(-1, SIDE, SIDE))


def _scores(blocks: F32, patterns: F32) -> npt.NDArray[np.float64]:
    """Correlate each block with its pattern, in standard deviations under random signs."""
    flat = _flatten(blocks)
    norms = np.sqrt(np.square(flat, dtype=np.float64).sum((1, 2)))
    sums = np.einsum("bij,bij->b", flat, patterns, dtype=np.float64)
    scores: npt.NDArray[np.float64] = np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 1e-3)
    return scores


def _flatten(blocks: F32) -> F32:
    """Remove each block's mean and its two slopes: the projection is the same for pattern and picture."""
    ramp = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    ramp /= np.sqrt(np.square(ramp).sum() * SIDE)
    flat: F32 = blocks - blocks.mean((1, 2), keepdims=True)
    flat -= np.einsum("bij,i->b", flat, ramp)[:, None, None] * ramp[:, None]
    flat -= np.einsum("bij,j->b", flat, ramp)[:, None, None] * ramp
    return flat


def _cut(band: F32) -> F32:
    """Cut a band of 32 rows into whole blocks."""
    cols = band.shape[1] // SIDE
    return band[:, : cols * SIDE].reshape(SIDE, cols, SIDE).transpose(1, 0, 2)


def _join(blocks: F32) -> F32:
    """Put blocks side by side again."""
    return blocks.transpose(1, 0, 2).reshape(SIDE, -1)
