"""HDF5 files with a stack of pictures: the file is copied, and that data set written anew in the copy."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from watermarking.datasets.extra import needed
from watermarking.datasets.sample import Sample, Shard
from watermarking.datasets.stores.files import steady
from watermarking.datasets.stores.stacks import check_stack, stack_sample, unstacked
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileFormatError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from watermarking.datasets.sample import Placed

__all__ = ["Hdf5"]


@dataclass(frozen=True)
class Hdf5:
    """An HDF5 file with a stack of pictures; labels, attributes, chunks and filters stay what they are.

    Parameters
    ----------
    place : Path
    column : str, optional
        Path of the data set in the file.
    """

    kind: ClassVar[str] = "hdf5"
    numbered: ClassVar[bool] = True
    leaves_out: ClassVar[bool] = False
    exact: ClassVar[bool] = True
    place: Path
    column: str | None = None

    def options(self) -> dict[str, Any]:
        """Return which data set holds the pictures."""
        return {} if self.column is None else {"column": self.column}

    def shards(self) -> list[Shard]:
        """Take the file as a shard.

        Raises
        ------
        FileFormatError
            If no data set is a stack of pictures, or the file is damaged.
        """
        with self._opened(self.place, "r") as stack:
            shape, dtype = stack.shape, stack.dtype
        size = self.place.stat().st_size
        digest = hashlib.sha256(f"{shape} {dtype.str} {size}".encode()).hexdigest()
        return [Shard(self.place.name, 0, shape[0], size, digest)]

    def passed_over(self) -> dict[str, int]:
        """Count nothing: all else in the file goes along."""
        return {}

    def read(self, _shard: Shard) -> Iterator[Sample]:
        """Yield the pictures of the stack."""
        with steady(self.place), self._opened(self.place, "r") as stack:
            for number in range(stack.shape[0]):
                yield stack_sample(number, np.asarray(stack[number]))

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the file, whole."""
        with whole_file(target / shard.name) as temporary:
            shutil.copyfile(self.place, temporary)
            with self._opened(temporary, "r+") as stack:
                for number, one in enumerate(placed):
                    stack[number] = unstacked(one, stack.shape[1:])
                    wrote()

    def written(self, _target: Path, _sample: Sample) -> None:
        """Return nothing: a file is written whole."""

    def finish(self, _target: Path, _tag: str) -> None:
        """Do nothing: the file is all there is."""

    @contextmanager
    def _opened(self, path: Path, mode: str) -> Iterator[Any]:
        h5py = needed("h5py", "datasets")
        try:
            file = h5py.File(path, mode)
        except OSError as error:
            raise FileFormatError(f"{self.place} is no whole HDF5 file: {error}") from error
        with file:
            stack = file[self._name(file, h5py)]
            check_stack(self.place, stack.shape, stack.dtype)
            yield stack

    def _name(self, file: Any, h5py: Any) -> str:
        found: list[str] = []

        def note(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and (name == self.column or self._fits(item)):
                found.append(name)

        file.visititems(note)
        if self.column is not None:
            if self.column.strip("/") not in found:
                may = ", ".join(found) or "none"
                raise FileFormatError(f"{self.place} has no data set {self.column!r}: stacks of pictures are {may}")
            return self.column.strip("/")
        if len(found) != 1:
            may = f"{', '.join(found)} could all" if found else "none of its data sets can"
            raise FileFormatError(f"{self.place}: {may} be the pictures: name the data set with --column")
        return found[0]

    def _fits(self, item: Any) -> bool:
        try:
            check_stack(self.place, item.shape, item.dtype)
        except WatermarkError:
            return False
        return bool(min(item.shape[1:3]) > 4)
