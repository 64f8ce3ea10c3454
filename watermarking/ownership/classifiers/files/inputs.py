"""Inputs of a classifier from files: arrays, folders of pictures, tables of features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import FileFormatError, UnsupportedImageError, WatermarkError
from watermarking.ownership.answers import read_folder
from watermarking.ownership.classifiers.files.arrays import SUFFIXES as ARRAYS
from watermarking.ownership.classifiers.files.arrays import read_array, split_name
from watermarking.ownership.classifiers.files.tables import SUFFIXES as TABLES
from watermarking.ownership.classifiers.files.tables import cell_number, read_table
from watermarking.ownership.classifiers.tasks.labelled import read_idx

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Inputs", "read_inputs"]

_IDX: Final = "-ubyte"


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a classifier is asked.

    Attributes
    ----------
    values : (N, ...) array
    names : of each, None if they are numbered
    """

    values: npt.NDArray[Any]
    names: list[str] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def places(self) -> dict[str, int]:
        """Name -> place; of inputs without names their numbers, from 0."""
        return {name: place for place, name in enumerate(self.names or map(str, range(len(self))))}

    def first(self, n: int | None) -> Inputs:
        """Return the first n, or all.

        Raises
        ------
        WatermarkError
            If there are fewer.
        """
        if n is None:
            return self
        if n > len(self):
            raise WatermarkError(f"{n} inputs are asked for, there are {len(self)}: ask for fewer")
        return Inputs(self.values[:n], None if self.names is None else self.names[:n])


def read_inputs(text: str) -> Inputs:
    """Read inputs.

    Parameters
    ----------
    text : str
        A folder of pictures of one size; .npy or .npz, as ``FILE.npz:NAME`` of several arrays: pictures (N, H, W),
        (N, H, W, C) or (N, C, H, W), or vectors (N, D); a table of vectors, .csv or .tsv; or an idx file, as MNIST's.

    Raises
    ------
    FileFormatError
        If it is missing, damaged, or nothing of these.
    UnsupportedImageError
        If pictures have several sizes, or one cannot be read.
    """
    path, _ = split_name(text)
    if path.is_dir():
        return _of_folder(path)
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        found = Inputs(read_array(text))
    elif suffix in TABLES:
        found = _of_table(path)
    elif _IDX in path.name:
        found = Inputs(read_idx(path))
    elif not path.exists():
        raise FileFormatError(f"there is no {text}: name a folder of pictures, or a file of arrays")
    else:
        raise FileFormatError(f"{text} holds no inputs: give a folder of pictures, .npy, .npz, .csv or an idx file")
    if found.values.ndim < 2 or found.values.dtype.kind not in "uif" or not len(found):
        raise FileFormatError(
            f"{text} holds {found.values.shape} {found.values.dtype}: inputs are pictures (N, H, W[, C]) or vectors "
            "(N, D), of texts their embeddings"
        )
    return found


def _of_folder(path: Path) -> Inputs:
    pictures, failures = read_folder(path)
    if failures:
        name, reason = next(iter(failures.items()))
        raise UnsupportedImageError(
            f"{len(failures)} pictures of {path} cannot be read, {name} first ({reason}): leave them out"
        )
    planes = {name: one[..., :3] if one.ndim == 3 else one for name, one in pictures.items()}
    first, shape = next((name, one.shape) for name, one in planes.items())
    for name, one in planes.items():
        if one.shape != shape:
            raise UnsupportedImageError(
                f"{name} of {path} is {one.shape}, {first} {shape}: bring pictures to the size and colours that the "
                "model takes"
            )
    if len({one.dtype for one in planes.values()}) > 1:
        raise UnsupportedImageError(f"{path} holds pictures of 8 and of 16 bits: bring them to one")
    return Inputs(np.stack(list(planes.values())), list(planes))


def _of_table(path: Path) -> Inputs:
    table = read_table(path)
    if len({len(row) for row in table.rows}) > 1:
        raise FileFormatError(f"the rows of {path} are not of one length: each input has as many numbers")
    values = [[cell_number(table, place, cell) for cell in row] for place, row in enumerate(table.rows)]
    return Inputs(np.array(values, np.float32), table.names)
