"""Answers written to files, in the form in which others were given."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.datasets.writing import write_whole
from watermarking.errors import FileFormatError
from watermarking.ownership.classifiers.files.tables import SUFFIXES as TABLES
from watermarking.ownership.classifiers.files.tables import read_table

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["write_answers"]


def write_answers(text: str, values: npt.NDArray[Any], like: str | None = None) -> None:
    """Write answers (N, K), all or nothing: as .npy, or as a table with the header and the names of another one.

    Raises
    ------
    FileFormatError
        If the suffix is another one.
    """
    path = Path(text)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        stream = io.BytesIO()
        np.save(stream, values, allow_pickle=False)
        write_whole(path, lambda target: target.write(stream.getvalue()))
    elif suffix in TABLES:
        content = _as_table(values, path, like)
        write_whole(path, lambda target: target.write(content.encode()))
    else:
        raise FileFormatError(f"answers are written as .npy, .csv or .tsv, not as {text}: name such a file")


def _as_table(values: npt.NDArray[Any], path: Path, like: str | None) -> str:
    model = read_table(Path(like)) if like is not None and Path(like).suffix.lower() in TABLES else None
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", lineterminator="\n")
    names = model.names if model is not None else None
    if model is not None and model.header is not None:
        writer.writerow([*(["query"] if names is not None else []), *model.header])
    digits = 6 if values.dtype.itemsize == 2 else 9
    for number, row in enumerate(values):
        cells = [f"{one:.{digits}g}" for one in row.tolist()]
        writer.writerow([names[number], *cells] if names is not None else cells)
    return stream.getvalue()
