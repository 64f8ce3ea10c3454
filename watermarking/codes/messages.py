"""What a person means by a message, and the bytes that carry it: text, bytes, a UUID, a small binary logo.

The bytes do not say which of these they are: whoever reads knows what to expect. Bytes that cannot be what is asked for
give None, never a damaged version of it.
"""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from watermarking.errors import CapacityError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MAX_LOGO_SIDE", "Message", "as_logo", "as_text", "as_uuid", "to_bytes"]

Message: TypeAlias = "str | bytes | uuid.UUID | npt.NDArray[np.bool_]"

MAX_LOGO_SIDE: Final = 255


def to_bytes(message: Message) -> bytes:
    """Return the bytes of a message.

    Parameters
    ----------
    message : str, bytes, UUID, or logo (H, W) bool with sides of 1 to 255
        Text is encoded as UTF-8, a UUID takes 16 bytes, a logo 2 bytes for its shape and 1 bit a module.

    Raises
    ------
    ValueError
        If a text has lone surrogates, or a logo is not two-dimensional and bool.
    CapacityError
        If a side of a logo is empty or too long.
    TypeError
        If the message is none of these.

    Examples
    --------
    >>> to_bytes("Ada")
    b'Ada'
    >>> to_bytes(np.eye(3, dtype=bool)).hex()
    '03038880'
    """
    if isinstance(message, str):
        try:
            return message.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"the text cannot be written as UTF-8: {error.reason} at {error.start}") from None
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    if isinstance(message, uuid.UUID):
        return message.bytes
    if isinstance(message, np.ndarray):
        return _logo_bytes(message)
    raise TypeError(f"a message is text, bytes, a UUID or a bool array, not {type(message).__name__}")


def as_text(data: bytes) -> str | None:
    """Return the text, or None if the bytes are not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def as_uuid(data: bytes) -> uuid.UUID | None:
    """Return the UUID, or None unless there are 16 bytes."""
    return uuid.UUID(bytes=data) if len(data) == 16 else None


def as_logo(data: bytes) -> npt.NDArray[np.bool_] | None:
    """Return the logo (H, W) bool, or None unless shape, number of bytes and padding fit together.

    Examples
    --------
    >>> as_logo(bytes.fromhex("03038880")).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    if len(data) < 3:
        return None
    shape = data[0], data[1]
    modules = np.unpackbits(np.frombuffer(data, np.uint8, offset=2)).astype(np.bool_)
    n = math.prod(shape)
    if n == 0 or modules.size != -(-n // 8) * 8 or modules[n:].any():
        return None
    return modules[:n].reshape(shape)


def _logo_bytes(logo: npt.NDArray[np.bool_]) -> bytes:
    if logo.dtype != np.bool_ or logo.ndim != 2:
        raise ValueError(f"a logo is a two-dimensional bool array, not {logo.dtype} of shape {logo.shape}")
    if not all(1 <= side <= MAX_LOGO_SIDE for side in logo.shape):
        raise CapacityError(f"a logo has sides of 1 to {MAX_LOGO_SIDE}, not {logo.shape[0]}x{logo.shape[1]}")
    return bytes(logo.shape) + np.packbits(logo).tobytes()
