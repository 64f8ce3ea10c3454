"""What classifiers answer with, and whether it is what it is taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    import numpy.typing as npt

    F64 = npt.NDArray[np.float64]

__all__ = [
    "as_rows",
    "check_probabilities",
    "is_answers",
    "kind_of",
    "looks_like_probabilities",
    "one_by_one",
    "softmax",
]

_TOLERANCE: Final = {"float16": 1e-2, "float32": 1e-3, "float64": 1e-3}
"""By how much the sum of a row may miss 1."""
_BRAIN_FLOATS: Final = 1e-2
_ALIKE: Final = 1e-2
_SOME: Final = 8  # rows, whose sums are not alike by chance
_PER_CENT: Final = 100.0


def is_answers(side: Any) -> bool:
    """Say whether a side is its answers, in memory, and not a model that is to be asked."""
    return isinstance(side, (list, tuple, np.ndarray)) or hasattr(side, "detach")


def check_probabilities(answers: Any, n_classes: int) -> npt.NDArray[Any]:
    """Return answers as an array (N, K) of probabilities, or say why they are none.

    Raises
    ------
    ModelAnswerError
        If they are not finite, negative, do not sum to 1, or are of another number of classes.
    """
    found = np.asarray(answers)
    if found.ndim != 2 or found.dtype.kind != "f":
        raise ModelAnswerError(
            f"the answers are {found.shape} {found.dtype}: probabilities are (inputs, classes) floating point"
        )
    if not len(found):
        raise ModelAnswerError("the batch holds no answer: give one or more")
    if found.shape[1] != n_classes:
        raise ModelAnswerError(
            f"the answers are of {found.shape[1]} classes, the mark of {n_classes}: a mark is for one set of classes"
        )
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found).all(1))[0])
        raise ModelAnswerError(f"answer {row} holds NaN or infinity: check the model's weights and its input")
    if found.min() < 0:
        raise ModelAnswerError(
            f"the answers go down to {found.min():.3g}: these are logits; say output='logits' (--form logits), or "
            "apply softmax"
        )
    off = np.abs(found.sum(1, dtype=np.float64) - 1)
    if off.max() > _TOLERANCE.get(found.dtype.name, 1e-3):
        row = int(off.argmax())
        raise ModelAnswerError(
            f"answer {row} sums to {found[row].sum(dtype=np.float64):.4g}, probabilities sum to 1: of logits say "
            "output='logits' (--form logits), of independent scores make probabilities first"
        )
    return found


def looks_like_probabilities(answers: npt.NDArray[Any]) -> bool:
    """Say whether rows are nowhere negative and sum to 1."""
    tolerance = _TOLERANCE.get(answers.dtype.name, 1e-3)
    return bool(answers.min() >= 0 and np.abs(answers.sum(1, dtype=np.float64) - 1).max() <= tolerance)


def kind_of(answers: npt.NDArray[Any]) -> Literal["probabilities", "logits"]:
    """Tell probabilities from logits, safely.

    Raises
    ------
    ModelAnswerError
        If all lie within 0 and 1 and do not sum to 1: they may be logits, or scores of independent classes. If none is
        negative and all rows sum to the same, as per cent do.
    """
    if looks_like_probabilities(answers):
        return "probabilities"
    if answers.min() < 0:
        return "logits"
    if answers.max() > 1:
        _check_no_shares(answers.sum(1, dtype=np.float64))
        return "logits"
    raise ModelAnswerError(
        f"the answers lie within 0 and 1 and sum to {answers.sum(1).min():.3g} ... {answers.sum(1).max():.3g}: they "
        "may be logits or scores of independent classes; say output='logits' (--form logits), or make probabilities "
        "of them"
    )


def _check_no_shares(totals: F64) -> None:
    """Refuse rows that are shares of one sum: logits' sums differ from row to row, but of few rows that says little."""
    usual = float(np.median(totals))
    are_alike = np.abs(totals / usual - 1).max() <= _ALIKE
    if are_alike and (len(totals) >= _SOME or abs(usual / _PER_CENT - 1) <= _ALIKE):
        raise ModelAnswerError(
            f"the answers are nowhere negative and each sums to {usual:.4g}, as shares of it do: divide by that (per "
            "cent by 100), or, if they are logits all the same, say output='logits' (--form logits)"
        )


def softmax(logits: npt.NDArray[Any]) -> F64:
    """Return the probabilities (N, K) of logits, float64."""
    found = np.asarray(logits, np.float64)
    found = np.exp(found - found.max(1, keepdims=True))
    return np.asarray(found / found.sum(1, keepdims=True), np.float64)


def as_rows(answers: Any) -> npt.NDArray[Any]:
    """Return answers as one array of their own precision, tensors too, brain floats as float32.

    Raises
    ------
    ModelAnswerError
        If they are of several lengths.
    """
    if hasattr(answers, "detach"):
        answers = answers.detach().cpu()
        if str(answers.dtype) != "torch.bfloat16":
            return np.asarray(answers.numpy())
        return _sums_mended(np.asarray(answers.float().numpy()))
    try:
        return np.asarray(answers)
    except ValueError:
        raise ModelAnswerError(
            "the answers are of several lengths: give (inputs, classes); of several outputs say with "
            "Interface(which=...) which they are"
        ) from None


def _sums_mended(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return rows, with the sum 1 where they are probabilities whose eight bits miss it."""
    if rows.ndim != 2 or not rows.size or rows.min() < 0:
        return rows
    totals = rows.sum(1, keepdims=True)
    return rows / totals if np.abs(totals - 1).max() <= _BRAIN_FLOATS else rows


def one_by_one(answers: Any, n: int) -> list[Any]:
    """Return a batch's answers, one for each of n inputs.

    A pair of labels (n, k) or (n,) and as many probabilities, in either order, becomes mappings.

    Raises
    ------
    ModelAnswerError
        If there are more answers than inputs, or fewer.
    """
    if hasattr(answers, "detach"):
        answers = answers.detach().float().cpu().numpy()
    if parts := _top_k(answers, n):
        return [
            dict(zip(names.tolist(), map(float, values), strict=True)) for names, values in zip(*parts, strict=True)
        ]
    found = list(answers)
    if len(found) != n:
        raise ModelAnswerError(f"the model gives {len(found)} answers to {n} inputs: one each is expected")
    return found


def _top_k(answers: Any, n: int) -> list[npt.NDArray[Any]]:
    """Return labels (n, k) and their probabilities (n, k), nothing if answers are no such pair."""
    if not isinstance(answers, tuple) or len(answers) != 2 or any(not hasattr(part, "__len__") for part in answers):
        return []
    if any(len(part) != n for part in answers):
        return []
    parts = sorted((as_rows(part) for part in answers), key=lambda part: part.dtype.kind == "f")  # topk: values first
    kinds = [part.dtype.kind in kinds for part, kinds in zip(parts, ("iuUO", "f"), strict=True)]
    return [part.reshape(n, -1) for part in parts] if all(kinds) and parts[0].shape == parts[1].shape else []
