"""Messages into pictures and out of them: a scheme, a code, a key."""

from __future__ import annotations

import io
import warnings
from typing import IO, TYPE_CHECKING, Any, TypeVar, overload

from watermarking.codes.framing import size_class
from watermarking.codes.messages import Message, to_bytes
from watermarking.errors import KeyFileError
from watermarking.interface import RestoringScheme
from watermarking.messages.any_scheme import detect_any, extract_any
from watermarking.messages.arguments import CLASSICAL, DEFAULT_SCHEME, keys_of, search_of, strength_of
from watermarking.messages.carrier import longest_message, seen_by
from watermarking.messages.cover import Request
from watermarking.messages.files import mark_file
from watermarking.messages.marking import mark
from watermarking.messages.reader import detect, read, read_all
from watermarking.messages.reading import Reading, Receipt
from watermarking.messages.restoring import restore_file, restored_cover
from watermarking.pictures.arrays import to_array
from watermarking.pictures.files import read_picture
from watermarking.pictures.ranges import check_peak

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image as PilImage

    from watermarking.interface import Detection, Scheme
    from watermarking.keys import Key
    from watermarking.pictures.arrays import Pictorial
    from watermarking.pictures.files import Picture

    S = TypeVar("S", bound=np.generic)

__all__ = ["CLASSICAL", "DEFAULT_SCHEME", "Marker", "Reading", "Receipt", "detect_any", "extract_any"]


