"""Messages into pictures and out of them: a scheme, a code, a key."""

from __future__ import annotations

import dataclasses
import io
import warnings
from collections.abc import Mapping
from numbers import Integral, Real
from typing import IO, TYPE_CHECKING, Any, Final, cast

from watermarking.codes.framing import size_class
from watermarking.codes.messages import Message, to_bytes
from watermarking.errors import CapacityError, KeyFileError, UnknownSchemeError, VerificationError, WatermarkError
from watermarking.interface import Detection, PlaneScheme, Scheme
from watermarking.keys import Key
from watermarking.messages.carrier import Attempt, carried_payload, hides_pictures, longest_message
from watermarking.messages.reader import detect, read
from watermarking.messages.reading import Reading, Receipt
from watermarking.pictures.arrays import to_array
from watermarking.pictures.files import read_picture, write_picture
from watermarking.pictures.plane import apply_residual, luma_energy, luma_plane
from watermarking.pictures.ranges import check_peak, peak_in_use, rescaled, restored
from watermarking.registry import get_scheme
from watermarking.sync.template import SHARE, signal

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from watermarking.interface import Bits, Image, PictureScheme
    from watermarking.pictures.formats.picture import Picture

__all__ = ["DEFAULT_SCHEME", "Marker", "Reading", "Receipt", "detect_any", "extract_any"]

DEFAULT_SCHEME: Final = "dwt"
"""The scheme that measures best: see benchmarks/results."""
CLASSICAL: Final = ("dwt", "dct", "additive", "additive_block")
_PSNR_RANGE: Final = (20.0, 70.0)
_SSIM_ROWS: Final = 64
"""Rows whose windows a receipt's SSIM is taken from: within 0.0004 of all windows of photographs of 1 to 12 MP."""


