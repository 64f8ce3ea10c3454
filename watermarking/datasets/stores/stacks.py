"""Stacks of pictures of one size in NumPy files: (N, H, W) or (N, H, W, 3 or 4), of which one picture is in memory."""

from __future__ import annotations

import shutil
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from watermarking.datasets.sample import Sample
from watermarking.datasets.stores.files import ShardFiles, steady
from watermarking.datasets.writing import whole_file
from watermarking.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash
    from pathlib import Path

    from watermarking.datasets.sample import Placed, Shard

__all__ = ["Npy", "Npz", "check_stack", "count_stack", "stack_sample", "unstacked"]

_NAMES: Final = ("images", "image", "x", "x_train", "data", "arr_0")
_WORDS: Final = "a stack of pictures (N, H, W) or (N, H, W, 3 or 4)"


def check_stack(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse what is no stack of pictures.

    Raises
    ------
    FileFormatError
    """
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3, 4)):
        raise FileFormatError(f"{path} holds an array of shape {shape}, {_WORDS} is needed: name another with --column")
    if dtype.kind not in "uf":
        raise FileFormatError(f"{path} holds {dtype}, unsigned integers or floats are needed: convert them first")


def stack_sample(number: int, array: np.ndarray[Any, Any], fields: dict[str, object] | None = None) -> Sample:
    """Return a picture of a stack as a sample; a last axis of 1 is grey."""
    return Sample(f"{number:09d}", array[..., 0] if array.shape[2:] == (1,) else array, fields or {}, place=number)


def count_stack(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], state: Hash) -> int:
    """Return how many pictures a stack holds; refuse what is none."""
    check_stack(path, shape, dtype)
    state.update(f"{shape} {dtype.str} {path.stat().st_size}".encode())
    return shape[0]


def unstacked(placed: Placed, like: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Return what is written in a stack, with the shape of its pictures."""
    return np.asarray(placed.content).reshape(like)


@dataclass(frozen=True)
class Npy(ShardFiles):
    """A ``.npy`` file with a stack of pictures.

    Parameters
    ----------
    place : Path
    """

    kind: ClassVar[str] = "npy"
    suffixes: ClassVar[tuple[str, ...]] = (".npy",)
    leaves_out: ClassVar[bool] = False

    def count(self, path: Path, state: Hash) -> int:
        """Count the pictures of the stack."""
        array = self._open()
        return count_stack(path, array.shape, array.dtype, state)

    def read(self, _shard: Shard) -> Iterator[Sample]:
        """Yield the pictures of the stack."""
        with steady(self.place):
            array = self._open()
            for number in range(len(array)):
                yield stack_sample(number, np.array(array[number]))

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the file, whole."""
        array = self._open()
        with whole_file(target / shard.name) as temporary:
            header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
            with temporary.open("wb") as stream:
                np.lib.format.write_array_header_1_0(stream, header)
                for one in placed:
                    stream.write(np.ascontiguousarray(unstacked(one, array.shape[1:]), array.dtype).tobytes())
                    wrote()

    def _open(self) -> np.ndarray[Any, Any]:
        try:
            array: np.ndarray[Any, Any] = np.load(self.place, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise FileFormatError(f"{self.place} is no whole NumPy file: {error}") from error
        return array


@dataclass(frozen=True)
class Npz(ShardFiles):
    """A ``.npz`` archive, one array of which is a stack of pictures; the others go along as they are.

    Parameters
    ----------
    place : Path
    column : str, optional
        Name of that array.
    """

    kind: ClassVar[str] = "npz"
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
    leaves_out: ClassVar[bool] = False
    column: str | None = None

    def count(self, path: Path, state: Hash) -> int:
        """Count the pictures of the stack."""
        with self._stack() as (_, _name, shape, dtype):
            return count_stack(path, shape, dtype, state)

    def read(self, _shard: Shard) -> Iterator[Sample]:
        """Yield the pictures of the stack, read one after the other."""
        with steady(self.place), self._stack() as (stream, _name, shape, dtype):
            n_bytes = prod(shape[1:]) * dtype.itemsize
            for number in range(shape[0]):
                data = stream.read(n_bytes)
                if len(data) != n_bytes:
                    raise FileFormatError(f"{self.place} ends in picture {number} of {shape[0]}: it is cut short")
                yield stack_sample(number, np.frombuffer(bytearray(data), dtype).reshape(shape[1:]))

    def write(self, target: Path, shard: Shard, placed: Iterable[Placed], wrote: Callable[[], None]) -> None:
        """Write the archive, whole: the other arrays as they are, all as much compressed as they were."""
        with self._stack() as (_, stack, shape, dtype):
            pass
        with (
            whole_file(target / shard.name) as temporary,
            zipfile.ZipFile(self.place) as source,
            zipfile.ZipFile(temporary, "w") as archive,
        ):
            for info in source.infolist():
                header = zipfile.ZipInfo(info.filename, info.date_time)
                header.compress_type, header.external_attr = info.compress_type, info.external_attr
                with archive.open(header, "w", force_zip64=True) as stream:
                    if info.filename == stack:
                        said = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
                        np.lib.format.write_array_header_1_0(stream, said)
                        for one in placed:
                            stream.write(np.ascontiguousarray(unstacked(one, shape[1:]), dtype).tobytes())
                            wrote()
                    else:
                        with source.open(info) as other:
                            shutil.copyfileobj(other, stream)

    @contextmanager
    def _stack(self) -> Iterator[tuple[IO[bytes], str, tuple[int, ...], np.dtype[Any]]]:
        """Yield a stream at the first sample of the stack, the stack's name, shape and type."""
        try:
            with zipfile.ZipFile(self.place) as archive:
                name = self._member(archive.namelist())
                with archive.open(name) as stream:
                    shape, fortran, dtype = _header(stream)
                    check_stack(self.place, shape, dtype)
                    if fortran:
                        raise FileFormatError(
                            f"{self.place}: {name} has its axes in Fortran's order: save np.ascontiguousarray of it"
                        )
                    yield stream, name, shape, dtype
        except (zipfile.BadZipFile, ValueError, EOFError) as error:
            raise FileFormatError(f"{self.place} is no whole archive of NumPy arrays: {error}") from error

    def _member(self, names: list[str]) -> str:
        known = {name.removesuffix(".npy").lower(): name for name in names if name.endswith(".npy")}
        wanted = (self.column.lower(),) if self.column else _NAMES
        for one in wanted:
            if one in known:
                return known[one]
        if self.column is None and len(known) == 1:
            return next(iter(known.values()))
        arrays = ", ".join(name.removesuffix(".npy") for name in known.values()) or "none"
        raise FileFormatError(f"{self.place}: its arrays are {arrays}: name the one with the pictures with --column")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    return shape, fortran, dtype
