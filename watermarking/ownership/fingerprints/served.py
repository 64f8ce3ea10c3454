"""Copies whose answers carry a soft-label mark of their customer, for suspects of whom nothing but answers is seen.

A few epochs on the model's own answers, marked with a key of the customer, teach a copy the mark. Whoever distils the
copy learns it with the task. Pictures with wrong labels, the usual trigger sets, do not survive that: nobody distils on
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.loot import log_probabilities
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.stack import Stack
from watermarking.ownership.classifiers.tasks.training import log_answers, train_stack

if TYPE_CHECKING:
    from torch import Tensor, nn

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark

__all__ = ["COURSE", "taught"]

COURSE: Final = Course(epochs=6, batch=256, rate=1e-3, true=0.2)


def taught(
    module: nn.Module, mark: SoftLabelMark, inputs: Tensor, labels: Tensor, *, key: Key, course: Course = COURSE,
    seed: int = 0,
) -> nn.Module:  # fmt: skip
    """Return a copy of a classifier that answers with a mark.

    Parameters
    ----------
    module : torch module whose last layer is called ``head``, in evaluation mode
    mark : SoftLabelMark
    inputs, labels : Tensor (n, ...), Tensor (n,)
        Pictures of bytes, or features, like those that it was trained on; some thousands.
    key : Key
        Of the customer, see :func:`watermarking.ownership.classifiers.clients.client_key`.
    course : Course
        ``true`` weighs the labels beside the marked answers; it takes no part of the labels if that is 0.
    seed : int

    Raises
    ------
    WatermarkError
        If inputs and labels do not go together.
    """
    if len(inputs) != len(labels):
        raise WatermarkError(f"{len(inputs)} inputs and {len(labels)} labels: give as many of both")
    stack = Stack.of([module])
    answers = log_answers(stack, inputs)[0].exp().double().cpu().numpy()
    answers /= answers.sum(1, keepdims=True)
    marked = mark.answer(answers, inputs.cpu().numpy(), key=key).astype(np.float32)
    wanted = log_probabilities(torch.from_numpy(marked))[None]
    lesson = Lesson(inputs[None], wanted, labels[None])
    return train_stack(stack, lesson, course, seeds=[seed]).module(0)
