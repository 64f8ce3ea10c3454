"""The exceptions that this package raises on purpose."""

from __future__ import annotations

__all__ = [
    "AlreadyMarkedError",
    "CapacityError",
    "FidelityError",
    "FileAccessError",
    "FileFormatError",
    "KeyFileError",
    "MissingExtraError",
    "RestorationError",
    "UnknownAttackError",
    "UnknownSchemeError",
    "UnsupportedImageError",
    "VerificationError",
    "WatermarkError",
    "WeightsError",
]


class WatermarkError(Exception):
    """Something about the request cannot be done; the message says what, and the way out."""


class AlreadyMarkedError(WatermarkError):
    """The picture carries another message of the key, or a mark of it that cannot be read."""


class CapacityError(WatermarkError, ValueError):
    """The payload or the message does not fit in the picture."""


class FidelityError(WatermarkError, ValueError):
    """No strength leaves the picture the score aimed at, or the message cannot be read at that strength."""


class UnsupportedImageError(WatermarkError, ValueError):
    """The picture's shape, type or values are not ones that can be marked or read."""


class FileFormatError(WatermarkError, OSError):
    """A file is missing, not a picture, damaged, or in a form that is refused by a stated rule: bad input."""


class FileAccessError(WatermarkError, OSError):
    """The system fails to read or write a file that there is nothing wrong with: permissions, a full disk."""


class KeyFileError(WatermarkError, ValueError):
    """A key is missing, too short or cannot be parsed."""


class RestorationError(WatermarkError):
    """A cover cannot be had back bit for bit: the wrong key, no reversible mark, or a picture that was changed."""


class UnknownAttackError(WatermarkError, LookupError):
    """No attack has this id, or its parameters do not fit."""


class UnknownSchemeError(WatermarkError, LookupError):
    """No scheme has this id, or its configuration does not fit."""


class VerificationError(WatermarkError):
    """A message that was just embedded could not be read back."""


class WeightsError(WatermarkError, ValueError):
    """Network weights are missing, damaged, or do not fit the code."""


class MissingExtraError(WatermarkError, ImportError):
    """An optional dependency is not installed; the message names the extra."""
