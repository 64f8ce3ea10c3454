"""Drawn letters: a second task, 26 classes in colour, that needs no download.

Capital letters in any fonts, turned, sheared, scaled and moved, on a ground that runs from one colour to another, with
a stroke across half of them and noise on all. What is drawn follows from the seed and the fonts.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.tasks.labelled import Labelled
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["LETTERS", "draw_letters", "grey", "letter_shapes"]

LETTERS: Final = string.ascii_uppercase
_CELL: Final = 64
_HEIGHT: Final = 44  # of the font in its cell
_TURN, _SHEAR, _SCALE, _MOVE = 20.0, 0.2, (0.8, 1.2), 0.08
_CONTRAST: Final = 60  # least difference in grey levels between ink and ground
_NOISE: Final = (4.0, 20.0)
_STRUCK: Final = 0.5


def letter_shapes(fonts: Sequence[Path] | None = None) -> npt.NDArray[np.uint8]:
    """Draw every capital letter in every font, white on black.

    Parameters
    ----------
    fonts : sequence of path, optional
        TrueType files; left out, the one font that Pillow brings. Measurements use the fourteen of DejaVu that
        matplotlib brings (Bitstream Vera's licence, which lets anyone use and pass them on).

    Returns
    -------
    array (26, fonts, 64, 64) uint8

    Raises
    ------
    WatermarkError
        If there is no font, or one cannot be read.
    """
    if fonts is not None and not fonts:
        raise WatermarkError("letters need a font: give one TrueType file or more, or None for Pillow's")
    paths: Sequence[Path | None] = [None] if fonts is None else fonts
    found = np.zeros((len(LETTERS), len(paths), _CELL, _CELL), np.uint8)
    for j, path in enumerate(paths):
        try:
            font = ImageFont.load_default(_HEIGHT) if path is None else ImageFont.truetype(str(path), _HEIGHT)
        except OSError as error:
            raise WatermarkError(f"cannot read the font {path or 'of Pillow'}: {error}") from error
        for i, letter in enumerate(LETTERS):
            cell = Image.new("L", (_CELL, _CELL))
            ImageDraw.Draw(cell).text((_CELL / 2, _CELL / 2), letter, fill=255, font=font, anchor="mm")
            found[i, j] = np.asarray(cell)
    return found


def draw_letters(shapes: npt.NDArray[np.uint8], n: int, *, side: int = 28, seed: int = 0) -> Labelled:
    """Draw labelled letters in colour.

    Parameters
    ----------
    shapes : array (letters, fonts, rows, columns) uint8
        From :func:`letter_shapes`; fewer letters make fewer classes.
    n, side : int
        Pictures, and their side in pixels.

    Returns
    -------
    Labelled
        ``inputs`` (n, 3, side, side), classes as evenly spread as n allows.

    Raises
    ------
    WatermarkError
        If there is nothing to draw, or the side is out of range.
    """
    if shapes.ndim != 4 or shapes.dtype != np.uint8 or len(shapes) < 2 or n < 2:
        raise WatermarkError(f"{n} letters of shapes {shapes.shape} cannot be drawn: give two of both or more")
    if not 8 <= side <= 256:
        raise WatermarkError(f"a side of {side} is out of range: give 8 to 256 pixels")
    rng = np.random.default_rng([seed, side])
    labels = rng.permutation(np.arange(n) % len(shapes))
    drawn = np.empty((n, side, side, 3), np.uint8)
    for i, label in enumerate(labels):
        drawn[i] = _letter(shapes[label, rng.integers(shapes.shape[1])], side, rng)
    return Labelled.of(drawn, labels, n_classes=len(shapes))


def grey(letters: Labelled, *, n_classes: int | None = None) -> Labelled:
    """Return letters in one channel, the mean of three; of the first classes alone if so asked."""
    kept = letters if n_classes is None else letters.take(np.flatnonzero(letters.labels < n_classes))
    flat = np.rint(kept.inputs.mean(1, keepdims=True)).astype(np.uint8)
    return Labelled(flat, kept.labels, n_classes or letters.n_classes)


def _letter(shape: npt.NDArray[np.uint8], side: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    cv2 = cv2_module()
    mask = cv2.warpAffine(shape, _movement(shape.shape[0], side, rng), (side, side), flags=cv2.INTER_AREA)
    if rng.random() < _STRUCK:
        ends = rng.integers(0, side, 4)
        cv2.line(mask, tuple(map(int, ends[:2])), tuple(map(int, ends[2:])), int(rng.integers(90, 256)), 1, cv2.LINE_AA)
    ink, one, two = _colours(rng)
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0:side, 0:side] / (side - 1) - 0.5
    along = np.clip(0.5 + rows * np.sin(angle) + columns * np.cos(angle), 0, 1)[..., None]
    ground = one + (two - one) * along
    share = mask[..., None] / 255.0
    noisy = ground + (ink - ground) * share + rng.normal(0, rng.uniform(*_NOISE), (side, side, 3))
    drawn: npt.NDArray[np.uint8] = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return drawn


def _movement(cell: int, side: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return the 2x3 matrix that takes a cell's letter into a picture."""
    angle = np.deg2rad(rng.uniform(-_TURN, _TURN))
    scale = side / cell * 1.25 * np.exp(rng.uniform(*np.log(_SCALE)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = scale * turn @ np.array([[1, rng.uniform(-_SHEAR, _SHEAR)], [0, 1]])
    centre = (side - 1) / 2 + rng.uniform(-_MOVE, _MOVE, 2) * side
    return np.column_stack([matrix, centre - matrix @ np.full(2, cell / 2)])


def _colours(rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], ...]:
    """Return an ink, and two colours that the ground runs between, both of which the ink stands out from."""
    luma = np.array([0.299, 0.587, 0.114])
    while True:
        ink, one, two = rng.uniform(0, 255, (3, 3))
        if min(abs((ink - one) @ luma), abs((ink - two) @ luma)) > _CONTRAST:
            return ink, one, two