class Marker:
    """Embeds messages and reads them back.

    Parameters
    ----------
    scheme : str, mapping or Scheme, optional
        Id, configuration or object; by default the scheme that measures best.
    key : Key or sequence of Key
        A reader takes several and tries them in turn; only a single key can embed.
    fidelity : float or {"discreet", "normal", "strong"}, optional
        Strength by what the eye sees: the SSIMULACRA2 score that marking leaves, reached within 1.5 on photographs;
        above 1200 pixels it is estimated. 90 for "discreet", 80 for "strong"; "normal" is 88, or 86 for pages and
        drawings, and goes down to 84 between 2 and 4 MP. Schemes on the working plane aim at "normal" by themselves.
        The reader ignores it.
    psnr : float, optional
        Strength in dB over RGB instead, for those who compare: 20 to 70.
    insist : bool
        Where a picture cannot hold the message at the fidelity aimed at, go below it, to 70 at the least, instead of
        saying so.
    search : int
        How many alignments the reader tries where a picture cannot be read as it is: cropped, scaled, turned,
        mirrored. 0 reads pictures that were not moved, and refuses others at once.
    restorable : bool
        Write into marked pictures what takes the mark back, too: :meth:`restore` gives the cover of an untouched copy
        bit for bit, and from an attacked one the message is read as ever. 8-bit pictures, colour for the most part.
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
    >>> from watermarking import Key
    >>> picture = np.linspace(40, 215, 256 * 256 * 3).reshape(256, 256, 3).astype(np.uint8)
    >>> marker = Marker(key=Key.generate())
    >>> marker.extract(marker.embed(picture, "(c) Ada 2026")).text
    '(c) Ada 2026'
    """

    def __init__(
        self,
        scheme: str | Mapping[str, Any] | Scheme | None = None,
        *,
        key: Key | Sequence[Key],
        fidelity: float | str | None = None,
        psnr: float | None = None,
        insist: bool = False,
        restorable: bool = False,
        search: int = 3,
        peak: int | None = None,
    ) -> None:
        self.keys: tuple[Key, ...] = keys_of(key)
        self.search: int = search_of(search)
        self.scheme, self.fidelity = strength_of(scheme, psnr, fidelity)
        self.insist: bool = insist
        self.restorable: bool = restorable and not isinstance(self.scheme, RestoringScheme)
        self.peak: int | None = check_peak(peak)

    def __repr__(self) -> str:
        strength = "" if self.fidelity is None else f"fidelity={self.fidelity!r}, "
        return f"Marker({self.scheme!r}, {strength}key={', '.join(map(repr, self.keys))})"

    def capacity(self, shape: tuple[int, ...]) -> int:
        """Return how many bytes of message fit in a picture of this shape; 0 if none do."""
        return longest_message(self.scheme, shape)

    @overload
    def embed(self, image: npt.NDArray[S], message: Message, *, again: bool = False) -> npt.NDArray[S]: ...
    @overload
    def embed(self, image: PilImage, message: Message, *, again: bool = False) -> PilImage: ...
    def embed(self, image: Pictorial, message: Message, *, again: bool = False) -> Any:
        """Return a copy of the picture that carries the message.

        A picture that carries it already, of this key and scheme, comes back as it is, with a warning: marking twice is
        marking once. Only what :meth:`extract` reads from the picture as it lies is seen, not a mark in a picture that
        was moved since, nor one of another scheme.

        Where a fidelity is aimed at, the message is read back from the samples. Where a PSNR is, nothing is: if the
        picture is small or finely textured all over, :meth:`extract` of the result says whether the message is there.
        :meth:`embed_file` and :meth:`embed_bytes` read back what they would write in any case.

        Parameters
        ----------
        image : ndarray or PIL image
            See :mod:`watermarking.pictures.arrays`; the same kind comes back.
        message : str, bytes, uuid.UUID or 2-D bool array
            Not an empty one.
        again : bool
            Mark the picture whatever it carries, and do not look. A second mark costs as much quality as the first.

        Raises
        ------
        CapacityError
            If the message is too long for the picture.
        AlreadyMarkedError
            If the picture carries another message of this key and scheme, or one that is damaged, unless ``again``.
        FidelityError
            If no strength leads to the fidelity aimed at, or the message cannot be read at it; it says what can be had.
        UnsupportedImageError
            If the picture is none that can be marked, or has samples above the peak that is stated.

        Warns
        -----
        UserWarning
            If the picture carries the message already.
        """
        array, restore = to_array(image)
        marked = mark(self._request(message, again), array)
        if marked.already is None:
            return restore(marked.array)
        warnings.warn("the picture carries this message of this key already: it comes back as it is", stacklevel=2)
        return restore(marked.array.copy())

    def extract(self, image: Pictorial, *, presence: bool = False) -> Reading:
        """Read a picture, knowing nothing but the key.

        Parameters
        ----------
        image : ndarray or PIL image
        presence : bool
            Say where in the picture the message is, too: in ``presence`` of what comes back.

        Returns
        -------
        Reading
            Its message is None unless a keyed check of 48 bits passed.
        """
        array, _ = to_array(image)
        seen = seen_by(self.scheme, array, self.peak)
        return read((self.scheme,), seen, self.keys, self.search, presence=presence)

    def extract_all(self, image: Pictorial, *, most: int = 16) -> list[Reading]:
        """Read the marked pictures that a canvas shows, at most so many, the surest first; time grows with them.

        Each reading has its ``outline``; a picture that is marked as a whole has one, without it.
        """
        array, _ = to_array(image)
        found = read_all((self.scheme,), seen_by(self.scheme, array, self.peak), self.keys, self.search, most)
        return [one for one in found.readings if one.message is not None]

    def detect(self, image: Pictorial, message: Message) -> Detection:
        """Say whether a picture carries a message that is known already; works where damage forbids reading it."""
        array, _ = to_array(image)
        data = to_bytes(message)
        size_class(len(data))  # a message that no picture holds is the caller's mistake, a small picture is not
        return detect((self.scheme,), seen_by(self.scheme, array, self.peak), self.keys, data, self.search).detection

    def embed_file(
        self,
        source: str | os.PathLike[str] | bytes,
        target: str | os.PathLike[str] | IO[bytes],
        message: Message,
        *,
        verify: bool = True,
        in_place: bool = False,
        overwrite: bool = False,
        quality: int | None = None,
        subsampling: str | None = None,
        again: bool = False,
    ) -> Receipt:
        """Mark a picture file and write it in the format of the target's suffix.

        A file that exists is not replaced unless ``overwrite`` says so, or ``in_place`` and it is the source.
        Format, metadata, JPEG quality and chroma subsampling are the source's unless told otherwise. With ``verify``
        the encoded file is read back before it is written.

        A file that carries the message already, of this key and scheme, is not marked twice, and the receipt says so:
        in place it stays untouched, elsewhere it is copied to the last byte, or only coded anew where the target's
        suffix, ``quality`` or ``subsampling`` ask for that. So a run over many files that was cut short can be started
        again as it was. ``again`` marks whatever a file carries.

        Raises
        ------
        AlreadyMarkedError
            If the picture carries another message of this key and scheme, or one that is damaged, unless ``again``.
        VerificationError
            If the message cannot be read from what would be written; nothing is written then.
        FileFormatError, FileAccessError
            If a file cannot be read or written, or the target exists already.
        """
        return mark_file(
            self._request(message, again), source, target, verify=verify, in_place=in_place, overwrite=overwrite,
            quality=quality, subsampling=subsampling,
        )  # fmt: skip

    def extract_file(self, path: str | os.PathLike[str]) -> Reading:
        """Read a picture file."""
        return self._read(read_picture(path))

    def embed_bytes(self, data: bytes, message: Message, *, verify: bool = True, again: bool = False) -> bytes:
        """Mark a picture given as a file's content; return the content of a file of the same format.

        Reads it back and raises as :meth:`embed_file` does; what carries the message already comes back as it is.
        """
        target = io.BytesIO()
        self.embed_file(data, target, message, verify=verify, again=again)
        return target.getvalue()

    @overload
    def restore(self, image: npt.NDArray[S]) -> npt.NDArray[S]: ...
    @overload
    def restore(self, image: PilImage) -> PilImage: ...
    def restore(self, image: Pictorial) -> Any:
        """Return the cover of a picture marked with ``reversible``, or by a ``restorable`` marker, bit for bit.

        The same kind of picture comes back; its samples are the cover's, and a file's metadata is no part of them.

        Raises
        ------
        RestorationError
            If the picture carries no such mark of these keys, or was changed since.
        """
        array, back = to_array(image)
        return back(restored_cover(self.scheme, array, self.keys))

    def restore_file(
        self,
        source: str | os.PathLike[str] | bytes,
        target: str | os.PathLike[str] | IO[bytes],
        *,
        overwrite: bool = False,
    ) -> None:
        """Restore the cover of a marked file, and write it in a format that keeps samples as they are.

        Raises
        ------
        RestorationError
            As :meth:`restore`; nothing is written then.
        FileFormatError, FileAccessError
            If a file cannot be read or written, the target exists already and ``overwrite`` does not allow to replace
            it, or its format changes samples.
        """
        restore_file(self.scheme, source, target, self.keys, overwrite=overwrite)

    def extract_bytes(self, data: bytes) -> Reading:
        """Read a picture given as a file's content."""
        return self._read(read_picture(data))

    def _read(self, picture: Picture) -> Reading:
        seen = seen_by(self.scheme, picture.array, self.peak or picture.peak)
        return read((self.scheme,), seen, self.keys, self.search)

    def _request(self, message: Message, again: bool) -> Request:
        if len(self.keys) != 1:
            raise KeyFileError(f"{len(self.keys)} keys are given, a picture is marked with one")
        return Request(
            scheme=self.scheme, key=self.keys[0], message=to_bytes(message), fidelity=self.fidelity,
            insist=self.insist, peak=self.peak, again=again, restorable=self.restorable,
        )  # fmt: skip
