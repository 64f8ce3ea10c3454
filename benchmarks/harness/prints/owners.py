"""Networks that copies are made of: small ones on Fashion-MNIST, trained once and kept beside the data.

    python -m harness.prints.owners 0 1 2 3 4      (in benchmarks/; residual ones, six minutes a seed on a free core)

The small convolutional one, c2, is the owner's of ``benchmarks/classifiers.py``, kept from there.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from harness.classifiers.tasks import classifier_data
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.tasks.course import Course, Lesson
from watermarking.ownership.classifiers.tasks.labelled import fashion
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.classifiers.tasks.stack import Stack
from watermarking.ownership.classifiers.tasks.training import accuracy, log_answers, train_stack

if TYPE_CHECKING:
    from torch import Tensor, nn

    from watermarking.ownership.classifiers.tasks.labelled import Labelled

__all__ = ["KEPT", "accuracy_of", "data", "owner", "tensors"]

KEPT: Final = Path(__file__).parents[4] / "wm-data" / "fingerprints"
_OWN: Final = {"residual": 50_000, "c2": 30_000}
_EPOCHS: Final = {"residual": 6, "c2": 12}


@functools.cache
def data(network: str = "residual") -> tuple[Labelled, Labelled, Labelled]:
    """Return what the owner of a network trains on, what thieves have labels of, and the test set."""
    if network not in _OWN:
        raise WatermarkError(f"there is no owner of {network!r}: it is one of {', '.join(_OWN)}")
    train, test = (fashion(classifier_data(), part) for part in ("train", "test"))
    own, stolen = train.split([_OWN[network], len(train) - _OWN[network]], seed=14)
    return own, stolen, test


def tensors(part: Labelled) -> tuple[Tensor, Tensor]:
    """Return inputs and labels."""
    return torch.tensor(part.inputs), torch.tensor(part.labels)


def owner(seed: int, network: str = "residual") -> nn.Module:
    """Return the owner's network of a seed, trained if it is not kept."""
    own = data(network)[0]
    inputs, labels = tensors(own)
    start = Stack.of([build_classifier(network, own.n_classes, own.shape, seed=seed)])
    lesson = Lesson(inputs[None], labels=labels[None])
    course = Course(epochs=_EPOCHS[network], batch=256, rate=2e-3, true=1.0, flips=True)
    path = KEPT / f"{network}-{seed}.safetensors"
    if network == "c2":
        digest = hashlib.sha256(f"fashion owner c2 ({seed},) True".encode()).hexdigest()[:16]
        path = KEPT.parent / "classifiers" / "kept" / f"fashion-{digest}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    return train_stack(start, lesson, course, seeds=[seed], checkpoint=path, progress=_told).module(0)


def _told(epoch: int, loss: float) -> None:
    print(f"epoch {epoch}: loss {loss:.4f}", file=sys.stderr, flush=True)


def accuracy_of(modules: list[nn.Module], n: int | None = None) -> list[float]:
    """Return the accuracies of networks on the test set, or on the first n of it."""
    inputs, labels = tensors(data()[2])
    return accuracy(log_answers(Stack.of(modules), inputs[:n]), labels[:n])


if __name__ == "__main__":
    for chosen in map(int, sys.argv[1:]):
        print(f"seed {chosen}: accuracy {accuracy_of([owner(chosen)])[0]:.4f}", flush=True)
