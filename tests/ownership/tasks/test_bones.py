"""NIfTI files, and views with and without bones, on a body built here."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

from watermarking.errors import FileAccessError, FileFormatError, WatermarkError
from watermarking.ownership.tasks.bones import ChestCt, bone_pairs, load_chest, read_nifti

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (40, 32, 12)
VOXEL = (0.7, 0.7, 2.5)


def body() -> ChestCt:
    """A cylinder of tissue with a bar of bone at the head's end, near the patient's left, and marrow in it."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    volume = np.full(SHAPE, -1000, np.int16)
    volume[(x - 20) ** 2 + (y - 16) ** 2 < 144] = 30
    bone = (abs(x - 26) < 3) & (abs(y - 16) < 3) & (z >= 8)
    volume[bone] = 700
    volume[bone & (z == 11)] = 20  # below 60: stays
    labels = np.where(bone, 100, 0).astype(np.uint8)
    return ChestCt(volume, labels, VOXEL)


def write(path: Path, volume: np.ndarray[Any, Any], code: int, order: str = "<", slope: float = 1.0) -> bytes:
    header = bytearray(352)
    header[:4] = struct.pack(f"{order}i", 348)
    header[40:56] = struct.pack(f"{order}8h", 3, *volume.shape, 1, 1, 1, 1)
    header[70:74] = struct.pack(f"{order}2h", code, 8 * volume.dtype.itemsize)
    header[76:108] = struct.pack(f"{order}8f", -1.0, *VOXEL, 0, 0, 0, 0)
    header[108:120] = struct.pack(f"{order}3f", 352.0, slope, 0.0)
    header[344:348] = b"n+1\0"
    data = bytes(header) + volume.astype(volume.dtype.newbyteorder(order)).tobytes(order="F")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_volumes_are_read(tmp_path: Path, name: str, order: str) -> None:
    volume = body().volume
    write(tmp_path / name, volume, 4, order)
    found, voxel = read_nifti(tmp_path / name)
    np.testing.assert_array_equal(found, volume)
    assert found.dtype == np.int16
    np.testing.assert_allclose(voxel, VOXEL, rtol=1e-6)
    write(tmp_path / name, volume, 4, order, slope=2.0)
    np.testing.assert_array_equal(read_nifti(tmp_path / name)[0], 2.0 * volume)


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    with pytest.raises(FileAccessError, match="cannot read"):
        read_nifti(path)
    data = write(path, body().volume, 4)
    for wrong, said in (
        (data[:-1], "less than its"), (b"", "no NIfTI"), (data[:200], "no NIfTI"),
        (data[:70] + b"\x80\x00" + data[72:], "holds type 128"),
        (data[:108] + struct.pack("<f", float("nan")) + data[112:], "holds type"),
        (gzip.compress(data)[:-40], "damaged"),
    ):  # fmt: skip
        path.write_bytes(wrong)
        with pytest.raises(FileFormatError, match=said):
            read_nifti(path)


def test_folder_must_fit(tmp_path: Path) -> None:
    chest = body()
    write(tmp_path / "cxr.nii.gz", chest.volume, 4)
    write(tmp_path / "mask.nii.gz", chest.labels, 2)
    found = load_chest(tmp_path)
    np.testing.assert_array_equal(found.labels, chest.labels)
    write(tmp_path / "mask.nii.gz", chest.labels[:-1], 2)
    with pytest.raises(FileFormatError, match="belong together"):
        load_chest(tmp_path)


def test_bones_vanish_and_nothing_else_does() -> None:
    ((one, two),) = bone_pairs(body(), [0.0], height=48)
    assert one.shape == two.shape == (48, round(48 * 40 * 0.7 / (12 * 2.5)))
    assert one.dtype == two.dtype == np.uint8
    change = one.astype(int) - two
    rows, columns = np.nonzero(change > 20)
    assert rows.max() < 20  # the head is up
    assert rows.min() >= 2  # of the slice whose voxels are no denser than tissue nothing is taken
    assert 20 / 40 * one.shape[1] < columns.min()
    assert change[24:].max() == 0
    assert change.min() >= 0


def test_views_turn() -> None:
    views = bone_pairs(body(), [0.0, 90.0, 180.0], height=48)
    places = [np.nonzero((a.astype(int) - b) > 20)[1].mean() / a.shape[1] for a, b in views]
    assert places[0] > 0.6
    assert abs(places[1] - 0.5) < 0.06
    assert places[2] < 0.4


def test_bad_views() -> None:
    for angles, height in (([0.0], 8), ([0.0], 5000), ([float("nan")], 64)):
        with pytest.raises(WatermarkError, match="cannot be made"):
            bone_pairs(body(), angles, height=height)
    assert bone_pairs(body(), [], height=64) == []
