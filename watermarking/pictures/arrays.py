"""What a picture may be: the one place that knows dtype, range, alpha, grey and colour.

Arrays are RGB: (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or floating point in [0, 1]. PIL images become such arrays
by one rule for each mode, and the result goes back to the same kind of image:

=========================  ==============================  =====================================
PIL mode                   array                           what comes back
=========================  ==============================  =====================================
L, RGB, RGBA               the same                        the same mode
LA                         (H, W, 4), R = G = B            LA
I;16 and its byte orders   (H, W) uint16                   I;16
1                          (H, W)                          L, since a mark needs grey levels
P, PA                      (H, W, 3), or 4 with alpha      RGB or RGBA, since a mark needs colours
RGBX, YCbCr                (H, W, 3)                       RGB
a transparent colour       as if it were an alpha channel  LA or RGBA
CMYK, LAB, HSV, I, F, ...  refused                         the message names the way out
=========================  ==============================  =====================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from PIL import Image as PilImage

from watermarking.errors import UnsupportedImageError
from watermarking.pictures.ranges import checked_floats

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

__all__ = ["Pictorial", "Restore", "array_from_pil", "check_image", "pil_from_array", "to_array"]

Pictorial: TypeAlias = "npt.NDArray[Any] | PilImage.Image"
"""What people have pictures in; file names are none, and refused by type checkers too."""
Restore: TypeAlias = Callable[[np.ndarray[Any, Any]], Any]
"""Turns a result array back into the kind of picture that the input was."""

_DTYPES: Final = (np.uint8, np.uint16, np.float16, np.float32, np.float64)
_CHUNK: Final = 2**18
"""Samples that are copied together."""


def check_image(image: object) -> Image:
    """Return a picture as an array that every scheme accepts, or say what is wrong with it.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) array
        RGB, uint8, uint16 or floating point in [0, 1], native byte order. Read-only arrays and views of any strides
        are taken as they are, never copied.

    Returns
    -------
    ndarray
        The same samples; only floats that leave [0, 1] by no more than rounding noise come as a clipped copy.

    Raises
    ------
    UnsupportedImageError
        For any other type, shape or dtype, for empty pictures, and for floats that are not in [0, 1] or not finite.

    Examples
    --------
    >>> check_image(np.zeros((4, 6, 3), np.uint8)).shape
    (4, 6, 3)
    """
    if not isinstance(image, np.ndarray):
        raise UnsupportedImageError(
            f"a picture is a NumPy array or a PIL image, not {_type_name(image)}: {_way_from(image)}"
        )
    _check_shape(image.shape)
    _check_dtype(image.dtype)
    return checked_floats(image) if image.dtype.kind == "f" else np.asarray(image)


def to_array(image: object) -> tuple[Image, Restore]:
    """Return a picture as a checked array, and the way back to the kind of picture it was.

    Of an animated PIL image the current frame is taken. A PIL image that comes back carries ``info`` (EXIF, ICC
    profile, resolution, text) of the one that went in.

    Parameters
    ----------
    image : ndarray or PIL image

    Returns
    -------
    array : (H, W), (H, W, 3) or (H, W, 4) ndarray
    restore : callable
        Maps an array of the same shape and dtype to the input's kind; for arrays it returns its argument.

    Raises
    ------
    UnsupportedImageError
        As :func:`check_image`, and for PIL modes without a rule.
    """
    if not isinstance(image, PilImage.Image):
        return check_image(image), _unchanged
    array, mode = array_from_pil(image)
    info = _carried_info(image)

    def restore(result: Image) -> PilImage.Image:
        restored = pil_from_array(result, mode)
        restored.info = dict(info)
        return restored

    return array, restore


def array_from_pil(image: PilImage.Image) -> tuple[Image, str]:
    """Return the samples of a PIL image and the mode in which they go back, by the rule of this module's table."""
    mode = _mode_of_result(image)
    try:
        if mode == "I;16":
            return np.array(image, dtype=np.uint16), mode
        carrier = "RGBA" if mode == "LA" else mode
        return _samples(image if image.mode == carrier else image.convert(carrier)), mode
    except (OSError, SyntaxError, ValueError) as error:  # files are decoded at the first use of their samples
        raise UnsupportedImageError(f"the PIL image cannot be decoded: {error}") from error


