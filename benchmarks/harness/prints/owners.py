"""Networks that copies are made of: small residual ones on Fashion-MNIST, trained once and kept beside the data.

python -m harness.prints.owners 0 1 2 3 4      (in benchmarks/; four minutes a seed on a free core)
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from harness.classifiers.tasks import classifier_data
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
_COURSE: Final = Course(epochs=6, batch=256, rate=2e-3, true=1.0, flips=True)
_OWN: Final = 50_000


@functools.cache
def data() -> tuple[Labelled, Labelled, Labelled]:
    """Return what the owner trains on, what thieves have labels of, and the test set."""
    train, test = (fashion(classifier_data(), part) for part in ("train", "test"))
    own, stolen = train.split([_OWN, len(train) - _OWN], seed=14)
    return own, stolen, test


def tensors(part: Labelled) -> tuple[Tensor, Tensor]:
    """Return inputs and labels."""
    return torch.tensor(part.inputs), torch.tensor(part.labels)


def owner(seed: int, network: str = "residual") -> nn.Module:
    """Return the owner's network of a seed, trained if it is not kept."""
    own = data()[0]
    inputs, labels = tensors(own)
    start = Stack.of([build_classifier(network, own.n_classes, own.shape, seed=seed)])
    lesson = Lesson(inputs[None], labels=labels[None])
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{network}-{seed}.safetensors"
    return train_stack(start, lesson, _COURSE, seeds=[seed], checkpoint=path, progress=_told).module(0)


def _told(epoch: int, loss: float) -> None:
    print(f"epoch {epoch}: loss {loss:.4f}", file=sys.stderr, flush=True)


def accuracy_of(modules: list[nn.Module], n: int | None = None) -> list[float]:
    """Return the accuracies of networks on the test set, or on the first n of it."""
    inputs, labels = tensors(data()[2])
    return accuracy(log_answers(Stack.of(modules), inputs[:n]), labels[:n])


if __name__ == "__main__":
    for chosen in map(int, sys.argv[1:]):
        print(f"seed {chosen}: accuracy {accuracy_of([owner(chosen)])[0]:.4f}", flush=True)
