"""A classifier's answers from a file: rows of probabilities or logits, a few labels, or one label each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.classifiers.files.arrays import SUFFIXES as ARRAYS
from watermarking.ownership.classifiers.files.arrays import read_array, read_arrays, split_name
from watermarking.ownership.classifiers.files.tables import SUFFIXES as TABLES
from watermarking.ownership.classifiers.files.tables import Table, cell_number, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from watermarking.ownership.classifiers.files.inputs import Inputs

__all__ = ["StoredAnswers", "dense", "in_order", "read_labels", "read_stored"]

_LINES: Final = ".jsonl"
_PAIR: Final = {"labels", "probabilities"}
_SHOWN: Final = 5


@dataclass(frozen=True, eq=False)
class StoredAnswers:
    """Answers as they were read.

    Attributes
    ----------
    path : str, where they lie, for messages
    answers : list
        Of rows (K,), of mappings label -> probability, of labels, None where there is none: what
        :func:`watermarking.ownership.classifiers.suspects.read_answers` reads.
    names : of the queries, None if they are in the inputs' order
    classes : names of the columns, None if the file has none
    """

    path: str
    answers: list[Any]
    names: list[str] | None = None
    classes: tuple[str, ...] | None = None


def read_stored(text: str, classes: Sequence[str] | None = None) -> StoredAnswers:
    """Read a file of answers.

    Parameters
    ----------
    text : str
        An .npy file of rows (N, K) or labels (N,); an .npz file of one such array, as ``FILE.npz:NAME`` of several, or
        of ``labels`` and ``probabilities`` (N, k); a table, .csv or .tsv, of rows, labels, or
        ``query,label,probability``; or .jsonl with a list, an object of labels, a label or null a line.
    classes : sequence of str, optional
        Names of the mark's classes in their order, by which the columns of a table are put in order.

    Raises
    ------
    FileFormatError
        If it is missing, damaged, or no such file.
    WatermarkError
        If its columns are other classes.
    """
    path, _ = split_name(text)
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        return StoredAnswers(text, _of_arrays(text))
    if suffix == _LINES:
        return StoredAnswers(text, _of_lines(path))
    if suffix in TABLES:
        return _of_table(read_table(path), classes)
    raise FileFormatError(f"{text} is no file of answers: give .npy, .npz, .csv, .tsv or .jsonl, or a model as .onnx")


def in_order(stored: StoredAnswers, inputs: Inputs) -> list[Any]:
    """Return the answers in the order of the inputs, None where one has none.

    Raises
    ------
    WatermarkError
        If there is another number of answers, or they name other queries.
    """
    if stored.names is None:
        if len(stored.answers) != len(inputs):
            raise WatermarkError(
                f"{stored.path} has {len(stored.answers)} answers to {len(inputs)} inputs: give one for each in their "
                "order, or name the queries in a first column 'query'"
            )
        return stored.answers
    places = inputs.places
    found: list[Any] = [None] * len(inputs)
    strangers = []
    for name, answer in zip(stored.names, stored.answers, strict=True):
        place = places.get(name, places.get(_plain(name)))
        if place is None:
            strangers.append(name)
        elif found[place] is not None:
            raise WatermarkError(f"{stored.path} answers {name!r} twice: leave one out")
        else:
            found[place] = answer
    if strangers:
        raise WatermarkError(
            f"{stored.path} names {len(strangers)} queries that are none of the inputs, {strangers[0]!r} first: inputs "
            f"have names such as {next(iter(places))!r}"
        )
    return found


def dense(answers: list[Any], path: str) -> npt.NDArray[Any]:
    """Return answers of the owner's side as one array (N, K).

    Raises
    ------
    WatermarkError
        If one is missing, or they are no rows of one length.
    """
    if missing := [number for number, row in enumerate(answers) if row is None]:
        raise WatermarkError(
            f"{path} has no answer to {len(missing)} inputs, number {missing[0]} first: your own side answers each"
        )
    if not all(isinstance(row, np.ndarray) and row.ndim == 1 for row in answers):
        raise WatermarkError(f"{path} holds labels: of your own side rows of all probabilities, or logits, are needed")
    if len(sizes := {len(row) for row in answers}) > 1:
        raise WatermarkError(
            f"the rows of {path} have {min(sizes)} to {max(sizes)} numbers: each answer has all classes"
        )
    return np.stack(answers)


def read_labels(text: str, n: int, n_classes: int, classes: Sequence[str] | None = None) -> npt.NDArray[np.int64]:
    """Read true labels (n,), from 0 on or by the classes' names.

    Raises
    ------
    FileFormatError, WatermarkError
        If they cannot be read, or do not fit.
    """
    answers = read_stored(text, classes).answers
    numbers = {name: number for number, name in enumerate(classes or ())}
    answers = [one.item() if isinstance(one, np.ndarray) and one.size == 1 else one for one in answers]
    found = [numbers.get(one, one) if isinstance(one, str) else one for one in answers]
    if len(found) != n:
        raise WatermarkError(f"{text} has {len(found)} labels of {n} inputs: give one each")
    for number, one in enumerate(found):
        if not isinstance(one, (int, float, np.integer)) or one != int(one) or not 0 <= one < n_classes:
            raise WatermarkError(f"label {number} of {text} is {one!r}: labels go from 0 to {n_classes - 1}")
    return np.array(found, np.int64)


def _plain(name: str) -> str:
    """Return a file's name without its suffix."""
    return PurePosixPath(name).with_suffix("").as_posix() if name else name


