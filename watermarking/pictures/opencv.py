"""The one place that imports OpenCV where it may be missing a system library."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from watermarking.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["cv2_module", "silenced"]


def cv2_module() -> ModuleType:
    """Import OpenCV; where it cannot be loaded, name the wheel that needs no display libraries.

    Raises
    ------
    MissingExtraError
        If OpenCV is not installed, or libGL or another library of the desktop is missing.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError(
            f"OpenCV cannot be loaded ({error}): "
            "use pip uninstall opencv-python, then pip install opencv-python-headless"
        ) from error
    return cv2


class Silence:
    """OpenCV's log of the process: off while somebody decodes a file, then as it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_users = 0
        self._level = 0

    @contextmanager
    def kept(self, cv2: ModuleType) -> Iterator[None]:
        """Keep OpenCV from printing to stderr, where a line on every TIFF tag that it does not know would come."""
        log = cv2.utils.logging
        with self._lock:
            if not self._n_users:
                self._level = log.setLogLevel(log.LOG_LEVEL_SILENT)
            self._n_users += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_users -= 1
                if not self._n_users:
                    log.setLogLevel(self._level)


silenced: Final = Silence().kept
"""Context in which OpenCV, given as an argument, prints nothing."""
