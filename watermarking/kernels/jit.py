"""The one decorator of every kernel: compiled once a machine, releases the GIL, survives any cache folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["kernel"]


def kernel(function: F) -> F:
    """Compile a kernel with ``nogil`` and an on-disk cache; without the cache where none can be written."""
    compiled: F
    try:
        compiled = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        compiled = numba.njit(function, nogil=True)
    return compiled