class Marker:
    """Embeds messages and reads them back.

    Parameters
    ----------
    scheme : str, mapping or Scheme, optional
        Id, configuration or object; by default the scheme that measures best.
    key : Key or sequence of Key
        A reader takes several and tries them in turn; only a single key can embed.
    psnr : float, optional
        Strength in dB over RGB, 42 unless the scheme says otherwise; the reader ignores it.
    search : int
        How many alignments the reader tries where a picture cannot be read as it is: cropped, scaled, turned,
        mirrored. 0 reads pictures that were not moved, and refuses others at once.
    peak : int, optional
        The largest value that uint16 samples stand for, 4095 for 12 bits: the PSNR is over it, nothing exceeds it.
        By default what a file says, else what the samples use (:func:`~watermarking.pictures.ranges.sample_peak`).

    Raises
    ------
    UnknownSchemeError, KeyFileError, WatermarkError
        If there is no such scheme, no key, or a number that makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> picture = np.random.default_rng(0).integers(100, 156, (256, 256, 3), np.uint8)
    >>> marker = Marker(key=Key.generate())
    >>> marker.extract(marker.embed(picture, "(c) Ada 2026")).text
    '(c) Ada 2026'
    """

    def __init__(
        self,
        scheme: str | Mapping[str, Any] | Scheme | None = None,
        *,
        key: Key | Sequence[Key],
        psnr: float | None = None,
        search: int = 3,
        peak: int | None = None,
    ) -> None:
        self.keys: tuple[Key, ...] = (key,) if isinstance(key, Key) else tuple(key or ())
        if not self.keys or not all(isinstance(one, Key) for one in self.keys):
            raise KeyFileError("a marker needs a key: Key.generate(), Key.from_file(path) or Key.from_passphrase(...)")
        if not isinstance(search, Integral) or search < 0:
            raise WatermarkError(f"{search!r} alignments cannot be tried: give a whole number, 0 or more, 3 is usual")
        self.scheme: Scheme = _scheme_of(DEFAULT_SCHEME if scheme is None else scheme, psnr)
        self.search: int = int(search)
        self.peak: int | None = check_peak(peak)

    def __repr__(self) -> str:
        return f"Marker({self.scheme!r}, key={', '.join(map(repr, self.keys))})"

    def capacity(self, shape: tuple[int, ...]) -> int:
        """Return how many bytes of message fit in a picture of this shape; 0 if none do."""
        return longest_message(self.scheme, shape)

    def embed(self, image: Any, message: Message, *, peak: int | None = None) -> Any:
        """Return a copy of the picture that carries the message.

        Nothing is read back: where the picture is small or finely textured all over, :meth:`extract` of the result says
        whether the message is there. :meth:`embed_file` and :meth:`embed_bytes` do that by themselves.

        Parameters
        ----------
        image : ndarray or PIL image
            See :mod:`watermarking.pictures.arrays`; the same kind comes back.
        message : str, bytes, uuid.UUID or 2-D bool array
        peak : int, optional
            Of this picture's uint16 samples; by default the marker's.

        Raises
        ------
        CapacityError
            If the message is too long for the picture.
        UnsupportedImageError
            If the picture is none that can be marked, or has samples above the peak that is stated.

        Warns
        -----
        UserWarning
            If the picture carries a mark of this key and scheme already.
        """
        if len(self.keys) != 1:
            raise KeyFileError(f"{len(self.keys)} keys are given, a picture is marked with one")
        array, restore = to_array(image)
        data = to_bytes(message)
        self._check_room(data, array.shape)
        payload = carried_payload(self.scheme, data, self.keys[0], array.shape)
        marked, before = self._marked(array, payload, self.keys[0], peak_in_use(array, peak or self.peak))
        if before.is_present():
            warnings.warn("the picture carries a mark of this key already: it is marked twice now", stacklevel=2)
        return restore(marked)

    def extract(self, image: Any) -> Reading:
        """Read a picture, an ndarray or PIL image, knowing nothing but the key.

        Returns
        -------
        Reading
            Its message is None unless a keyed check of 48 bits passed.
        """
        array, _ = to_array(image)
        return read((self.scheme,), rescaled(array, self.peak), self.keys, self.search)

    def detect(self, image: Any, message: Message) -> Detection:
        """Say whether a picture carries a message that is known already; works where damage forbids reading it."""
        array, _ = to_array(image)
        data = to_bytes(message)
        size_class(len(data))  # a message that no picture holds is the caller's mistake, a small picture is not
        return detect((self.scheme,), rescaled(array, self.peak), self.keys, data, self.search)[1]

    def embed_file(
        self,
        source: str | os.PathLike[str] | bytes,
        target: str | os.PathLike[str] | IO[bytes],
        message: Message,
        *,
        verify: bool = True,
        in_place: bool = False,
        quality: int | None = None,
        subsampling: str | None = None,
    ) -> Receipt:
        """Mark a picture file and write it in the format of the target's suffix.

        Format, metadata, JPEG quality and chroma subsampling are the source's unless told otherwise. With ``verify``
        the encoded file is read back before it is written.

        Raises
        ------
        VerificationError
            If the message cannot be read from what would be written; nothing is written then.
        FileFormatError, FileAccessError
            If a file cannot be read or written.
        """
        picture = read_picture(source)
        data = to_bytes(message)
        marked = self.embed(picture.array, message, peak=self.peak or picture.peak)
        receipts = []

        def check(encoded: bytes) -> None:
            receipts.append(self._verify(picture, encoded, data))

        write_picture(
            marked, target, like=picture, quality=quality, subsampling=subsampling, in_place=in_place,
            check=check if verify else None,
        )  # fmt: skip
        return receipts[0] if receipts else Receipt(data, self.scheme.id, None, None, None)

    def extract_file(self, path: str | os.PathLike[str]) -> Reading:
        """Read a picture file."""
        return self._read(read_picture(path), self.search)

    def embed_bytes(self, data: bytes, message: Message, *, verify: bool = True) -> bytes:
        """Mark a picture given as a file's content; return the content of a file of the same format.

        Reads it back and raises as :meth:`embed_file` does.
        """
        target = io.BytesIO()
        self.embed_file(data, target, message, verify=verify)
        return target.getvalue()

    def extract_bytes(self, data: bytes) -> Reading:
        """Read a picture given as a file's content."""
        return self._read(read_picture(data), self.search)

    def _read(self, picture: Picture, search: int) -> Reading:
        return read((self.scheme,), rescaled(picture.array, self.peak or picture.peak), self.keys, search)

    def _marked(self, array: Image, payload: Bits | Image, key: Key, peak: float) -> tuple[Image, Detection]:
        """Embed a payload; return the marked picture, and whether it was marked before.

        Where the scheme shares its plane, the synchronisation signal takes a share of the energy.
        """
        if not isinstance(self.scheme, PlaneScheme):
            seen = rescaled(array, int(peak))
            marked = restored(self.scheme.embed(seen, payload, key=key), array, peak)
            return marked, self.scheme.extract(seen, key=key).detection
        plane, energy = luma_plane(array, peak=peak), luma_energy(array, self.scheme.psnr)
        before = Attempt.of(self.scheme.read(plane, key=key)).presence
        residual = self.scheme.residual(plane, payload, key=key, energy=energy * (1 - SHARE))
        whole = residual + signal(plane, key, energy * SHARE)
        return apply_residual(array, whole, self.scheme.psnr, peak=peak), before

    def _check_room(self, data: bytes, shape: tuple[int, ...]) -> None:
        capacity = self.capacity(shape)
        if not capacity or len(data) > capacity:  # an empty message needs the room of a short one
            size_class(len(data))  # too long for any picture: say that instead
            way_out = "a shorter message" if hides_pictures(self.scheme) else "a shorter message or a larger image"
            raise CapacityError(
                f"{capacity} bytes fit in {shape[1]}x{shape[0]} pixels with {self.scheme.id!r}, {len(data)} are "
                f"needed: use {way_out}"
                if capacity
                else f"no message fits in {shape[1]}x{shape[0]} pixels with {self.scheme.id!r}: use a larger image"
            )

    def _verify(self, picture: Picture, encoded: bytes, message: bytes) -> Receipt:
        """Read an encoded file back and measure it."""
        from watermarking.metrics.psnr import psnr
        from watermarking.metrics.ssim import ssim

        found = read_picture(encoded)
        reading, original, written = self._read(found, search=0), picture.array, found.array
        if reading.message != message:
            raise VerificationError(
                "the message cannot be read back from the file that would be written: choose a lower PSNR, a higher "
                "quality, a shorter message or a larger image"
            )
        same = written.shape == original.shape and written.dtype == original.dtype
        peak = peak_in_use(original, self.peak or picture.peak)
        similarity = ssim(original, written, peak=peak, n_rows=_SSIM_ROWS) if same else None
        noise = psnr(original, written, peak=peak) if same else None
        return Receipt(message, self.scheme.id, noise, similarity, reading.bit_error_rate)


