"""Every kind of picture in, the same kind out; everything else refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as PilImage

from watermarking.errors import UnsupportedImageError
from watermarking.pictures.arrays import array_from_pil, check_image, pil_from_array, to_array

SHAPES = [(5, 7), (5, 7, 3), (5, 7, 4), (1, 1), (1, 9, 3), (9, 1, 4), (2, 100_000)]
DTYPES = ["uint8", "uint16", "float16", "float32", "float64"]


def picture(shape: tuple[int, ...], dtype: str = "uint8") -> np.ndarray[Any, Any]:
    samples = np.random.default_rng(1).random(shape)
    return samples.astype(dtype) if dtype.startswith("float") else (samples * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_supported_arrays_are_not_copied(shape: tuple[int, ...], dtype: str) -> None:
    image = picture(shape, dtype)
    image.flags.writeable = False
    for view in (image, image[::-1], image[:, ::2]):
        checked = check_image(view)
        assert checked.shape == view.shape
        assert checked.dtype == dtype
        assert np.shares_memory(checked, image)
        array, restore = to_array(view)
        assert restore(array) is array


@pytest.mark.parametrize(
    "shape", [(), (7,), (0, 5), (5, 0, 3), (5, 7, 1), (5, 7, 2), (5, 7, 5), (3, 5, 7), (1, 5, 7, 3)]
)
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedImageError, match=r"(needed|empty).*: "):
        check_image(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "int64", "uint32", "complex64", "longdouble", "O", "S3", ">u2", ">f4"]
)
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(UnsupportedImageError, match=r"samples .*: "):
        check_image(np.zeros((5, 7), dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.01, 1.01, 255.0])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_outside_the_range_are_found_anywhere(dtype: str, value: float) -> None:
    for place in [(0, 0, 0), (699, 999, 2), (350, 500, 1)]:
        image = np.full((700, 1000, 3), 0.5, dtype)
        image[place] = value
        with pytest.raises(UnsupportedImageError, match=r"\[0, 1\] is needed: "):
            check_image(image)


def test_bytes_as_floats_name_the_way_out() -> None:
    with pytest.raises(UnsupportedImageError, match="divide by 255"):
        check_image(picture((5, 7, 3)).astype(np.float32))


class Tensor:
    def detach(self) -> Tensor:
        return self


@pytest.mark.parametrize(
    ("value", "way"),
    [
        ("photo.jpg", "files"),
        (Path("photo.jpg"), "files"),
        (b"\xff\xd8\xff", "bytes"),
        ([[1, 2], [3, 4]], "asarray"),
        (None, "asarray"),
        (Tensor(), "permute"),
    ],
)
def test_other_types_are_refused(value: object, way: str) -> None:
    with pytest.raises(UnsupportedImageError, match=way):
        to_array(value)


@given(
    hnp.arrays(
        st.one_of(hnp.scalar_dtypes(), st.sampled_from(DTYPES).map(np.dtype)),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5),
    )
)
def test_any_array_is_taken_or_refused(image: np.ndarray[Any, Any]) -> None:
    try:
        checked = check_image(image)
    except UnsupportedImageError:
        pass
    else:
        assert checked.size
        assert checked.dtype.kind == "u" or (checked.min() >= 0 and checked.max() <= 1)


@pytest.mark.parametrize(
    ("mode", "shape", "back"),
    [
        ("L", (5, 7), "L"),
        ("RGB", (5, 7, 3), "RGB"),
        ("RGBA", (5, 7, 4), "RGBA"),
        ("LA", (5, 7, 4), "LA"),
        ("I;16", (5, 7), "I;16"),
        ("I;16B", (5, 7), "I;16"),
        ("1", (5, 7), "L"),
        ("P", (5, 7, 3), "RGB"),
        ("PA", (5, 7, 4), "RGBA"),
        ("YCbCr", (5, 7, 3), "RGB"),
        ("RGBX", (5, 7, 3), "RGB"),
    ],
)
def test_each_pil_mode_follows_its_rule(mode: str, shape: tuple[int, ...], back: str) -> None:
    image = pil(mode)
    array, restore = to_array(image)
    assert array.shape == shape
    assert array.dtype == ("uint16" if mode.startswith("I") else "uint8")
    assert array.flags.writeable
    assert array.flags.c_contiguous
    result = restore(array)
    assert result.mode == back
    assert result.size == image.size
    if mode == "I;16B":  # Pillow's own conversion cuts it to 8 bits
        assert np.array_equal(array, picture((5, 7), "uint16"))
    else:
        assert np.array_equal(np.asarray(result), np.asarray(image.convert(back)))


def pil(mode: str) -> PilImage.Image:
    if mode.startswith("I;16"):
        samples = picture((5, 7), "uint16").astype(">u2" if mode.endswith("B") else "<u2")
        return PilImage.frombytes(mode, (7, 5), samples.tobytes())
    source = PilImage.fromarray(picture((5, 7, 4)))
    if mode == "PA":
        return source.convert("LA").convert("PA")
    return source.convert(mode) if mode in ("LA", "RGBA") else source.convert("RGB").convert(mode)


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "HSV", "I", "F", "RGBa", "La"])
def test_other_pil_modes_are_refused(mode: str) -> None:
    with pytest.raises(UnsupportedImageError, match=f"PIL mode {mode} .*: "):
        to_array(PilImage.new(mode, (7, 5)))


def test_a_transparent_colour_becomes_alpha() -> None:
    for mode, colour, back in [("L", 3, "LA"), ("RGB", (1, 2, 3), "RGBA"), ("P", 0, "RGBA")]:
        image = PilImage.new(mode, (7, 5), colour)
        image.putpixel((0, 0), 9 if mode != "RGB" else (9, 9, 9))
        image.info["transparency"] = colour
        array, restore = to_array(image)
        assert array.shape == (5, 7, 4)
        assert array[0, 0, 3] == 255
        assert array[1:, :, 3].max() == 0
        result = restore(array)
        assert result.mode == back
        assert "transparency" not in result.info


def test_information_is_carried_over() -> None:
    image = PilImage.fromarray(picture((5, 7, 3)))
    exif = PilImage.Exif()
    exif[0x010E], exif[0x0112] = "a title", 6
    image.info |= {"icc_profile": b"profile", "dpi": (300, 300), "exif": exif.tobytes()}
    array, restore = to_array(image)
    result = restore(array)
    assert result.info == image.info
    assert result.info is not image.info
    assert result.getexif()[0x0112] == 6
    assert result.getexif()[0x010E] == "a title"


def test_a_large_picture_is_copied_whole() -> None:
    samples = picture((700, 999, 3))
    array, mode = array_from_pil(PilImage.fromarray(samples))
    assert np.array_equal(array, samples)
    assert np.array_equal(np.asarray(pil_from_array(array[:, ::-1], mode)), samples[:, ::-1])


def test_an_undecodable_pil_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    PilImage.fromarray(picture((64, 64, 3))).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with PilImage.open(path) as image, pytest.raises(UnsupportedImageError, match="cannot be decoded"):
        to_array(image)
