"""How often an address may ask: a bucket of so many tickets that fills up within a minute."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Rates"]

_MOST_ADDRESSES: Final = 4096


class Rates:
    """Tickets by address; of too many addresses, those that asked last are remembered.

    Parameters
    ----------
    per_minute : int
        Tickets at most, and how many a minute come back.
    clock : callable, seconds
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Return after how many seconds there is a ticket; 0 if there is one now."""
        left, _ = self._now(address)
        return 0 if left >= 1 else math.ceil((1 - left) * 60 / self._per_minute)

    def count(self, address: str) -> None:
        """Take a ticket."""
        left, now = self._now(address)
        self._left[address] = (max(0.0, left - 1), now)
        self._left.move_to_end(address)
        if len(self._left) > _MOST_ADDRESSES:
            self._left.popitem(last=False)

    def _now(self, address: str) -> tuple[float, float]:
        now = self._clock()
        left, then = self._left.get(address, (float(self._per_minute), now))
        return min(float(self._per_minute), left + (now - then) * self._per_minute / 60), now
