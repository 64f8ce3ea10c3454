"""A classifier whose answers carry a mark: what is served in the place of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.classifiers.answers import as_rows, check_probabilities, kind_of, softmax
from watermarking.ownership.classifiers.asking import Interface, as_classifier, check_evaluating, chosen
from watermarking.ownership.classifiers.clients import client_key
from watermarking.ownership.classifiers.coarse import area_weights
from watermarking.ownership.models import ModelAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.asking import Output
    from watermarking.ownership.classifiers.coarse import Coarse
    from watermarking.ownership.classifiers.mark import SoftLabelMark

    F64 = npt.NDArray[np.float64]

__all__ = ["ProtectedClassifier"]


class ProtectedClassifier:
    """A classifier that answers with marked probabilities or logits, in the form in which it answers itself.

    Parameters
    ----------
    model : torch module in evaluation mode, ONNX file or session, or a function of batches
    mark : SoftLabelMark
    key : Key
        Of the model, see :func:`watermarking.ownership.proof.subkey`.
    client : str, optional
        Whose answers these are: each client gets a key of its own, so that a thief among them can be named.
    interface : Interface, optional
        Whether the model answers with probabilities or logits, which of its outputs they are, and what it takes. If it
        does not say, the first batch does; what cannot be told safely is refused.
    features : callable, optional
        Makes of a batch of inputs the features that the mark was fitted on, if it was not on the inputs themselves.

    Raises
    ------
    WatermarkError
        If it is no classifier, or a module in training mode.
    """

    def __init__(
        self, model: Any, mark: SoftLabelMark, *, key: Key, client: str | None = None,
        interface: Interface | None = None, features: Callable[[Any], Any] | None = None,
    ) -> None:  # fmt: skip
        self.mark, self.interface, self.features = mark, interface or Interface(), features
        self.key = key if client is None else client_key(key, client)
        self.output: Output = self.interface.output
        self._model, self._run = model, as_classifier(model, self.interface)

    def __call__(self, inputs: Any) -> Any:
        """Return the model's answers, marked: (N, K) in the dtype and on the device of its own.

        Parameters
        ----------
        inputs : a batch of N, as the model takes it
            Tensors are given to a torch module as they are, arrays of pictures as (N, C, H, W) float32.

        Raises
        ------
        ModelAnswerError
            If the model's answers are neither probabilities nor logits of the mark's classes.
        UnsupportedImageError
            If the inputs are others than those the mark was fitted on.
        WatermarkError
            If there is no input, or the module is in training mode now.
        """
        if not len(inputs):
            raise WatermarkError("the batch holds no input: give one or more")
        answers = self.unmarked(inputs)
        exact = as_rows(answers)
        if self.output == "auto":
            self.output = kind_of(_checked(exact, self.mark.n_classes))
        if self.output == "logits":
            exact = _checked(exact, self.mark.n_classes)
            given = softmax(exact)
        else:
            given = check_probabilities(exact, self.mark.n_classes)
        marked = self.mark.answer_at(given, self._coordinates(inputs), key=self.key)
        changed = (marked != given).any(1)
        found = marked.astype(np.float64)
        if self.output == "logits":
            found = np.log(np.maximum(found, np.finfo(np.float64).tiny)) + _log_sum(exact)
        return _like(answers, found, changed)

    def unmarked(self, inputs: Any) -> Any:
        """Return the answers without the mark: the owner alone has them, for verification."""
        is_tensor = hasattr(inputs, "detach")
        if not hasattr(self._model, "parameters") or not is_tensor or self.interface.prepare:
            answers = self._run(inputs)
            return answers if is_tensor else as_rows(answers)
        import torch

        check_evaluating(self._model)
        with torch.no_grad():
            return chosen(self._model(inputs), self.interface).detach()

    def _coordinates(self, inputs: Any) -> F64:
        """Return where inputs lie; pictures in tensors are reduced where they are."""
        coarse = self.mark.coarse
        if self.features is not None:
            return coarse(self.features(inputs))
        if hasattr(inputs, "detach") and coarse.kind == "pictures" and inputs.ndim == 4:
            return coarse.whitened(_reduced(inputs, coarse))
        return coarse(inputs)


def _reduced(pictures: Any, coarse: Coarse) -> npt.NDArray[np.float32]:
    """Return the coarse numbers of pictures (N, C, H, W) or (N, H, W, C) on any device, float32 (N, size)."""
    import torch

    planes = pictures.detach()
    if planes.shape[1] != coarse.channels or (planes.shape[3] == coarse.channels and planes.shape[1] > 4):
        planes = planes.movedim(3, 1)
    if planes.shape[1] != coarse.channels:
        raise UnsupportedImageError(
            f"the inputs are {tuple(pictures.shape)}, the mark was fitted on pictures of {coarse.channels} channels"
        )
    peak = 1 if planes.is_floating_point() else torch.iinfo(planes.dtype).max
    rows = torch.from_numpy(area_weights(planes.shape[2], coarse.grid[0]) / np.float32(peak)).to(planes.device)
    columns = torch.from_numpy(area_weights(planes.shape[3], coarse.grid[1], coarse.flips)).to(planes.device)
    means = rows @ planes.float() @ columns.T
    found = means.movedim(1, 3).reshape(len(planes), -1).cpu().numpy()
    if not np.isfinite(found).all():
        raise UnsupportedImageError("the inputs hold NaN or infinity: their coarse features are no numbers")
    return np.asarray(found, np.float32)


def _checked(answers: npt.NDArray[Any], n_classes: int) -> npt.NDArray[Any]:
    """Check what may be logits.

    Raises
    ------
    ModelAnswerError
        If they are no finite numbers (N, K).
    """
    if answers.ndim != 2 or answers.dtype.kind != "f" or answers.shape[1] != n_classes:
        raise ModelAnswerError(
            f"the model answers with {answers.shape} {answers.dtype}: (inputs, {n_classes}) floating point is marked"
        )
    if not np.isfinite(answers).all():
        raise ModelAnswerError("the model answers with NaN or infinity: check its weights and its input")
    return answers


def _log_sum(logits: npt.NDArray[Any]) -> F64:
    """Return the logarithm of the sum of exponentials of each row, float64 (N, 1): what probabilities do not have."""
    exact = logits.astype(np.float64)
    top = exact.max(1, keepdims=True)
    return np.asarray(top + np.log(np.exp(exact - top).sum(1, keepdims=True)), np.float64)


def _like(answers: Any, found: F64, changed: npt.NDArray[np.bool_]) -> Any:
    """Return the changed rows in the form of the model's answers, the others as they were."""
    if not hasattr(answers, "detach"):
        given = np.asarray(answers)
        result = np.where(changed[:, np.newaxis], found.astype(given.dtype), given)
        moved = result.argmax(1) != np.where(changed, found.argmax(1), given.argmax(1))
        result[moved] = given[moved]
        return result
    import torch

    new = torch.from_numpy(found).to(answers.device).to(answers.dtype)
    kept = torch.from_numpy(~changed).to(answers.device)
    first = torch.where(kept, answers.argmax(1), torch.from_numpy(found.argmax(1)).to(answers.device))
    kept = kept | (new.argmax(1) != first)  # rounding to a coarse dtype
    return torch.where(kept[:, None], answers, new)
