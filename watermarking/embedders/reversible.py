"""``reversible``: bits that leave no trace once they are read; the cover comes back bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, final

import numpy as np

from watermarking.embedders.restorable.embedding import Embedding, refusal
from watermarking.embedders.restorable.reading import undone
from watermarking.embedders.restorable.sheet import LEAST_SIDE, MAC, SPACING, TAG, header_bits
from watermarking.errors import CapacityError, RestorationError, UnsupportedImageError
from watermarking.interface import Detection, Extraction
from watermarking.pictures.arrays import check_image

if TYPE_CHECKING:
    from watermarking.interface import Bits, Image
    from watermarking.keys import Key

__all__ = ["Reversible"]

_SURE: Final = 2.0**-63  # of a 64-bit check, doubled for rounding up


@final
@dataclass(frozen=True, kw_only=True)
class Reversible:
    """Writes bits that come off again: the cover is given back bit for bit, or not at all.

    Bits are written by prediction-error expansion, and :meth:`restore` takes them off. It survives nothing: one
    changed sample, and the picture is refused. A header in the lowest bits of samples that the key chooses says how
    the rest is undone; it, the payload and the cover are each covered by a keyed tag, of 64, 64 and 128 bits, so that
    a wrong key finds nothing and nothing is restored by halves. How the layers work is told in
    :mod:`watermarking.embedders.restorable.layers`.

    Whole numbers are marked, uint8 and uint16: floats cannot come back to the last bit.

    Parameters
    ----------
    psnr : float
        The strength that is not exceeded, in dB over RGB: a payload that needs more is refused. A short one leaves the
        picture far better than that.

    Examples
    --------
    >>> from watermarking import Key
    >>> picture = np.full((64, 96, 3), 128, np.uint8)
    >>> key, bits = Key(bytes(16)), np.array([1, 0, 0, 1, 1, 0], bool)
    >>> marked = Reversible().embed(picture, bits, key=key)
    >>> Reversible().extract(marked, key=key).payload.astype(int)
    array([1, 0, 0, 1, 1, 0])
    >>> np.array_equal(Reversible().restore(marked, key=key), picture), np.array_equal(marked, picture)
    (True, False)
    """

    psnr: float = 42.0

    id: ClassVar[str] = "reversible"
    payload_kind: ClassVar[Literal["bits"]] = "bits"
    keyed: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = True

    def capacity(self, shape: tuple[int, ...]) -> int:
        """Return how many bits no picture of this shape holds more than, colour or grey; :meth:`room` looks at it."""
        if min(shape[:2]) < LEAST_SIDE or shape[0] * shape[1] < SPACING * header_bits(1):
            return 0
        return max(0, 3 * shape[0] * shape[1] - 2 * header_bits(3) - 8 * (MAC + TAG))

    def embed(self, image: Image, payload: Bits, *, key: Key) -> Image:
        """Return a marked copy.

        Raises
        ------
        CapacityError
            If the payload is empty, or does not fit at this strength: it says how much does, and where it would.
        UnsupportedImageError
            If the samples are floats.
        """
        image, bits = check_image(image), np.asarray(payload, np.bool_).ravel()
        limit = self.capacity(image.shape)
        if not 0 < bits.size <= limit:
            raise CapacityError(refusal(limit, image, bits.size, "a payload of a bit or more, or a larger image"))
        return Embedding.of(_whole(image), bits, key).at(self.psnr)

    def room(self, image: Image, *, key: Key) -> int:
        """Return how many bits fit at this strength, by filling the picture; near to that a payload may be refused."""
        image = _whole(image)
        try:
            return Embedding.of(image, np.zeros(1, np.bool_), key).room(self.psnr)
        except CapacityError:
            return 0

    def extract(self, image: Image, *, key: Key) -> Extraction[Bits]:
        """Read the payload as it was given, its length too; nothing at all if the picture was changed."""
        found = undone(check_image(image), key)
        if found is None:
            return Extraction(np.zeros(0, np.bool_), np.zeros(0, np.float32), Detection(0.0, 1.0, "check"))
        llr = np.where(found.payload, np.float32(30), np.float32(-30))
        return Extraction(found.payload, llr, Detection(1.0, _SURE, "check"))

    def restore(self, image: Image, *, key: Key) -> Image:
        """Return the cover, bit for bit.

        Raises
        ------
        RestorationError
            If the picture does not carry this key's mark or was changed since.
        """
        found = undone(check_image(image), key)
        if found is None:
            raise RestorationError(
                "the picture carries no reversible mark of this key, or was changed since it was marked: it can be "
                "restored only from the samples that were written, with the key that marked it"
            )
        if not found.whole:
            raise RestorationError(
                "the picture was changed since it was marked, though not where its payload lies: it can be restored "
                "only from the samples that were written"
            )
        return found.cover


def _whole(image: object) -> Image:
    checked = check_image(image)
    if checked.dtype.kind == "f":
        raise UnsupportedImageError(
            f"{checked.dtype} samples cannot be restored to the last bit, uint8 and uint16 can: give whole numbers, "
            "np.rint(image * 255).astype(np.uint8)"
        )
    return checked
