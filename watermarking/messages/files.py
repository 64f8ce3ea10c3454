"""Marking files: read, marked once, read back before they are written, with a receipt."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from watermarking.errors import RestorationError, VerificationError
from watermarking.interface import RestoringScheme
from watermarking.messages.carrier import seen_by
from watermarking.messages.marking import mark
from watermarking.messages.reader import read
from watermarking.messages.reading import Receipt
from watermarking.messages.reserve import reserve_of
from watermarking.messages.restoring import check_exact_target, restored_cover
from watermarking.messages.words import word_in
from watermarking.pictures.files import format_of, is_input, read_picture, write_file, write_picture
from watermarking.pictures.ranges import peak_in_use
from watermarking.pictures.targets import check_free
from watermarking.steps import Steps

if TYPE_CHECKING:
    from watermarking.interface import Image
    from watermarking.messages.cover import Request
    from watermarking.pictures.files import Picture

__all__ = ["mark_file", "read_back"]

_SSIM_ROWS: Final = 64
"""Rows whose windows a receipt's SSIM is taken from: within 0.0004 of all windows of photographs of 1 to 12 MP."""


def mark_file(
    request: Request,
    source: str | os.PathLike[str] | bytes,
    target: str | os.PathLike[str] | IO[bytes],
    *,
    verify: bool,
    in_place: bool,
    overwrite: bool = False,
    quality: int | None,
    subsampling: str | None,
) -> Receipt:
    """Do what :meth:`watermarking.Marker.embed_file` says."""
    check_free(source, target, overwrite=overwrite)
    steps = Steps()
    picture = read_picture(source)
    steps.done(f"decoded, {picture.format} of {picture.array.shape[1]}x{picture.array.shape[0]}")
    if request.restorable or isinstance(request.scheme, RestoringScheme):
        check_exact_target(target, picture, in_place)
    request = dataclasses.replace(request, peak=request.peak or picture.peak)
    marked = mark(request, picture.array)
    steps.done("marked in all" if marked.already is None else "carries the message already")
    receipt = Receipt(
        request.message, request.scheme.id, None, None, None,
        fidelity=marked.fidelity, already_marked=marked.already is not None,
    )  # fmt: skip
    if marked.already is not None:
        content = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else picture.source
        as_it_is = quality is None and subsampling is None
        if _stays(picture, target, in_place) or (as_it_is and _copied(picture, content, target)):
            return _with_errors(receipt, request, picture.array.shape, marked.already.bit_error_rate)

    def check(encoded: bytes) -> None:
        nonlocal receipt
        steps.done(f"coded, {len(encoded):,} bytes")
        receipt = _verified(receipt, request, picture.array, encoded)
        steps.done("read back and measured")

    write_picture(
        marked.array, target, like=picture, quality=quality, subsampling=subsampling, in_place=in_place,
        check=check if verify else None,
    )  # fmt: skip
    return receipt


def _with_errors(receipt: Receipt, request: Request, shape: tuple[int, ...], rate: float | None) -> Receipt:
    """Note how many bits were read wrongly, and how many more may be."""
    if request.word is not None:  # whose places are all that is asked for: nothing is corrected
        return dataclasses.replace(receipt, bit_error_rate=rate)
    reserve = reserve_of(request.scheme, request.message, request.key, shape, rate)
    return dataclasses.replace(receipt, bit_error_rate=rate, reserve=reserve)


def _comes_back(request: Request, written: Image, original: Image) -> bool:
    """Say whether a written picture gives the original bit for bit."""
    try:
        cover = restored_cover(request.scheme, written, (request.key,))
    except RestorationError:
        return False
    return cover.dtype == original.dtype and np.array_equal(cover, original)


def _stays(picture: Picture, target: str | os.PathLike[str] | IO[bytes], in_place: bool) -> bool:
    """Say whether the target is the input, which needs no writing if it is marked already."""
    return isinstance(target, (str, os.PathLike)) and is_input(Path(target), picture, in_place)


def _copied(picture: Picture, content: bytes | Path | None, target: str | os.PathLike[str] | IO[bytes]) -> bool:
    """Write the input as it is, to the last byte, if the target's name does not ask for another format."""
    if content is None or (isinstance(target, (str, os.PathLike)) and format_of(target) != picture.format):
        return False
    write_file(content, target)
    return True


def read_back(request: Request, seen: Image) -> tuple[bytes | None, float | None]:
    """Return what a marked picture says, the request's message if all is well, and the share of places read wrongly."""
    if request.word is not None:
        found, wrong = word_in(request.word, request.scheme, seen, request.key)
        return (request.message, wrong) if found else (None, None)
    reading = read((request.scheme,), seen, (request.key,), search=0)
    return reading.message, reading.bit_error_rate


def _verified(receipt: Receipt, request: Request, original: Image, encoded: bytes) -> Receipt:
    """Read an encoded file back and measure it."""
    from watermarking.metrics.psnr import psnr
    from watermarking.metrics.ssim import ssim

    found = read_picture(encoded)
    written = found.array
    seen = seen_by(request.scheme, written, request.peak or found.peak)
    message, rate = read_back(request, seen)
    exact = request.restorable or isinstance(request.scheme, RestoringScheme)
    if exact and (message != request.message or not _comes_back(request, written, original)):
        raise VerificationError(
            "the file that would be written does not hold the samples as they are, so that nothing could be restored: "
            "write a PNG, a TIFF or a lossless WebP"
        )
    if message != request.message:
        raise VerificationError(
            "the message cannot be read back from the file that would be written: choose a lower fidelity or PSNR, a "
            "higher quality, a shorter message or a larger image"
        )
    receipt = _with_errors(receipt, request, written.shape, rate)
    if written.shape != original.shape or written.dtype != original.dtype:
        return receipt
    top = peak_in_use(original, request.peak)
    similarity = ssim(original, written, peak=top, n_rows=_SSIM_ROWS)
    return dataclasses.replace(receipt, psnr=psnr(original, written, peak=top), ssim=similarity)
