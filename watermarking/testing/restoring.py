"""What schemes that restore covers must do, and where they may differ from the others, whoever wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from watermarking.errors import RestorationError, UnsupportedImageError
from watermarking.interface import RestoringScheme
from watermarking.keys import Key
from watermarking.testing.covers import photograph, psnr
from watermarking.testing.payloads import payload
from watermarking.testing.reproduced import KEY, SHAPE

if TYPE_CHECKING:
    from watermarking.interface import Image, Scheme

OTHER: Final = Key(bytes(range(1, 17)))


def check_strength(scheme: Scheme, cover: Image, marked: Image, strength: float) -> None:
    """Compare the PSNR with the one asked for, which a scheme that restores covers only has to keep to."""
    assert psnr(cover, marked) - strength >= -0.05
    assert isinstance(scheme, RestoringScheme) or psnr(cover, marked) - strength <= 0.3


def refused(scheme: Scheme, cover: Image) -> bool:
    """Say whether a cover is none for a scheme because it could not come back; it must be refused then."""
    if not isinstance(scheme, RestoringScheme) or cover.dtype.kind != "f":
        return False
    with pytest.raises(UnsupportedImageError, match="last bit"):
        scheme.embed(cover, payload(scheme, 4), key=KEY)
    return True


class RestoringConformance:
    """The part of the suite that is about restoring; of other schemes there is nothing to show."""

    def test_restoring(self, scheme: Scheme) -> None:
        if not isinstance(scheme, RestoringScheme):
            return
        for dtype in ("uint8", "uint16"):
            cover = photograph(SHAPE, dtype)
            marked = scheme.embed(cover, payload(scheme, 16), key=KEY)
            restored = scheme.restore(marked, key=KEY)
            assert restored.dtype == cover.dtype
            assert np.array_equal(restored, cover)
            with pytest.raises(RestorationError):
                scheme.restore(marked, key=OTHER)
            marked[0, 0, 0] ^= 1
            with pytest.raises(RestorationError):
                scheme.restore(marked, key=KEY)
