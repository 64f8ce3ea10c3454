"""What a suspect's answers say, in whatever form they come: rows of probabilities, logits, a few labels, one label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
from scipy.optimize import linear_sum_assignment

from watermarking.ownership.classifiers.answers import softmax
from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from watermarking.ownership.classifiers.asking import Interface

    F64 = npt.NDArray[np.float64]

__all__ = ["Form", "Read", "check_order", "read_answers"]

Form: TypeAlias = Literal["probabilities", "logits", "top-k", "labels"]

_SUMS: Final = (0.3, 1.05)
"""Of answers that were rounded, or had what is small left out."""
_USUAL: Final = (0.9, 1.02)
_ELSEWHERE, _HERE = 0.6, 0.2
"""Of the queries of a class, how many are answered with another, and how few with it, where the two are confused."""
_LEAST_OF_CLASS: Final = 3
_CONFUSED: Final = (8, 0.04)
"""Queries in such classes, and which share of all, from which on the order is taken for another."""


@dataclass(frozen=True)
class Read:
    """A suspect's answers, as far as they can be read.

    Attributes
    ----------
    values : (n, K) float64, what each class got, 0 for what was not said
    rows : (n,) numbers of the queries that these answer
    form : "probabilities", "logits", "top-k" or "labels"
        Labels alone, with or without their probability, say nothing of a mark that never changes them.
    failures : dict, number of a query -> why its answer cannot be read
    """

    values: F64
    rows: npt.NDArray[np.int64]
    form: Form
    failures: dict[int, str]


def read_answers(answers: Sequence[Any], n_classes: int, how: Interface) -> Read:
    """Read a suspect's answers, one for each query and None where there is none.

    Parameters
    ----------
    answers : sequence of rows (K,), of mappings label -> probability, of pairs (label, probability), or of labels
        Labels are numbers of classes, or names that ``how.classes`` lists.
    n_classes : int
    how : Interface

    Raises
    ------
    ModelAnswerError
        If none can be read, or they name classes and ``how.classes`` does not, or are of another number of classes.
    """
    given = [(number, row) for number, row in enumerate(answers) if row is not None]
    if not given:
        raise ModelAnswerError("the suspect answered nothing: there is nothing to test")
    if how.classes is not None and len(how.classes) != n_classes:
        raise ModelAnswerError(f"{len(how.classes)} classes are named, the mark is of {n_classes}: name each")
    rows = [(number, row) for number, row in given if _is_row(row, n_classes)]
    numbered = dict(rows)
    others = [(number, row) for number, row in given if number not in numbered]
    if rows and not _any_labels([row for _, row in others], n_classes, how):
        # What else came among them is an error's text, or the like.
        read = _of_rows(rows, n_classes, how)
        unread = {number: f"{str(row)[:80]!r} is no row of numbers" for number, row in others}
        return replace(read, failures=read.failures | unread)
    values, numbers, failures = [], [], {}
    for number, row in given:
        try:
            values.append(_of_labels(row, n_classes, how))
            numbers.append(number)
        except ModelAnswerError as error:
            failures[number] = str(error)
    if not values:
        raise ModelAnswerError(f"no answer of the suspect can be read: {next(iter(failures.values()))}")
    found = np.stack(values)
    form: Form = "labels" if n_classes > 2 and ((found > 0).sum(1) <= 1).all() else "top-k"
    if n_classes == 2 and all(not isinstance(row, Mapping) for _, row in given):
        form = "labels"
    return Read(found, np.array(numbers), form, failures)


def check_order(values: F64, own: F64, who: str = "the suspect") -> None:
    """Refuse answers whose classes are in another order than the owner's, or some of them.

    Raises
    ------
    ModelAnswerError
        If two classes or more are nearly always answered with others, each with one of its own; the message says which.
    """
    one, other, k = values.argmax(1), own.argmax(1), own.shape[1]
    table = np.zeros((k, k))
    np.add.at(table, (other, one), 1)
    asked, pairs = table.sum(1), zip(*linear_sum_assignment(-table), strict=True)
    confused = [
        (a, b) for a, b in pairs
        if a != b and table[a, b] >= max(_LEAST_OF_CLASS, _ELSEWHERE * asked[a]) and table[a, a] <= _HERE * asked[a]
    ]  # fmt: skip
    least, share = _CONFUSED
    if len(confused) > 1 and sum(table[a, b] for a, b in confused) >= max(least, share * len(one)):
        order = ", ".join(f"{a} is {b}" for a, b in confused)
        raise ModelAnswerError(
            f"the classes of {who} seem to be in another order (yours -> its own: {order[:200]}): bring its answers to "
            "your order, or name its classes in your order with Interface(classes=...) or --classes"
        )


def _any_labels(rows: list[Any], n_classes: int, how: Interface) -> bool:
    """Say whether an answer that is no row of numbers can be read as labels."""
    for row in rows:
        try:
            _of_labels(row, n_classes, how)
        except ModelAnswerError:
            continue
        return True
    return False


def _is_row(row: Any, n_classes: int) -> bool:
    """Say whether an answer is numbers of all classes, not pairs or labels; JSON makes whole numbers of 1.0 and 0.0."""
    if not isinstance(row, (np.ndarray, list, tuple)):
        return False
    try:
        found = np.asarray(row)
    except ValueError:  # of several lengths
        return False
    return found.ndim == 1 and (found.dtype.kind == "f" or (found.dtype.kind in "biu" and len(found) == n_classes))


def _of_rows(given: list[tuple[int, Any]], n_classes: int, how: Interface) -> Read:
    """Read rows of numbers."""
    sizes = {len(row) for _, row in given}
    if n_classes not in sizes:
        raise ModelAnswerError(
            f"the suspect answers with {min(sizes)} classes, the mark is of {n_classes}: it solves another task, or "
            "its answers must be brought to yours first"
        )
    failures = {number: f"{len(row)} classes, not {n_classes}" for number, row in given if len(row) != n_classes}
    kept = [(number, row) for number, row in given if len(row) == n_classes]
    values = np.array([row for _, row in kept], np.float64)
    good = np.asarray(np.isfinite(values).all(1), np.bool_)
    failures |= {number: "NaN or infinity" for (number, _), fine in zip(kept, good, strict=True) if not fine}
    if not good.any():
        raise ModelAnswerError("all answers of the suspect hold NaN or infinity")
    rows, values = np.array([number for number, _ in kept])[good], values[good]
    form = _form(values) if how.output == "auto" else how.output
    if form == "logits":
        return Read(softmax(values), rows, "logits", failures)
    total = values.sum(1)
    good = (values.min(1) >= 0) & (total >= _SUMS[0]) & (total <= _SUMS[1])
    failures |= {int(n): f"it sums to {s:.4g}, or is negative" for n, s in zip(rows[~good], total[~good], strict=True)}
    if not good.any():
        raise ModelAnswerError(f"no answer of the suspect is probabilities: the first sums to {total[0]:.4g}")
    values, rows = values[good], rows[good]
    alone = n_classes > 2 and bool(((values > 0).sum(1) <= 1).all())
    hard = n_classes == 2 and bool(np.isin(values, (0.0, 1.0)).all())
    return Read(values, rows, "labels" if alone or hard else "probabilities", failures)


def _form(values: F64) -> Literal["probabilities", "logits"]:
    """Tell probabilities, also rounded ones, from logits."""
    total = values.sum(1)
    if values.min() >= 0 and values.max() <= 1 + 1e-6:
        if _USUAL[0] <= float(np.median(total)) <= _USUAL[1]:
            return "probabilities"
        raise ModelAnswerError(
            f"the suspect's answers lie within 0 and 1 and sum to {np.median(total):.3g}: say what they are with "
            "Interface(output='logits' or 'probabilities'), or --suspect-form"
        )
    if np.mean(values.min(1) < 0) > 0.5 or np.mean(np.abs(total - 1) > 0.1) > 0.5:
        if 95 < float(np.median(total)) < 105 and values.min() >= 0:
            raise ModelAnswerError("the suspect's answers sum to 100: divide per cent by 100")
        return "logits"
    return "probabilities"


def _of_labels(row: Any, n_classes: int, how: Interface) -> F64:
    """Read a mapping or pairs of labels and probabilities, or one label."""
    found = np.zeros(n_classes)
    if isinstance(row, Mapping):
        pairs = list(row.items())
    elif isinstance(row, (list, tuple)) and all(isinstance(one, (list, tuple)) and len(one) == 2 for one in row):
        pairs = [(name, value) for name, value in row]
    else:
        found[_class(row, n_classes, how)] = 1
        return found
    for name, value in pairs:
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ModelAnswerError(f"{name!r} gets {value!r}, which is no probability") from None
        if not 0 <= number <= 1:
            raise ModelAnswerError(f"{name!r} gets {number:.4g}: probabilities lie within 0 and 1")
        found[_class(name, n_classes, how)] = number
    if n_classes == 2 and len(pairs) == 1:
        found[1 - _class(pairs[0][0], 2, how)] = 1 - found.max()
    return found


def _class(label: Any, n_classes: int, how: Interface) -> int:
    """Return the number of the class that a label names."""
    if isinstance(label, (int, np.integer)) and not isinstance(label, (bool, np.bool_)):
        if 0 <= int(label) < n_classes:
            return int(label)
        raise ModelAnswerError(f"class {label} is none of the mark's 0 to {n_classes - 1}")
    if isinstance(label, np.ndarray) and label.ndim == 0:
        return _class(label.item(), n_classes, how)
    if not isinstance(label, str):
        raise ModelAnswerError(f"{type(label).__name__} is no answer of a classifier: give rows, labels or mappings")
    if how.classes is None:
        raise ModelAnswerError(
            f"the suspect answers with names, as {label!r}: list the names of your classes, in their order, with "
            "Interface(classes=[...]) or --classes"
        )
    if label not in how.classes:
        raise ModelAnswerError(f"{label!r} is none of the classes {', '.join(map(repr, how.classes[:5]))}, ...")
    return how.classes.index(label)
