"""Labelled data: arrays in any of the usual forms, idx files whole and damaged, letters that are drawn."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import ImageFont

from watermarking.errors import WatermarkError

pytest.importorskip("torch")

from watermarking.ownership.classifiers.tasks.labelled import Labelled, fashion, read_idx
from watermarking.ownership.classifiers.tasks.letters import (
    LETTERS,
    draw_letters,
    grey,
    letter_shapes,
)

if TYPE_CHECKING:
    from pathlib import Path


def idx(array: np.ndarray[Any, Any], *, packed: bool = True) -> bytes:
    data = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
    return gzip.compress(data) if packed else data


def write_fashion(folder: Path, *, packed: bool = True) -> np.ndarray[Any, Any]:
    pictures = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    labels = np.array([0, 9, 3, 3, 1, 2], np.uint8)
    end = ".gz" if packed else ""
    (folder / f"train-images-idx3-ubyte{end}").write_bytes(idx(pictures, packed=packed))
    (folder / f"train-labels-idx1-ubyte{end}").write_bytes(idx(labels, packed=packed))
    return pictures


@pytest.mark.parametrize("packed", [True, False])
def test_fashion_is_read(tmp_path: Path, packed: bool) -> None:
    pictures = write_fashion(tmp_path, packed=packed)
    found = fashion(tmp_path)
    assert found.inputs.shape == (6, 1, 28, 28)
    assert found.n_classes == 10
    np.testing.assert_array_equal(found.inputs[:, 0], pictures)
    assert found.labels.tolist() == [0, 9, 3, 3, 1, 2]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-1], "is damaged|cannot read"),
        (lambda data: gzip.compress(gzip.decompress(data)[:-1]), "is damaged"),
        (lambda data: gzip.compress(b"\0\0\x0d" + gzip.decompress(data)[3:]), "no idx file of bytes"),
        (lambda data: gzip.compress(b"\0\0\x08\x09\0\0"), "is damaged"),
        (lambda data: gzip.compress(b"\0\0\x08\x02" + 8 * b"\xff"), "is damaged"),
        (lambda data: b"", "no idx file"),
        (lambda data: b"\x1f\x8b" + bytes(20), "cannot read"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, damage: Any, said: str) -> None:
    write_fashion(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(WatermarkError, match=said):
        read_idx(path)


def test_missing_files_and_parts(tmp_path: Path) -> None:
    with pytest.raises(WatermarkError, match=r"cannot read .*t10k"):
        fashion(tmp_path, "test")
    with pytest.raises(WatermarkError, match="no part 'validation'"):
        fashion(tmp_path, "validation")


def test_arrays_are_arranged() -> None:
    colour = np.random.default_rng(1).integers(0, 256, (5, 9, 8, 3), dtype=np.uint8)
    found = Labelled.of(colour, [0, 1, 2, 1, 0])
    assert found.inputs.shape == (5, 3, 9, 8)
    np.testing.assert_array_equal(found.inputs[3, 1], colour[3, ..., 1])
    assert Labelled.of(np.zeros((2, 4)), np.array([0, 1]), n_classes=5).shape == (4,)
    assert found.take([4, 1]).labels.tolist() == [0, 1]


def test_parts_do_not_overlap() -> None:
    data = Labelled.of(np.arange(40.0).reshape(20, 2), np.arange(20) % 2)
    one, two = data.split([12, 8], seed=3)
    assert sorted([*one.inputs[:, 0], *two.inputs[:, 0]]) == list(np.arange(0, 40.0, 2))
    with pytest.raises(WatermarkError, match="20 inputs"):
        data.split([12, 9])


@pytest.mark.parametrize(
    ("inputs", "labels", "said"),
    [
        (np.zeros((3, 8, 8), np.uint8), [0, 1], "as many of both"),
        (np.zeros((2, 8, 8), np.uint8), [0.0, 1.0], "name no classes"),
        (np.zeros((0, 8, 8), np.uint8), np.zeros(0, int), "at least one integer"),
        (np.zeros((2, 8, 8), np.uint8), [0, -1], "from 0 to"),
        (np.zeros((2, 8, 8), np.uint8), [0, 0], "there must be two"),
        (np.zeros((2, 8, 8, 4), np.uint8), [0, 1], "cannot be classified"),
        (np.zeros((2, 8, 8), np.float32), [0, 1], "cannot be classified"),
        (np.array([[0.0, np.nan], [1, 2]]), [0, 1], "NaN"),
    ],
)
def test_what_is_not_labelled_is_refused(inputs: Any, labels: Any, said: str) -> None:
    with pytest.raises(WatermarkError, match=said):
        Labelled.of(inputs, labels)


@pytest.fixture
def shapes() -> np.ndarray[Any, Any]:
    """Letters of the font that Pillow brings itself."""
    from PIL import Image, ImageDraw

    font = ImageFont.load_default(44)
    found = np.zeros((4, 1, 64, 64), np.uint8)
    for i, letter in enumerate("AOXT"):
        cell = Image.new("L", (64, 64))
        ImageDraw.Draw(cell).text((32, 32), letter, fill=255, font=font, anchor="mm")
        found[i, 0] = np.asarray(cell)
    return found


def test_letters_are_drawn(shapes: np.ndarray[Any, Any]) -> None:
    found = draw_letters(shapes, 40, side=20, seed=1)
    assert found.inputs.shape == (40, 3, 20, 20)
    assert np.bincount(found.labels).tolist() == [10, 10, 10, 10]
    np.testing.assert_array_equal(draw_letters(shapes, 40, side=20, seed=1).inputs, found.inputs)
    assert (draw_letters(shapes, 40, side=20, seed=2).inputs != found.inputs).mean() > 0.5
    assert all(one.std() > 5 for one in found.inputs)
    flat = grey(found, n_classes=2)
    assert flat.inputs.shape == (20, 1, 20, 20)
    assert set(flat.labels.tolist()) == {0, 1}


def test_letters_need_fonts(tmp_path: Path, shapes: np.ndarray[Any, Any]) -> None:
    assert len(LETTERS) == 26
    with pytest.raises(WatermarkError, match="need a font"):
        letter_shapes([])
    (tmp_path / "no.ttf").write_bytes(b"none")
    with pytest.raises(WatermarkError, match="cannot read the font"):
        letter_shapes([tmp_path / "no.ttf"])
    with pytest.raises(WatermarkError, match="side of 4"):
        draw_letters(shapes, 4, side=4)
    with pytest.raises(WatermarkError, match="cannot be drawn"):
        draw_letters(shapes[:1], 4)
