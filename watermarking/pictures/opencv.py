"""The one place that imports OpenCV where it may be missing a system library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watermarking.errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["cv2_module"]


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
