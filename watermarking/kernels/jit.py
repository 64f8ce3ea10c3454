"""The one decorator of every kernel: compiled once a machine, releases the GIL, survives any cache folder."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["ieee_kernel", "inlined", "kernel", "on_first_compilation", "reduction"]


def kernel(function: F) -> F:
    """Compile a kernel with ``nogil`` and an on-disk cache; without the cache where none can be written."""
    return _compile(function)


def ieee_kernel(function: F) -> F:
    """Compile a kernel whose divisions by zero give infinities and raise nothing, so that they vectorise."""
    return _compile(function, error_model="numpy")


def inlined(function: F) -> F:
    """Compile a part of kernels that is to become part of their innermost loops, however long it is."""
    return _compile(function, forceinline=True)


def reduction(function: F) -> F:
    """Compile a kernel whose sums may be taken in any order, so that they vectorise.

    Only for figures that no reader has to reproduce, such as the energy of a change: embedder and extractor agree on
    everything else to the last bit.
    """
    return _compile(function, fastmath={"reassoc", "nsz", "contract"})


def _compile(function: F, **options: Any) -> F:
    compiled: F
    try:
        compiled = numba.njit(function, nogil=True, cache=True, **options)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        compiled = numba.njit(function, nogil=True, **options)
    cache = getattr(compiled, "_cache", None)
    if cache is not None:
        cache.save_overload = _forgiving(cache.save_overload)
    return compiled


def _forgiving(save: Callable[..., None]) -> Callable[..., None]:
    """Let a kernel that is compiled and ready be used although a full disk has no room for its copy."""

    def save_if_possible(*arguments: Any) -> None:
        with contextlib.suppress(OSError):
            save(*arguments)

    return save_if_possible


def on_first_compilation(announce: Callable[[], None]) -> None:
    """Call ``announce`` once, before this process compiles its first kernel; never if all come from the cache."""
    from numba.core import event

    class Listener(event.Listener):
        def on_start(self, _event: object) -> None:
            event.unregister("numba:compile", self)  # type: ignore[no-untyped-call]
            announce()

        def on_end(self, _event: object) -> None:
            """Do nothing: after the first start this listener is no longer registered."""

    event.register("numba:compile", Listener())  # type: ignore[no-untyped-call]