def _of_arrays(text: str) -> list[Any]:
    found = read_arrays(text)
    if found.keys() == _PAIR:
        labels, values = found["labels"], found["probabilities"]
        if labels.shape != values.shape or labels.ndim != 2 or labels.dtype.kind not in "iuU":
            raise FileFormatError(
                f"{text} holds labels {labels.shape} {labels.dtype} and probabilities {values.shape}: give (N, k) each"
            )
        return [dict(zip(a, b, strict=True)) for a, b in zip(labels.tolist(), values.tolist(), strict=True)]
    array = read_array(text) if len(found) > 1 else next(iter(found.values()))
    if array.ndim == 2 and array.dtype.kind == "f":
        return list(array)
    if array.ndim == 1 and array.dtype.kind in "iuU":
        return list(array.tolist())
    raise FileFormatError(
        f"{text} holds {array.shape} {array.dtype}: answers are (inputs, classes) floating point, or a label each"
    )


def _of_lines(path: Path) -> list[Any]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise FileFormatError(f"there is no {path}: name a file of answers") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
        except ValueError as error:
            raise FileFormatError(f"{path}, line {number} is no JSON: {error}") from error
        found.append(_of_json(one))
    if not found:
        raise FileFormatError(f"{path} is empty: give a line for each query")
    return found


def _of_json(one: Any) -> Any:
    if isinstance(one, dict):
        return {_label(name): value for name, value in one.items()}
    if isinstance(one, list) and one and all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in one):
        return np.array(one, np.float64)
    return one


def _label(cell: str) -> Any:
    return int(cell) if cell.isascii() and cell.isdigit() else cell


def _of_table(table: Table, classes: Sequence[str] | None) -> StoredAnswers:
    path, labels = str(table.path), table.label_column
    if labels is not None:
        return _of_label_lines(table, labels)
    if table.header is None and all(len(row) == 1 for row in table.rows):
        return StoredAnswers(path, [_label(row[0]) if row[0] else None for row in table.rows], table.names)
    order, names = _order(table, classes), tuple(table.header) if table.header else None
    answers: list[Any] = []
    for place, cells in enumerate(table.rows):
        if not any(cells):
            answers.append(None)
            continue
        row = np.array([cell_number(table, place, cell) for cell in cells], np.float64)
        answers.append(row if order is None or len(row) != len(order) else row[order])
    if order is not None and names is not None:
        names = tuple(names[i] for i in order)
    return StoredAnswers(path, answers, table.names, names)


def _of_label_lines(table: Table, labels: int) -> StoredAnswers:
    """Read a label a line: one a query, or several with their probabilities where queries have names."""
    values = table.value_column
    answers: dict[str, Any] = {}
    for place, cells in enumerate(table.rows):
        name = table.names[place] if table.names is not None else str(place)
        label = _label(cells[labels]) if labels < len(cells) else ""
        if values is None:
            answers[name] = label if label != "" else None
        elif label != "":
            cell = cells[values] if values < len(cells) else ""
            answers.setdefault(name, {})[label] = cell_number(table, place, cell)
        else:
            answers.setdefault(name, None)
    return StoredAnswers(str(table.path), list(answers.values()), list(answers) if table.names is not None else None)


def _order(table: Table, classes: Sequence[str] | None) -> list[int] | None:
    """Return which column each class is in, None if they are in order.

    Raises
    ------
    WatermarkError
        If the columns have names, and not those of the classes.
    """
    if table.header is None or classes is None:
        return None
    wanted = list(classes)
    if sorted(table.header) == sorted(wanted):
        return [table.header.index(name) for name in wanted]
    if table.header == [str(i) for i in range(len(wanted))]:
        return None
    strangers = [name for name in table.header if name not in wanted] or table.header
    raise WatermarkError(
        f"the columns of {table.path} are {len(table.header)}, the mark has {len(wanted)} classes, and "
        f"{', '.join(map(repr, strangers[:_SHOWN]))} is none of them or there twice: name the columns as the classes, "
        f"{', '.join(map(repr, wanted[:_SHOWN]))}{', ...' if len(wanted) > _SHOWN else ''}"
    )
