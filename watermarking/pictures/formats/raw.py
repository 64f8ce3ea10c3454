"""Camera raw: what a sensor saw, in a file that looks like a TIFF whose first picture is a thumbnail.

Marking the thumbnail would be useless, and writing it in the raw file's place would destroy the photograph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watermarking.errors import FileFormatError
from watermarking.pictures.formats.containers.pages import pages

if TYPE_CHECKING:
    from watermarking.pictures.formats.containers.pages import Page

__all__ = ["WAY_OUT_OF_RAW", "refuse_camera_raw"]

WAY_OUT_OF_RAW: Final = "develop it to TIFF or JPEG first, and mark that"
_SUBFILE_TYPE, _WIDTH, _HEIGHT, _PHOTOMETRIC, _DNG_VERSION = 254, 256, 257, 262, 50706
_REDUCED: Final = 1
_SENSOR: Final = {32803: "the samples of a colour filter array", 34892: "linear samples of a sensor"}


def refuse_camera_raw(data: bytes) -> None:
    """Raise for a TIFF structure that is camera raw; an ordinary TIFF passes, with smaller copies of its picture too.

    Raises
    ------
    FileFormatError
        If it has a DNG version, samples as a sensor gives them, a first picture that is the reduced copy of another,
        or a picture below the first one (SubIFD) that is larger than it: DNG, NEF, ARW, PEF, SRW and the like.
    """
    chain = list(pages(data))
    if not chain:
        return
    first, below = chain[0], [child for page in chain for child in page.children()]
    if _DNG_VERSION in first.entries:
        raise FileFormatError(f"the file is camera raw (DNG): {WAY_OUT_OF_RAW}")
    for directory in (*chain, *below):
        if what := _SENSOR.get(directory.value(_PHOTOMETRIC, 0)):
            raise FileFormatError(f"the file is camera raw, it holds {what}: {WAY_OUT_OF_RAW}")
    if any(_n_pixels(child) > _n_pixels(first) for child in first.children()):
        raise FileFormatError(
            f"the file is camera raw or the like, the picture below its first one (SubIFD) is larger: {WAY_OUT_OF_RAW}"
        )
    if first.value(_SUBFILE_TYPE, 0) & _REDUCED:
        raise FileFormatError(
            "the file is camera raw or the like, its first picture is a reduced copy (NewSubfileType 1): "
            f"{WAY_OUT_OF_RAW}"
        )


def _n_pixels(directory: Page) -> int:
    return directory.value(_WIDTH, 0) * directory.value(_HEIGHT, 0)