def _scheme_of(scheme: str | Mapping[str, Any] | Scheme, psnr: float | None) -> Scheme:
    """Build the scheme, of the strength given if one is; refuse what carries no bits or would make no mark."""
    found: Any = get_scheme(scheme) if isinstance(scheme, str | Mapping) else scheme
    if isinstance(found, type) or not isinstance(found, Scheme):  # a class has all that its objects have
        raise UnknownSchemeError(f"a scheme is an id, a configuration or an object, not {found!r}: for example 'dct'")
    if found.payload_kind not in ("bits", "picture"):
        raise UnknownSchemeError(f"scheme {found.id!r} carries {found.payload_kind!r}, not bits or a picture")
    if found.payload_kind == "picture":
        _ = cast("PictureScheme", found).payload_shape  # loads the weights: what is wrong with them is said here
    strength = found.psnr if psnr is None else psnr
    if not isinstance(strength, Real) or not _PSNR_RANGE[0] <= strength <= _PSNR_RANGE[1]:
        raise WatermarkError(f"a PSNR of {strength} dB makes no mark: give 20 to 70, 42 is usual")
    return found if psnr is None else dataclasses.replace(cast("Any", found), psnr=float(psnr))


def extract_any(image: Any, *, keys: Sequence[Key], schemes: Sequence[str] = CLASSICAL, search: int = 3) -> Reading:
    """Read a picture with every scheme and key given; the first message found ends the search.

    The p-value counts all that was tried. See :class:`Marker` for the parameters.
    """
    array, _ = to_array(image)
    return read(_schemes_of(schemes, keys, search), array, keys, search)


def detect_any(
    image: Any, message: Message, *, keys: Sequence[Key], schemes: Sequence[str] = CLASSICAL, search: int = 3
) -> tuple[str, Detection]:
    """Look for a known message with every scheme and key given; return the best scheme's id and its verdict."""
    array, _ = to_array(image)
    data = to_bytes(message)
    size_class(len(data))
    return detect(_schemes_of(schemes, keys, search), array, keys, data, search)


def _schemes_of(schemes: Sequence[str], keys: Sequence[Key], search: int) -> list[Scheme]:
    """Build the schemes that a reader of several tries."""
    if isinstance(keys, Key) or isinstance(schemes, str):
        raise WatermarkError("several keys and schemes are tried: give lists, [key] and ['dct'] for one")
    if not schemes:
        raise UnknownSchemeError("no scheme is given: name one or more, or leave them out to try all classical ones")
    return [Marker(scheme, key=keys, search=search).scheme for scheme in schemes]
