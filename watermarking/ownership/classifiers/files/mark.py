"""A mark in a file: JSON, which holds no secret, and is needed whenever answers are marked or suspects verified."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from watermarking.datasets.writing import write_whole
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.marks import mark_config

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MarkFile", "read_mark", "write_mark"]

_KIND: Final = "classifier mark"
_FORMAT: Final = 1


@dataclass(frozen=True)
class MarkFile:
    """What a mark file holds.

    Attributes
    ----------
    mark : SoftLabelMark
    classes : tuple of str or None
        Names of the classes in their order, if they have any.
    """

    mark: SoftLabelMark
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        names = self.classes
        if names is not None and (len(names) != self.mark.n_classes or len(set(names)) != len(names)):
            raise WatermarkError(
                f"{len(names)} names ({len(set(names))} different ones) are given to {self.mark.n_classes} classes: "
                "give each a name of its own"
            )


def write_mark(path: Path, found: MarkFile) -> None:
    """Write a mark, all or nothing.

    Raises
    ------
    FileAccessError
        If the system fails to write.
    """
    said: dict[str, Any] = {"kind": _KIND, "format": _FORMAT, "mark": mark_config(found.mark)}
    said["classes"] = None if found.classes is None else list(found.classes)
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, lambda stream: stream.write(text.encode()))


def read_mark(path: Path) -> MarkFile:
    """Read a mark.

    Raises
    ------
    FileFormatError
        If there is none, or it is damaged.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileFormatError(f"there is no mark {path}: 'ownership classifier embed' writes it") from None
    except (OSError, ValueError) as error:
        raise FileFormatError(f"the mark cannot be read from {path}: {error}") from error
    if not isinstance(said, dict) or said.get("kind") != _KIND or said.get("format") != _FORMAT:
        raise FileFormatError(f"{path} is no mark of a classifier: 'ownership classifier embed' writes one")
    try:
        names = said["classes"]
        if names is not None and not (isinstance(names, list) and all(isinstance(one, str) for one in names)):
            raise WatermarkError("its classes are no names")
        return MarkFile(SoftLabelMark.from_config(said["mark"]), None if names is None else tuple(names))
    except (KeyError, TypeError, ValueError, AttributeError, WatermarkError) as error:
        raise FileFormatError(f"{path} is a damaged mark: {error}") from error
