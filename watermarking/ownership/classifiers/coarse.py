"""What an input is, coarsely: a few whitened numbers that a key's functions are drawn over."""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from watermarking.errors import UnsupportedImageError, WatermarkError

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = ["Coarse", "area_weights", "fit_coarse"]

_AXES: Final = 8
_LIMIT: Final = 2.5
"""Standard deviations: what lies further out counts as this far."""
_GRID: Final = 7
_CHANNELS: Final = (1, 3, 4)
_CHUNK: Final = 2**22
"""Samples that are converted together."""
_MOST_FITTED: Final = 20_000
_MOST_NUMBERS: Final = 8192
_LEAST_VARIANCE: Final = 1e-9


@dataclass(frozen=True, kw_only=True)
class Coarse:
    """Block means of pictures, or vectors as they are, through a whitening that their owner fitted once.

    Parameters
    ----------
    kind : "pictures" or "vectors"
    size : int
        Numbers of an input before whitening: rows times columns times channels of the grid, or the vector's length.
    mean : str
        base64 of (size,) little-endian float32.
    axes : str
        base64 of (A, size) little-endian float32: principal axes over their standard deviations, at most 8.
    grid : (int, int), rows and columns of means; (0, 0) for vectors
    channels : int, of the pictures; 0 for vectors
    flips : bool
        Whether pictures count as their mirror images do: thieves flip what they train on.

    Raises
    ------
    WatermarkError
        If these do not fit together.
    """

    kind: Literal["pictures", "vectors"]
    size: int
    mean: str
    axes: str
    grid: tuple[int, int] = (0, 0)
    channels: int = 0
    flips: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", tuple(self.grid))  # JSON knows lists alone
        if self.kind not in ("pictures", "vectors"):
            raise WatermarkError(f"coarse features are of 'pictures' or 'vectors', not of {self.kind!r}")
        if self.kind == "pictures" and self.grid[0] * self.grid[1] * self.channels != self.size:
            raise WatermarkError(f"a grid of {self.grid} in {self.channels} channels has not {self.size} numbers")
        middle, axes = whitening(self)
        if middle.shape != (self.size,) or not 1 <= len(axes) <= _AXES or not np.isfinite(axes).all():
            raise WatermarkError(f"the whitening does not fit {self.size} numbers: fit it anew with SoftLabelMark.fit")

    @property
    def n_axes(self) -> int:
        """How many whitened numbers an input has."""
        return len(whitening(self)[1])

    def numbers(self, inputs: Any) -> F32:
        """Return an input's numbers before whitening, float32 (N, size).

        Parameters
        ----------
        inputs : (N, H, W), (N, H, W, C) or (N, C, H, W), uint8, uint16 or float, or (N, D) for vectors
            Integers are divided by their type's peak; floats are taken as they are, so they must be scaled as those
            were that the whitening was fitted on.

        Raises
        ------
        UnsupportedImageError
            If they are something else, none, or hold NaN.
        """
        found = as_array(inputs)
        if self.kind == "vectors":
            if found.ndim != 2 or found.shape[1] != self.size:
                raise UnsupportedImageError(
                    f"the inputs are {found.shape}, the mark was fitted on vectors of {self.size} numbers"
                )
            return _finite(np.asarray(found, np.float32))
        return _finite(block_means(channels_last(found, self.channels), self.grid, self.flips))

    def whitened(self, numbers: F32) -> F64:
        """Return (N, size) numbers as whitened coordinates, float64 (N, A), none beyond 2.5."""
        middle, axes = whitening(self)
        if numbers.ndim != 2 or numbers.shape[1] != self.size:
            raise UnsupportedImageError(f"coarse features are {numbers.shape}, (N, {self.size}) are expected")
        return np.clip((numbers.astype(np.float64) - middle) @ axes.T, -_LIMIT, _LIMIT)

    def __call__(self, inputs: Any) -> F64:
        """Return inputs as whitened coordinates, float64 (N, A)."""
        return self.whitened(self.numbers(inputs))


def fit_coarse(inputs: Any, *, kind: str | None = None, flips: bool = True, seed: int = 0) -> Coarse:
    """Fit the whitening to inputs of the owner's.

    Parameters
    ----------
    inputs : (N, H, W), (N, H, W, C), (N, C, H, W) or (N, D)
        A few thousand that are like those which the model is asked; no more than 20,000 of them are looked at.
    kind : "pictures" or "vectors", optional
        By their number of axes if left out.
    flips : bool
        Of pictures; put False where left and right mean something, as in pictures of text.
    seed : int, of which are looked at

    Raises
    ------
    UnsupportedImageError
        If they are neither, all alike, fewer than 16, or vectors of more than 8,192 numbers.
    """
    found = as_array(inputs)
    kind = kind or ("vectors" if found.ndim == 2 else "pictures")
    if len(found) < 2 * _AXES:
        raise UnsupportedImageError(f"{len(found)} inputs are too few to fit a mark to: give {2 * _AXES} or more")
    if len(found) > _MOST_FITTED:
        found = found[np.sort(np.random.default_rng(seed).choice(len(found), _MOST_FITTED, replace=False))]
    grid, channels = (0, 0), 0
    if kind == "pictures":
        found = channels_last(found, None)
        grid, channels = (min(_GRID, found.shape[1]), min(_GRID, found.shape[2])), found.shape[3]
        numbers = block_means(found, grid, flips)
    elif found.ndim == 2 and found.shape[1] <= _MOST_NUMBERS:
        numbers = np.asarray(found, np.float32)
    else:
        raise UnsupportedImageError(f"the inputs are {found.shape}: vectors are (N, D) with D up to {_MOST_NUMBERS}")
    middle, axes = _principal(_finite(numbers))
    return Coarse(
        kind="pictures" if kind == "pictures" else "vectors", size=numbers.shape[1], mean=_packed(middle),
        axes=_packed(axes), grid=grid, channels=channels, flips=flips and kind == "pictures",
    )  # fmt: skip


