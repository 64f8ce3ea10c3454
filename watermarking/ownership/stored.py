"""A report on disk: pictures with their hashes, and a JSON file that is believed to be anything until it is checked."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image as PilImage

from watermarking.errors import FileFormatError, WatermarkError
from watermarking.keys import Key
from watermarking.ownership.marks import get_mark
from watermarking.pictures.files import read_picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from watermarking.interface import Image

__all__ = ["FORMAT", "Loaded", "picture_name", "read_report", "store"]

FORMAT: Final = 2
"""Of reports on pictures. Commitments have one of their own: what was published stays good."""
_NUMBERS: Final = ("p_value", "p_value_alone", "score", "fpr")


def picture_name(file: str) -> str:
    """Return where a picture of a report lies in its folder, whatever its JSON says: it may come from anybody."""
    return f"pictures/{PurePosixPath(file).name}"


def store(folder: Path, name: str, picture: Image) -> dict[str, str]:
    """Write a picture as PNG below a report's folder; return what the report says of it."""
    stream = io.BytesIO()
    PilImage.fromarray(picture).save(stream, "PNG")
    (folder / "pictures" / f"{name}.png").write_bytes(stream.getvalue())
    return {"file": f"pictures/{name}.png", "sha256": hashlib.sha256(stream.getvalue()).hexdigest()}


def read_report(folder: Path) -> dict[str, Any]:
    """Read ``report.json``, which has the form of one; what it says may be anything.

    Raises
    ------
    FileFormatError
        If there is none, or it has another form.
    """
    path = folder / "report.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{folder} holds no report: {error}") from error
    if isinstance(found, dict) and found.get("kind") in ("classifier", "fingerprints"):
        return found  # of another form, which its own check looks at
    if not isinstance(found, dict) or not _has_form(found):
        raise FileFormatError(f"{path} is no report of format {FORMAT}")
    return found


def _has_form(found: dict[str, Any]) -> bool:
    try:
        Key(bytes.fromhex(found["key"]))
        get_mark(found["mark"])
        words = [entry[name] for entry in _entries(found) for name in ("file", "sha256")]
        words += [found[name] for name in ("name", "key_commitment", "page_sha256", "watermarking", "command")]
        counts = [found["n_compared"], found["n_queries"]]
        blind = {pair["own"] is None for pair in found["pictures"]}
        return (
            found["format"] == FORMAT and len(blind) == 1 and all(isinstance(word, str) for word in words)
            and bool(np.isfinite(list(_numbers(found))).all()) and all(isinstance(n, int) for n in counts)
            and isinstance(found["published"], (dict, type(None))) and isinstance(found["failures"], dict)
            and (found["control"] is None) == (not found["controls"]) and len(found["shown"]) <= len(found["pictures"])
        )  # fmt: skip
    except (LookupError, TypeError, ValueError, AttributeError, WatermarkError):
        return False


def _entries(found: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """Yield what is said of each picture."""
    for pair in found["pictures"]:
        yield pair["suspect"]
        if pair["own"] is not None:
            yield pair["own"]
    for answers in (*found["references"], *found["controls"]):
        yield from answers
    for one in found["shown"]:
        if one["difference"] is not None:
            yield one["difference"]


def _numbers(found: Mapping[str, Any]) -> Iterator[float]:
    """Yield what has to be a number."""
    said = [found["result"][name] for name in _NUMBERS]
    if found["control"] is not None:
        said += [found["control"]["p_value"], found["control"]["level"], *found["control"]["scores"]]
    if found["metering"] is not None:
        said += [found["metering"]["level"], found["metering"]["e_values"][-1], *found["metering"]["e_values"]]
    for one in said:
        if isinstance(one, bool) or not isinstance(one, (int, float)):
            raise TypeError(f"{one!r} is no number")
        yield float(one)


class Loaded:
    """The pictures of a report, as they are now.

    Attributes
    ----------
    suspect, own : lists of pictures; ``own`` is empty if the mark was read blind
    references, controls : lists of lists of pictures
    differences : list of pictures, None where none is shown
    problems : list of str, what is missing, no picture, or not what was written
    """

    def __init__(self, folder: Path, report: Mapping[str, Any]) -> None:
        self._folder = folder
        self.problems: list[str] = []
        self.suspect: list[Image] = []
        self.own: list[Image] = []
        for pair in report["pictures"]:
            self.suspect.append(self._picture(pair["suspect"]))
            if pair["own"] is not None:
                self.own.append(self._picture(pair["own"]))
        self.references, self.controls = (
            [[self._picture(entry) for entry in answers] for answers in report[what]]
            for what in ("references", "controls")
        )
        self.differences = [one["difference"] and self._picture(one["difference"]) for one in report["shown"]]

    def _picture(self, entry: Mapping[str, str]) -> Image:
        try:
            content = (self._folder / picture_name(entry["file"])).read_bytes()
            if hashlib.sha256(content).hexdigest() == entry["sha256"]:
                return read_picture(content).array
            self.problems.append(f"{entry['file']} is not what was written")
        except WatermarkError:
            self.problems.append(f"{entry['file']} is no picture")
        except OSError:
            self.problems.append(f"{entry['file']} is missing")
        return np.zeros((1, 1), np.uint8)
