"""Labelled inputs: pictures or features with a class each, from arrays or from idx files."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["FASHION_CLASSES", "Labelled", "fashion", "read_idx"]

FASHION_CLASSES: Final = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
_MAX_IDX_BYTES: Final = 1 << 31


@dataclass(frozen=True, eq=False)
class Labelled:
    """Inputs and their classes.

    Attributes
    ----------
    inputs : array (n, channels, H, W) uint8, or (n, features) float32
        Pictures, one or three channels; or features.
    labels : array (n,) int64
        From 0 to ``n_classes`` - 1.
    n_classes : int
    """

    inputs: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]
    n_classes: int

    @classmethod
    def of(cls, inputs: npt.ArrayLike, labels: npt.ArrayLike, *, n_classes: int | None = None) -> Labelled:
        """Check and arrange arrays.

        Parameters
        ----------
        inputs : array
            Pictures of uint8, (n, H, W) or (n, H, W, channels) as other libraries have them; or real features
            (n, features).
        labels : array (n,) of integers
        n_classes : int, optional
            Left out: one more than the highest label.

        Raises
        ------
        WatermarkError
            If they are no inputs, no classes, or not as many of both; it names the first that does not fit.

        Examples
        --------
        >>> Labelled.of(np.zeros((4, 28, 28), np.uint8), [0, 1, 2, 1]).inputs.shape
        (4, 1, 28, 28)
        """
        found, classes = np.asarray(inputs), np.asarray(labels)
        if classes.ndim != 1 or not np.issubdtype(classes.dtype, np.integer) or not classes.size:
            raise WatermarkError(
                f"labels of {classes.dtype} and shape {classes.shape} name no classes: give at least one integer each"
            )
        if found.shape[:1] != classes.shape:
            raise WatermarkError(f"{found.shape[:1]} inputs and {classes.shape} labels: give as many of both")
        n = int(classes.max()) + 1 if n_classes is None else n_classes
        if classes.min() < 0 or classes.max() >= n or n < 2:
            raise WatermarkError(
                f"labels go from {classes.min()} to {classes.max()}: of {n} classes they go from 0 to {n - 1}, and "
                "there must be two"
            )
        return cls(_arranged(found), classes.astype(np.int64), n)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return tuple(self.inputs.shape[1:])

    def take(self, places: npt.ArrayLike | slice) -> Labelled:
        """Return some of them."""
        chosen = places if isinstance(places, slice) else np.asarray(places)
        return Labelled(self.inputs[chosen], self.labels[chosen], self.n_classes)

    def split(self, sizes: Sequence[int], *, seed: int = 0) -> list[Labelled]:
        """Return disjoint parts of given sizes, drawn at random.

        Raises
        ------
        WatermarkError
            If there are fewer than asked for.
        """
        if sum(sizes) > len(self) or min(sizes, default=1) < 1:
            raise WatermarkError(f"{len(self)} inputs make no {list(sizes)}: ask for 1 or more, of fewer")
        order = np.random.default_rng(seed).permutation(len(self))
        ends = np.cumsum([0, *sizes])
        return [self.take(order[a:b]) for a, b in pairwise(ends)]


def _arranged(found: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pictures with channels first, or features as float32."""
    if found.dtype == np.uint8 and found.ndim in (3, 4):
        arranged = found[:, None] if found.ndim == 3 else found.transpose(0, 3, 1, 2)
        if arranged.shape[1] in (1, 3) and arranged.size:
            return np.ascontiguousarray(arranged)
    elif found.ndim == 2 and found.size and np.issubdtype(found.dtype, np.floating):
        if not np.isfinite(found).all():
            raise WatermarkError("the features hold NaN or infinity: leave such rows out")
        return np.ascontiguousarray(found, np.float32)
    raise WatermarkError(
        f"inputs of {found.dtype} and shape {found.shape} cannot be classified: give uint8 pictures (n, H, W) or "
        "(n, H, W, 1 or 3), or real features (n, features)"
    )


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read an idx file of bytes, gzipped or not, as MNIST and its successors come in.

    Raises
    ------
    WatermarkError
        If it is missing, or no such file, or not as long as it says.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise WatermarkError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise WatermarkError(f"{path} is no idx file of bytes: give one as MNIST's are")
    n = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(n)]
    expected = int(np.prod([1, *shape], dtype=object)) if len(data) >= 4 + 4 * n else -1
    if not n or not 0 <= expected <= _MAX_IDX_BYTES or len(data) - 4 - 4 * n != expected:
        raise WatermarkError(f"{path} says it holds {shape}, which {len(data)} bytes do not: it is damaged")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * n).reshape(shape)


def fashion(folder: Path, part: str = "train") -> Labelled:
    """Read Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017; MIT): 28x28 grey, 10 classes.

    Parameters
    ----------
    folder : path
        Holds ``train-images-idx3-ubyte.gz`` and its three sisters, packed or unpacked.
    part : {"train", "test"}
        60,000 or 10,000 pictures.

    Raises
    ------
    WatermarkError
        If a file is missing or damaged, or there is no such part.
    """
    stems = {"train": "train", "test": "t10k"}
    if part not in stems:
        raise WatermarkError(f"there is no part {part!r}: choose 'train' or 'test'")
    found = []
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        packed = folder / f"{stems[part]}-{kind}.gz"
        found.append(read_idx(packed if packed.exists() else packed.with_suffix("")))
    return Labelled.of(found[0], found[1], n_classes=len(FASHION_CLASSES))
