"""What binds a report and what was published before it: hashes of what they say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.marks import mark_config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from watermarking.interface import Detection
    from watermarking.keys import Key
    from watermarking.ownership.marks import Configured

__all__ = ["CLOSE", "FORMAT", "Checked", "canonical", "check_new", "commitment", "is_sealed", "sealed"]

FORMAT: Final = 1
CLOSE: Final = 1e-6
"""Relative difference of two p-values that another machine's rounding explains."""


def canonical(said: Mapping[str, Any]) -> bytes:
    """Return JSON of one form, to be hashed."""
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def sealed(found: Mapping[str, Any]) -> bytes:
    """Return a report as JSON, with its hash."""
    return json.dumps({**found, "sha256": hashlib.sha256(canonical(found)).hexdigest()}, indent=1).encode()


def is_sealed(report: Mapping[str, Any]) -> bool:
    """Say whether a report still has the hash that it was written with."""
    said = {name: value for name, value in report.items() if name != "sha256"}
    return hashlib.sha256(canonical(said)).hexdigest() == report.get("sha256")


def commitment(name: str, mark: Configured, key: Key, *, answers: str | None = None) -> dict[str, Any]:
    """Return what is published before a model is: it binds to key and mark, and tells nobody either key.

    Parameters
    ----------
    name : str
        Of the model or data set.
    key : Key
        Of the mark, see :func:`watermarking.ownership.proof.subkey`.
    answers : str, optional
        A hash of the owner's and the references' answers, which are then known to be fixed.
    """
    said = {"format": FORMAT, "name": name, "mark": mark_config(mark), "key_commitment": key.commitment}
    said |= {} if answers is None else {"answers": answers}
    return said | {"sha256": hashlib.sha256(canonical(said)).hexdigest()}


def check_new(
    folder: Path,
    name: str,
    mark: Configured,
    key: Key,
    published: Mapping[str, Any] | None,
    *,
    answers: str | None = None,
) -> None:
    """Refuse a report that could not be written, before anybody is asked anything.

    Raises
    ------
    FileFormatError
        If the folder holds something.
    WatermarkError
        If what was published is of another key, mark or name, or of other answers.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileFormatError(f"{folder} is there already: name a new folder for the report")
    if published is not None and published != commitment(
        name, mark, key, answers=answers if "answers" in published else None
    ):
        raise WatermarkError("what was published is of another key, mark or name, or of other answers")


@dataclass(frozen=True)
class Checked:
    """What came of checking a report.

    Attributes
    ----------
    report : dict, as it was read
    detection : Detection, worked out anew from its pictures and its key, without references; None if they are not what
        was written
    is_present : bool, whether the mark is there at the rate that whoever checks asks for, and nothing was changed
    problems : list of str, empty if all is as the report says
    """

    report: dict[str, Any]
    detection: Detection | None
    is_present: bool
    problems: list[str]
