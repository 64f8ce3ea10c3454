"""Operators that the tests of data sets let workers use: classes of a module, since other processes import them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class DiesAt:
    """Marks samples, but ends the process at some of them, as a decoder that crashes would."""

    operator: Any
    names: tuple[str, ...]

    def __call__(self, sample: Any, *, died: bool = False, **given: Any) -> Any:
        if sample.name in self.names and not died:
            os._exit(1)
        return self.operator(sample, died=died, **given)


@dataclass(frozen=True)
class TouchesSource:
    """Marks samples, and meanwhile writes to a file of the source."""

    operator: Any
    file: Path

    def __call__(self, sample: Any, **given: Any) -> Any:
        time.sleep(0.01)
        with self.file.open("ab") as stream:
            stream.write(b"more")
        return self.operator(sample, **given)
