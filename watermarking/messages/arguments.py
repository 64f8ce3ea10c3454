"""What a marker is told: scheme, keys and search, checked before anything is done with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final, cast

from watermarking.errors import KeyFileError, UnknownSchemeError, WatermarkError
from watermarking.interface import PlaneScheme, RestoringScheme, Scheme
from watermarking.keys import Key
from watermarking.messages.fidelity import NORMAL, fidelity_of
from watermarking.registry import get_scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.interface import PictureScheme

__all__ = ["CLASSICAL", "DEFAULT_SCHEME", "keys_of", "scheme_of", "search_of", "strength_of"]

DEFAULT_SCHEME: Final = "dwt"
"""The scheme that measures best: see benchmarks/results."""
CLASSICAL: Final = ("dwt", "dct", "additive", "additive_block", "bound")
_PSNR_RANGE: Final = (20.0, 70.0)


def keys_of(key: Key | Sequence[Key]) -> tuple[Key, ...]:
    """Return the keys that were given, at least one."""
    keys = (key,) if isinstance(key, Key) else tuple(key or ())
    if not keys or not all(isinstance(one, Key) for one in keys):
        raise KeyFileError("a marker needs a key: Key.generate(), Key.from_file(path) or Key.from_passphrase(...)")
    return keys


def search_of(search: int) -> int:
    """Return how many alignments are tried, a whole number."""
    if not isinstance(search, Integral) or search < 0:
        raise WatermarkError(f"{search!r} alignments cannot be tried: give a whole number, 0 or more, 3 is usual")
    return int(search)


def strength_of(
    scheme: str | Mapping[str, Any] | Scheme | None, psnr: float | None, fidelity: float | str | None
) -> tuple[Scheme, float | str | None]:
    """Build the scheme and say which fidelity is aimed at; None if its PSNR is the strength.

    Where neither is given, schemes on the working plane aim at the normal fidelity, unless a configuration or an object
    says a PSNR; all others have a PSNR of their own.
    """
    if psnr is not None and fidelity is not None:
        raise WatermarkError(f"psnr={psnr} and fidelity={fidelity!r} are two strengths: give one of them")
    found = scheme_of(scheme, psnr)
    if fidelity is not None and isinstance(found, RestoringScheme):
        raise WatermarkError(
            f"{found.id!r} aims at no fidelity, {fidelity!r} or another, it changes what the message takes: say with "
            "psnr= what it is not to fall below"
        )
    if fidelity is not None:
        return found, fidelity_of(fidelity)
    says_psnr = "psnr" in scheme if isinstance(scheme, Mapping) else isinstance(scheme, Scheme)
    return found, NORMAL if psnr is None and not says_psnr and isinstance(found, PlaneScheme) else None


def scheme_of(scheme: str | Mapping[str, Any] | Scheme | None, psnr: float | None = None) -> Scheme:
    """Build the scheme, of the strength given if one is; refuse what carries no bits or would make no mark."""
    wanted = DEFAULT_SCHEME if scheme is None else scheme
    found: Any = get_scheme(wanted) if isinstance(wanted, str | Mapping) else wanted
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
