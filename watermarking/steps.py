"""What is done, step by step, for those who ask: on the logger ``watermarking``, with the seconds that each step took.

Nothing is said and no clock is read unless somebody listens: ``-v`` and ``-vv`` do, and in Python::

    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("watermarking").setLevel(logging.DEBUG)
"""

from __future__ import annotations

import logging
import time
from typing import Final

__all__ = ["LOG", "Steps"]

LOG: Final = logging.getLogger("watermarking")
"""At INFO what is done to all, at DEBUG the steps of each picture."""


class Steps:
    """The steps of one piece of work.

    Attributes
    ----------
    heard : bool
        Whether anybody listens: what takes time to word need not be worded otherwise.
    """

    def __init__(self) -> None:
        self.heard: bool = LOG.isEnabledFor(logging.DEBUG)
        self._last = time.perf_counter() if self.heard else 0.0

    def lap(self) -> float:
        """Return the seconds since the last step ended, and begin another; 0 where nobody listens."""
        if not self.heard:
            return 0.0
        last, self._last = self._last, time.perf_counter()
        return self._last - last

    def done(self, line: str) -> None:
        """Say which step ended now, and how long it took."""
        if self.heard:
            LOG.debug("%s: %.3f s", line, self.lap())
