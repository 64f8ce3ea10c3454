"""Copies whose answers say whose they are, for suspects of whom nothing but answers is seen.

A few epochs on the model's own answers, marked with a key of the customer, teach a copy a soft-label mark. Whoever
distils the copy learns it with the task. Verification pictures with keyed labels, the usual trigger sets, are taught
beside unmarked answers, and do not survive that: nobody distils on them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.loot import log_probabilities
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.stack import Stack
from watermarking.ownership.classifiers.tasks.training import log_answers, train_stack
from watermarking.ownership.fingerprints.answers import served_mark
from watermarking.ownership.fingerprints.issue import read_pictures
from watermarking.ownership.fingerprints.triggers import TriggerMark

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor, nn

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.mark import SoftLabelMark
    from watermarking.ownership.fingerprints.issue import Issuer

__all__ = ["COURSE", "TRIGGER_COURSE", "taught", "taught_triggers", "teach"]

COURSE: Final = Course(epochs=6, batch=256, rate=1e-3, true=0.2)
"""What copies are taught marks in their answers by."""
TRIGGER_COURSE: Final = dataclasses.replace(COURSE, epochs=12)
"""What they are taught verification pictures by: in six epochs a perceptron loses twice the accuracy."""
_SHARE: Final = 0.1
"""Of what is learnt, that verification pictures make up, of many inputs."""
_SEEN: Final = 120
"""How often each is seen at least: their labels have no rule that could be learnt."""


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


def taught_triggers(
    module: nn.Module, mark: TriggerMark, inputs: Tensor, labels: Tensor, plain: npt.NDArray[np.uint8], *,
    customer: str, key: Key, course: Course = TRIGGER_COURSE, seed: int = 0,
) -> nn.Module:  # fmt: skip
    """Return a copy of a classifier that answers verification pictures with the classes that spell a customer's word.

    It learns them unmarked and with the customer's bits in them, beside its own answers to inputs that it knows.

    Parameters
    ----------
    module : torch module whose last layer is called ``head``, in evaluation mode
    mark : TriggerMark
    inputs, labels : Tensor (n, C, H, W) uint8, Tensor (n,)
        Like those that it was trained on; some thousands.
    plain : (n_pictures, C, H, W) uint8
        The verification pictures, unmarked.
    customer : str
    key : Key
        Of the model's fingerprints.
    course : Course
        ``true`` weighs the labels beside the model's own answers.
    seed : int

    Raises
    ------
    CapacityError
        If the pictures have no room for the word.
    WatermarkError
        If pictures and inputs are of different shapes, or inputs and labels do not go together.
    """
    if len(inputs) != len(labels):
        raise WatermarkError(f"{len(inputs)} inputs and {len(labels)} labels: give as many of both")
    if inputs.shape[1:] != plain.shape[1:]:
        raise WatermarkError(
            f"inputs of shape {tuple(inputs.shape[1:])}, verification pictures of {plain.shape[1:]}: give inputs that "
            "the model takes"
        )
    stack = Stack.of([module])
    answers = log_answers(stack, inputs)[0].cpu()
    word = mark.word(customer, key=key)
    keyed = torch.from_numpy(mark.labels(word, key=key)).repeat(2)
    pictures = torch.from_numpy(np.concatenate([plain, mark.marked(plain, customer, key=key)]))
    times = max(round(_SHARE * len(inputs) / len(pictures)), -(-_SEEN // course.epochs))
    spelt = log_probabilities(torch.nn.functional.one_hot(keyed, answers.shape[1]).float())
    lesson = Lesson(
        torch.cat([inputs.cpu(), pictures.repeat(times, 1, 1, 1)])[None],
        torch.cat([answers, spelt.repeat(times, 1)])[None],
        torch.cat([labels.cpu(), keyed.repeat(times)])[None],
    )  # fmt: skip
    return train_stack(stack, lesson, course, seeds=[seed]).module(0)


def teach(
    issuer: Issuer, customer: str, module: nn.Module, inputs: Tensor, labels: Tensor, *, course: Course | None = None,
    seed: int | None = None,
) -> nn.Module:  # fmt: skip
    """Return a copy that answers for its customer, as the folder of copies says; :meth:`Issuer.issue` takes it.

    Parameters
    ----------
    issuer : Issuer
    customer : str
    module : torch module
        The unmarked model.
    inputs, labels : Tensor (n, ...), Tensor (n,)
        See :func:`taught` and :func:`taught_triggers`.
    course : Course, optional
        :data:`COURSE` or :data:`TRIGGER_COURSE` if left out.
    seed : int, optional
        The number of copies there are, if left out.

    Raises
    ------
    WatermarkError
        If the folder was begun without a mark of answers, or something does not go together.
    """
    known = issuer.manifest
    number = len(known.copies) if seed is None else seed
    found = served_mark(known)
    if isinstance(found, TriggerMark):
        plain = read_pictures(issuer.folder, known)
        return taught_triggers(module, found, inputs, labels, plain, customer=customer, key=issuer.key,
                               course=course or TRIGGER_COURSE, seed=number)  # fmt: skip
    key = issuer.served_key(customer)
    return taught(module, found, inputs, labels, key=key, course=course or COURSE, seed=number)
