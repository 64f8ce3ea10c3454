"""A sample of a data set, a shard of them, and what becomes of a sample."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    Content: TypeAlias = "bytes | npt.NDArray[np.generic]"

__all__ = ["Placed", "Sample", "Shard", "sha256_of"]


@dataclass(frozen=True)
class Shard:
    """A part of a source that is read and written as one: a file of many samples, or some files of a folder.

    Attributes
    ----------
    name : str, path in the source, or a number
    first : int, place of its first sample in the whole source
    n_samples, n_bytes : int, how much it is
    digest : str, changes when the shard is another one: checked when a run goes on
    members : names of its samples, where the shard is no file
    """

    name: str
    first: int
    n_samples: int
    n_bytes: int
    digest: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A picture in its place, or what lies between the pictures.

    Attributes
    ----------
    name : str, unique in the source
    content : bytes or ndarray, a picture file's content or its samples
    fields : what the source says about it, for messages made from templates and columns
    is_picture : bool; False for captions, labels and whatever else goes along unchanged
    flaw : str, why it cannot be marked, where the store knows; None otherwise
    forbidden : bool, it is never written, whatever is to be done with other samples that cannot be marked
    place : what the store needs to write it
    """

    name: str
    content: Content
    fields: Mapping[str, object] = field(default_factory=dict)
    is_picture: bool = True
    flaw: str | None = None
    forbidden: bool = False
    place: Any = None


@dataclass(frozen=True)
class Placed:
    """A sample and what is written in its place: None where it is left out, or is there already."""

    sample: Sample
    content: Content | None


def sha256_of(content: Content) -> str:
    """Return 64 hex digits over a file's content, or over the type, shape and samples of an array.

    Examples
    --------
    >>> sha256_of(b"")[:8]
    'e3b0c442'
    """
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    import numpy as np

    array = np.ascontiguousarray(content)
    head = array.dtype.str.encode() + struct.pack(f"<{array.ndim}q", *array.shape)
    return hashlib.sha256(head + array.tobytes()).hexdigest()