def pil_from_array(array: Image, mode: str) -> PilImage.Image:
    """Turn uint8 or grey uint16 samples into a PIL image; ``LA`` takes (H, W, 4) with R = G = B."""
    array = np.ascontiguousarray(array)
    if mode == "I;16":
        height, width = array.shape
        return PilImage.frombytes("I;16", (width, height), array.astype("<u2", copy=False).tobytes(), "raw", "I;16")
    image = PilImage.fromarray(array)
    return image if image.mode == mode else image.convert(mode)


def _unchanged(result: Image) -> Image:
    return result


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (3, 4)):
        raise UnsupportedImageError(
            f"an array of shape {shape} is no picture, (H, W), (H, W, 3) or (H, W, 4) is needed: {_way_to_shape(shape)}"
        )
    if 0 in shape:
        raise UnsupportedImageError(f"the picture of shape {shape} is empty, at least 1x1 pixels are needed: check it")


def _way_to_shape(shape: tuple[int, ...]) -> str:
    if len(shape) == 4:
        return "pass one picture of the batch at a time"
    if len(shape) == 3 and shape[2] == 1:
        return "use image[..., 0]"
    if len(shape) == 3 and shape[2] == 2:
        return "repeat the grey channel, np.dstack([grey, grey, grey, alpha])"
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return "channels come last, use np.moveaxis(image, 0, -1)"
    return "reshape it"


def _check_dtype(dtype: np.dtype[Any]) -> None:
    if dtype.type not in _DTYPES:
        way = "use image.astype(np.uint8) * 255" if dtype.kind == "b" else "scale it to one of these"
        raise UnsupportedImageError(f"{dtype} samples are not supported, uint8, uint16 or floats in [0, 1] are: {way}")
    if not dtype.isnative:
        raise UnsupportedImageError(
            f"{dtype.str} samples have a foreign byte order: use image.astype(image.dtype.newbyteorder('='))"
        )


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}.{kind.__name__}"


def _way_from(value: object) -> str:
    if isinstance(value, (str, bytes)) or hasattr(value, "__fspath__"):
        return "use the functions for files (embed_file, extract_file) or for bytes"
    if hasattr(value, "detach"):
        return "use tensor.permute(1, 2, 0).numpy(force=True) for a (3, H, W) tensor"
    return "use numpy.asarray(image)"


def _mode_of_result(image: PilImage.Image) -> str:
    mode, alpha = image.mode, image.has_transparency_data
    if mode in ("I;16", "I;16L", "I;16B", "I;16N") and not alpha:
        return "I;16"
    if mode in ("1", "L", "LA"):
        return "LA" if alpha else "L"
    if mode in ("RGB", "RGBA", "P", "PA", "RGBX", "YCbCr"):
        return "RGBA" if alpha else "RGB"
    raise UnsupportedImageError(f"PIL mode {mode} {_WAYS_FROM_MODE.get(mode, _OTHER_MODE)}")


_OTHER_MODE: Final = "is not supported, L, LA, RGB, RGBA, P, 1 and I;16 are: use image.convert('RGB')"
_FLOAT_MODE: Final = "has no fixed range of values: pass a NumPy array, uint16 or floats in [0, 1]"
_WAYS_FROM_MODE: Final = {
    "CMYK": "cannot be marked without changing its inks: convert it to RGB first, with its ICC profile (PIL.ImageCms)",
    "I": _FLOAT_MODE,
    "F": _FLOAT_MODE,
    "I;16": "with a transparent colour is not supported: pass a (H, W, 4) uint16 array",
    "RGBa": "has premultiplied alpha: use image.convert('RGBA')",
    "La": "has premultiplied alpha: use image.convert('LA')",
}


def _samples(image: PilImage.Image) -> npt.NDArray[np.uint8]:
    """Copy 8-bit samples band by band: PIL's own way holds the packed picture twice, and hands it out read-only."""
    width, height = image.size
    n_channels = len(image.getbands())
    out = np.empty((height, width) if n_channels == 1 else (height, width, n_channels), np.uint8)
    rows = max(1, _CHUNK // max(1, width * n_channels))
    for top in range(0, height, rows):
        out[top : top + rows] = np.asarray(image.crop((0, top, width, min(height, top + rows))))
    return out


def _carried_info(image: PilImage.Image) -> dict[str | tuple[int, int], Any]:
    info = {name: value for name, value in image.info.items() if name != "transparency"}
    if "exif" not in info:  # TIFF files keep it elsewhere
        try:
            exif = image.getexif().tobytes() if len(image.getexif()) else b""
        except Exception:  # noqa: BLE001 - PIL fails in many ways on damaged EXIF, which is no reason to refuse a picture
            exif = b""
        if exif:
            info["exif"] = exif
    return info