def as_array(inputs: Any) -> npt.NDArray[Any]:
    """Return inputs as an array of numbers, tensors too.

    Raises
    ------
    UnsupportedImageError
        If they are none, or no numbers.
    """
    if hasattr(inputs, "detach"):
        inputs = inputs.detach().cpu()
        inputs = inputs.float().numpy() if inputs.is_floating_point() else inputs.numpy()
    try:
        found = np.asarray(inputs)
    except ValueError:
        raise UnsupportedImageError("the inputs are of several shapes: bring them to one first") from None
    if found.dtype.kind not in "uif" or found.ndim < 2:
        raise UnsupportedImageError(
            f"the inputs are {found.shape} {found.dtype}: give pictures or vectors, or coarse features of what they "
            "are (of texts, their embeddings)"
        )
    if not len(found):
        raise UnsupportedImageError("the batch holds no input: give one or more")
    return found


def channels_last(pictures: npt.NDArray[Any], channels: int | None) -> npt.NDArray[Any]:
    """Return pictures as (N, H, W, C); channels are those that were fitted, None where any will do.

    Raises
    ------
    UnsupportedImageError
        If they have other channels.
    """
    wanted = _CHANNELS if channels is None else (channels,)
    if pictures.ndim == 3 and 1 in wanted:
        return pictures[..., np.newaxis]
    if pictures.ndim == 4 and pictures.shape[3] in wanted:
        return pictures
    if pictures.ndim == 4 and pictures.shape[1] in wanted:
        return np.moveaxis(pictures, 1, 3)
    raise UnsupportedImageError(
        f"the inputs are {pictures.shape}, not pictures (N, H, W[, C]) or (N, C, H, W) of "
        f"{' or '.join(map(str, wanted))} channels: the mark takes what it was fitted on"
    )


@functools.lru_cache(maxsize=64)
def area_weights(size: int, cells: int, flips: bool = False) -> F32:
    """Return (cells, size) weights whose products with samples are cells' means, shared samples by their parts.

    Examples
    --------
    >>> area_weights(3, 2).astype(float).round(3).tolist()
    [[0.667, 0.333, 0.0], [0.0, 0.333, 0.667]]
    """
    edges = np.arange(cells + 1) * (size / cells)
    places = np.arange(size)
    upper = np.minimum(edges[1:, np.newaxis], places + 1)
    lower = np.maximum(edges[:-1, np.newaxis], places)
    weights = np.maximum(upper - lower, 0) * (cells / size)
    if flips:
        weights = (weights + weights[:, ::-1]) / 2
    return np.asarray(weights, np.float32)


def block_means(pictures: npt.NDArray[Any], grid: tuple[int, int], flips: bool) -> F32:
    """Return the means of a grid's cells, float32 (N, rows * columns * channels), of pictures (N, H, W, C)."""
    n, height, width, channels = pictures.shape
    if not height * width:
        raise UnsupportedImageError(f"the inputs are {pictures.shape}: pictures without samples")
    rows, columns = area_weights(height, grid[0]), area_weights(width, grid[1], flips)
    rows = rows / np.float32(np.iinfo(pictures.dtype).max if pictures.dtype.kind in "ui" else 1)
    step = max(1, _CHUNK // (height * width * channels))
    found = np.empty((n, grid[0] * grid[1] * channels), np.float32)
    for start in range(0, n, step):
        some = np.asarray(pictures[start : start + step], np.float32).reshape(-1, height, width * channels)
        means = columns @ (rows @ some).reshape(-1, grid[0], width, channels)
        found[start : start + step] = means.reshape(len(some), -1)
    return found


@functools.lru_cache(maxsize=32)
def whitening(coarse: Coarse) -> tuple[F64, F64]:
    """Return the mean (size,) and the axes (A, size) of coarse features."""
    try:
        middle, axes = (
            np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float64)
            for text in (coarse.mean, coarse.axes)
        )
        return middle, axes.reshape(-1, coarse.size)
    except ValueError as error:
        raise WatermarkError(f"the whitening cannot be read ({error}): fit it anew with SoftLabelMark.fit") from None


def _principal(numbers: F32) -> tuple[F64, F64]:
    """Return the mean, and the strongest principal axes over their standard deviations."""
    from scipy.linalg import eigh

    values = numbers.astype(np.float64)
    middle = values.mean(0)
    values -= middle
    size = values.shape[1]
    variance, axes = eigh(values.T @ values / len(values), subset_by_index=[max(0, size - _AXES), size - 1])
    kept = variance > max(_LEAST_VARIANCE * float(variance[-1]), 1e-24)
    if not kept.any():
        raise UnsupportedImageError("the inputs are all alike: fit the mark to inputs that differ")
    axes = axes[:, kept][:, ::-1].T
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, np.newaxis]
    return middle, axes / np.sqrt(variance[kept][::-1])[:, np.newaxis]


def _packed(values: F64) -> str:
    return base64.b64encode(np.asarray(values, "<f4").tobytes()).decode()


def _finite(numbers: F32) -> F32:
    if not np.isfinite(numbers).all():
        raise UnsupportedImageError("the inputs hold NaN or infinity: their coarse features are no numbers")
    return numbers
