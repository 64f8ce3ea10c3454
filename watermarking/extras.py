"""Packages of an extra, asked for by name when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from watermarking.errors import MissingExtraError

__all__ = ["needed"]


def needed(package: str, extra: str) -> Any:
    """Import a package that an extra brings.

    Raises
    ------
    MissingExtraError
        If it is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingExtraError(f"this needs {package}: use pip install 'watermarking[{extra}]'") from error
