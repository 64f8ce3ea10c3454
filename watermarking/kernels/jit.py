"""The one decorator of every kernel: compiled once a machine, releases the GIL, survives any cache folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["kernel", "on_first_compilation", "reduction"]


def kernel(function: F) -> F:
    """Compile a kernel with ``nogil`` and an on-disk cache; without the cache where none can be written."""
    compiled: F
    try:
        compiled = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        compiled = numba.njit(function, nogil=True)
    return compiled


def reduction(function: F) -> F:
    """Compile a kernel whose sums may be taken in any order, so that they vectorise.

    Only for figures that no reader has to reproduce, such as the energy of a change: embedder and extractor agree on
    everything else to the last bit.
    """
    compiled: F
    flags = {"reassoc", "nsz", "contract"}
    try:
        compiled = numba.njit(function, nogil=True, cache=True, fastmath=flags)
    except RuntimeError:
        compiled = numba.njit(function, nogil=True, fastmath=flags)
    return compiled


def on_first_compilation(announce: Callable[[], None]) -> None:
    """Call ``announce`` once, before this process compiles its first kernel; never if all come from the cache."""
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]  # numba is untyped
        def on_start(self, _event: object) -> None:
            event.unregister("numba:compile", self)
            announce()

        def on_end(self, _event: object) -> None:
            """Do nothing: after the first start this listener is no longer registered."""

    event.register("numba:compile", Listener())
