"""How far a message is from being lost: of the errors that its code corrects, the share that is still free.

What a picture goes through later (JPEG, a smaller size) adds errors to those that are there when it is written. Where
the code is nearly used up by then, a message that could be read back is lost at the first such step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.codes.framing import size_class
from watermarking.interface import RestoringScheme
from watermarking.messages.carrier import code_word

if TYPE_CHECKING:
    from watermarking.interface import Scheme
    from watermarking.keys import Key

__all__ = ["THIN", "correctable", "reserve_of"]

THIN: Final = 0.8
"""Below it a message is warned of: more are lost at JPEG 75 than are kept. Five shipped photographs of up to 480 pixels
(chelsea, citrus-fruits, coffee, camera, china), 16 to 64 bytes, at "discreet", 48 and 52 dB, PNG, then JPEG 75: of 22
with a greater reserve 1 was lost, of 9 between 0.5 and 0.8 5 were, of 15 below 0.5 14."""
_RATES: Final = (0.109, 0.137, 0.172, 0.203, 0.26, 0.381, 0.506)
_LIMITS: Final = (0.345, 0.311, 0.294, 0.273, 0.244, 0.19, 0.136)
"""Share of wrong bits at which half of the code words are read, by code rate: Gaussian noise, 12 or 24 words a point,
all size classes; between the points within 0.015."""


def correctable(rate: float) -> float:
    """Return the share of wrong bits that a code of this rate corrects half of the time.

    Examples
    --------
    >>> correctable(0.2) > correctable(0.4)
    True
    """
    return float(np.interp(rate, _RATES, _LIMITS))


def reserve_of(
    scheme: Scheme, message: bytes, key: Key, shape: tuple[int, ...], bit_error_rate: float | None
) -> float | None:
    """Return which share of the errors that could be corrected is free, 0 to 1.

    None where nothing was read back, or where any change destroys the mark anyway.
    """
    if bit_error_rate is None or isinstance(scheme, RestoringScheme):
        return None
    rate = size_class(len(message)).k / code_word(scheme, message, key, shape).size
    return max(0.0, 1.0 - bit_error_rate / correctable(rate))
