"""What classifiers answer with, and whether it is what it is taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    import numpy.typing as npt

    F64 = npt.NDArray[np.float64]

__all__ = ["as_rows", "check_probabilities", "is_answers", "looks_like_probabilities", "one_by_one", "softmax"]

_TOLERANCE: Final = {"float16": 1e-2, "float32": 1e-3, "float64": 1e-3}
"""By how much the sum of a row may miss 1."""


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
        return np.asarray((answers.float() if str(answers.dtype) == "torch.bfloat16" else answers).numpy())
    try:
        return np.asarray(answers)
    except ValueError:
        raise ModelAnswerError(
            "the answers are of several lengths: give (inputs, classes); of several outputs say with "
            "Interface(which=...) which they are"
        ) from None


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
