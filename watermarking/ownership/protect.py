"""A model whose answers carry a mark, for arrays and for batches of tensors alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.ownership.models import Conventions, as_function, chosen_output, picture_of, white_of

if TYPE_CHECKING:
    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.ownership.marks import OwnershipMark

__all__ = ["ProtectedModel", "marked_answer"]


class ProtectedModel:
    """A model that answers with marked pictures: what is served in the place of the model.

    Parameters
    ----------
    model : torch module in evaluation mode, ONNX file or session, or a function of pictures
        A function may be a classic algorithm.
    mark : OwnershipMark
    key : Key
    conventions : Conventions, optional
        Range of values, channels and outputs of a network.

    Raises
    ------
    WatermarkError
        If it is no model, or one in training mode.
    """

    def __init__(self, model: Any, mark: OwnershipMark, *, key: Key, conventions: Conventions | None = None) -> None:
        self.mark, self.key, self.conventions = mark, key, conventions or Conventions()
        self._model, self._answer = model, as_function(model, self.conventions)

    def __call__(self, query: Any) -> Any:
        """Return the model's answer, marked.

        Parameters
        ----------
        query : (H, W) or (H, W, 3) array, or a batch of tensors (N, C, H, W) where the model is a torch module
            A tensor is given to the module as it is, and its answer comes back on its device and in its dtype.

        Raises
        ------
        ModelAnswerError
            If the model answers with something else than pictures.
        """
        if hasattr(self._model, "parameters") and hasattr(query, "detach"):
            return self._of_tensors(query)
        return marked_answer(self._answer(query), self.mark, self.key, peak=self.conventions.peak)

    def unmarked(self, query: Image) -> Image:
        """Return the answer without the mark: the owner alone has it, for verification."""
        return self._answer(query)

    def _of_tensors(self, batch: Any) -> Any:
        import torch

        how = self.conventions
        with torch.no_grad():
            answers = self._model(batch)
        answers = chosen_output(answers, how)
        found = answers.clone()
        for number, answer in enumerate(answers):
            picture = picture_of(answer.detach().float().cpu().numpy(), how, np.zeros(0, np.float32))
            change = marked_answer(picture, self.mark, self.key) - picture
            if change.ndim == 3 and how.order == "bgr":
                change = change[..., ::-1]
            planes = np.ascontiguousarray(change[None] if change.ndim == 2 else change.transpose(2, 0, 1))
            found[number] += torch.from_numpy(planes * np.float32(how.high - how.low)).to(found)
        return found.clamp(how.low, how.high)


def marked_answer(answer: Image, mark: OwnershipMark, key: Key, *, peak: int | None = None) -> Image:
    """Return a picture of any dtype, marked: the change that its 8-bit form takes is added to it.

    Parameters
    ----------
    answer : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
        Alpha stays as it is.
    peak : int, optional
        White of 16-bit answers; 65535 if left out, whatever they hold.

    Raises
    ------
    UnsupportedImageError
        If a sample is larger than that.
    """
    if answer.ndim == 3 and answer.shape[2] == 4:
        colour = marked_answer(np.ascontiguousarray(answer[..., :3]), mark, key, peak=peak)
        return np.concatenate([colour, answer[..., 3:]], axis=2)
    if answer.dtype == np.uint8:
        return mark.mark(answer, key=key)
    white = np.float32(white_of(answer, peak))
    levels = answer.astype(np.float32) * (np.float32(255) / white)
    rounded = np.floor(np.clip(levels, 0, 255) + np.float32(0.5)).astype(np.uint8)
    change = mark.mark(rounded, key=key).astype(np.float32) - rounded
    result = np.clip(levels + change, 0, 255) * (white / np.float32(255))
    return np.asarray(result.astype(answer.dtype) if answer.dtype.kind == "f" else np.rint(result).astype(answer.dtype))
