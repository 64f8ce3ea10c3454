"""HDF5 files with a stack of pictures: the file is copied, and that data set written anew in the copy."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from watermarking.datasets.stores.files import ShardFiles, steady
from watermarking.datasets.stores.stacks import check_stack, count_stack, stack_sample, unstacked
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.extras import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash
    from pathlib import Path

    from watermarking.datasets.sample import Placed, Sample, Shard

__all__ = ["Hdf5"]


@dataclass(frozen=True)
class Hdf5(ShardFiles):
    """An HDF5 file with a stack of pictures; labels, attributes, chunks and filters stay what they are.

    Parameters
    ----------
    place : Path
    column : str, optional
        Path of the data set in the file.
    """

    kind: ClassVar[str] = "hdf5"
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5")
    leaves_out: ClassVar[bool] = False
    column: str | None = None

    def count(self, path: Path, state: Hash) -> int:
        """Count the pictures of the stack."""
        with self._opened(path, "r") as stack:
            return count_stack(path, stack.shape, stack.dtype, state)

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
