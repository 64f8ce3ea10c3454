"""Taking marks off: the cover of a picture, bit for bit, and nothing else."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import FileFormatError, RestorationError
from watermarking.interface import RestoringScheme
from watermarking.messages.recovery import recovered
from watermarking.pictures.files import format_of, read_picture, write_picture
from watermarking.pictures.targets import check_free

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import Image, Scheme
    from watermarking.keys import Key
    from watermarking.pictures.files import Picture

__all__ = ["check_exact_target", "restore_file", "restored_cover"]

_LOSSY: Final = ("JPEG", "HEIC")


def check_exact_target(target: str | os.PathLike[str] | IO[bytes], picture: Picture, in_place: bool) -> None:
    """Refuse a target whose format changes samples.

    Raises
    ------
    FileFormatError
        If it is a JPEG or HEIC; of the formats that may be lossless, reading back decides.
    """
    named = isinstance(target, (str, os.PathLike)) and not in_place
    wanted = format_of(target) if named else picture.format  # type: ignore[arg-type]  # named: it is a path
    if wanted in _LOSSY:
        raise FileFormatError(
            f"a {wanted} changes samples, so that nothing could be restored from it: write a PNG, a TIFF or a lossless "
            "WebP"
        )


def restored_cover(scheme: Scheme, image: Image, keys: Sequence[Key]) -> Image:
    """Return the cover of a marked picture, with the first of the keys that gives it.

    Raises
    ------
    RestorationError
        If none does.
    """
    failure: RestorationError | None = None
    for key in keys:
        try:
            return scheme.restore(image, key=key) if isinstance(scheme, RestoringScheme) else recovered(image, key)
        except RestorationError as error:
            failure = failure or error
    raise failure or RestorationError("no key is given: give the one that marked the picture")


def restore_file(
    scheme: Scheme,
    source: str | os.PathLike[str] | bytes,
    target: str | os.PathLike[str] | IO[bytes],
    keys: Sequence[Key],
    *,
    overwrite: bool,
) -> None:
    """Do what :meth:`watermarking.Marker.restore_file` says."""
    check_free(source, target, overwrite=overwrite)
    picture = read_picture(source)
    cover = restored_cover(scheme, picture.array, keys)
    check_exact_target(target, picture, in_place=False)

    def check(encoded: bytes) -> None:
        written = read_picture(encoded).array
        if written.dtype != cover.dtype or not np.array_equal(written, cover):
            raise RestorationError(
                "the file that would be written does not hold the cover as it is: write a PNG, a TIFF or a lossless "
                "WebP"
            )

    write_picture(cover, target, like=picture, check=check)
