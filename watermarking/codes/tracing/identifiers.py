"""Keyed identifiers with error correction: one customer's copy, read back without a list of customers.

An identifier is 8 bytes that belong to key and name, framed with a keyed check and the polar code, in as many bits as
there is room for, from 168 on: of 304 one in twelve may be read wrongly. It withstands noise, not collusion: of two
copies that were merged neither may be left.
Against colluders there are Tardos codes (:mod:`watermarking.codes.tracing.code`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.codes.framing import CHECK_BITS, encode, search
from watermarking.interface import Detection
from watermarking.significance import probability, rademacher_p_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from watermarking.interface import Bits
    from watermarking.keys import Key

__all__ = ["N_BYTES", "identifier", "identify", "word_of"]

N_BYTES: Final = 8
"""Of an identifier: two of a million customers' are the same with a chance of 3e-8."""


def identifier(name: str | int, *, key: Key) -> bytes:
    """Return a customer's 8 bytes: nobody without the key can tell whose they are, or make another's.

    Examples
    --------
    >>> from watermarking import Key
    >>> identifier("ada", key=Key(bytes(16))).hex()[:8]
    '635379b8'
    """
    return key.derive("tracing").stream(f"tracing/identifier/{name}", N_BYTES)


def word_of(name: str | int, *, key: Key, length: int = 304) -> Bits:
    """Return a customer's code word, bool (length,), or one less where the length is that of another code.

    Raises
    ------
    CapacityError
        If fewer than 168 bits are given.
    """
    return encode(identifier(name, key=key), key=key, room=length)


def identify(llr: npt.ArrayLike, customers: Iterable[str | int], *, key: Key) -> tuple[str | None, Detection]:
    """Say whose copy it is.

    Parameters
    ----------
    llr : (length,) floating
        Soft values in any scale, positive for a one, 0 or NaN where nothing could be read.
    customers : iterable of str or int
        Who may have it.
    key : Key

    Returns
    -------
    name : str or None
        None where no identifier could be read, or it is nobody's of these.
    detection : Detection
        Where an identifier was read: the chance that any check passes, by how many were tried. Else that of the best
        customer's word fitting so well, all customers counted: it is bounded for keys that the copy has nothing to do
        with (:func:`watermarking.significance.rademacher_p_value`).

    Examples
    --------
    >>> from watermarking import Key
    >>> key = Key(bytes(16))
    >>> read = np.where(word_of("ada", key=key), 1.0, -1.0)
    >>> read[:24] *= -1
    >>> name, detection = identify(read, ["bob", "ada"], key=key)
    >>> name, detection.p_value < 1e-12
    ('ada', True)
    """
    soft = np.nan_to_num(np.asarray(llr, np.float32).ravel(), nan=0.0, posinf=1e6, neginf=-1e6)
    names = list(map(str, customers))
    found, n_checks = search(soft, key=key)
    if found is not None:
        who = next((name for name in names if identifier(name, key=key) == found.message), None)
        chance = probability(math.log(n_checks) - CHECK_BITS * math.log(2))
        return who, Detection(1 - found.bit_error_rate, chance, "check")
    return None, _best_fit(soft, names, key)


def _best_fit(soft: npt.NDArray[np.float32], names: list[str], key: Key) -> Detection:
    best, norm = 0.0, float(np.linalg.norm(soft.astype(np.float64)))
    for name in names:
        word = word_of(name, key=key, length=soft.size)
        if word.size == soft.size and norm > 0:
            best = max(best, float(soft @ np.where(word, 1.0, -1.0)) / norm)
    return Detection(best, min(1.0, rademacher_p_value(best) * max(len(names), 1)), "identifier")
