"""Joint training of a reconstruction's model and detector, and what they say of a suspect."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.asking import Interface, check_evaluating, network_input, probabilities_of
from watermarking.ownership.classifiers.reconstructions.perturbations import carriers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from torch import Tensor

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.reconstructions.perturbations import Perturbation

    F64 = npt.NDArray[np.float64]

__all__ = ["Detector", "Reconstructed", "train_reconstruction"]

_WIDTH: Final = 64
_LEAST: Final = 1e-6
_OTHER_OWNERS: Final = 8
_LEAST_CLEAN: Final = 5


class Detector(nn.Module):
    """Says of answers (N, K) whether a model is marked: K -> 64 -> 64 -> 1 on log-probabilities, classes in order."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_classes, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 1)
        )

    def forward(self, logs: Tensor) -> Tensor:
        """Return logits (N,) of log-probabilities (N, K)."""
        found: Tensor = self.layers(logs.clamp_min(math.log(_LEAST)) / 4 + 1)
        return found[:, 0]


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """A marked model and the detector that was trained with it.

    Attributes
    ----------
    model : torch module that answers with logits
    detector : Detector
    mark : Perturbation
    key : Key
    """

    model: nn.Module
    detector: Detector
    mark: Perturbation
    key: Key

    def watermark_accuracy(
        self, suspect: Any, inputs: npt.NDArray[Any], *, interface: Interface | None = None
    ) -> float:
        """Return on which share of carriers, made of inputs, the detector takes a suspect for a marked model.

        Parameters
        ----------
        suspect : torch module, ONNX file or session, or a function of batches
        inputs : (N, ...)
            Like those that the mark was trained with.
        interface : Interface, optional
        """
        asked = carriers(inputs, self.key, self.mark.blend)
        answers = probabilities_of(suspect, asked, interface or Interface(), self.mark.n_classes)
        logs = torch.from_numpy(np.log(np.maximum(answers, _LEAST))).float()
        with torch.no_grad():
            return float((self.detector(logs) > 0).float().mean())

    def is_marked(self, accuracy: float, clean: Sequence[float]) -> bool:
        """Say whether a suspect's watermark accuracy is above the 99.9th percentile of clean models'.

        This is how the reconstruction decides. It bounds no chance: of 30 clean models the percentile is the largest.
        """
        return accuracy > float(np.quantile(np.asarray(clean, np.float64), 0.999))


class _Lesson(NamedTuple):
    inputs: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]
    carriers: npt.NDArray[Any]
    clean: list[F64]
    mark: Perturbation
    key: Key
    temperature: float
    weights: tuple[float, float]


def train_reconstruction(
    model: nn.Module, inputs: npt.NDArray[Any], labels: npt.NDArray[Any], *, mark: Perturbation, key: Key,
    clean: Sequence[nn.Module], epochs: int = 6, batch: int = 128, rate: float = 1e-3, temperature: float = 3.0,
    weights: tuple[float, float] = (1.0, 1.0), seed: int = 0,
    progress: Callable[[int, int, float], object] | None = None,
) -> Reconstructed:  # fmt: skip
    """Train a copy of a model, and a detector with it, on ``CE + w T^2 KL(q(x_w) || p_T(x_w)) + d BCE(D(p(x_w)), 1)``.

    The detector also learns that answers of the model to ordinary inputs, answers of clean models to carriers, and
    those with other owners' perturbations are not marked.

    Parameters
    ----------
    model : torch module in evaluation mode that answers with logits
    inputs, labels : (N, ...) and (N,)
    mark : UspMark or CspMark
    key : Key
    clean : five or more unmarked models, trained independently
    epochs, batch, rate, seed
        Of the training with AdamW; the rate falls to 0 in half a cosine.
    temperature : float
        Of the carriers' targets.
    weights : (float, float)
        Of the carriers' and the detector's losses. With .1 for the detector's, it knows 98.9 % of its carriers by
        CSP on Fashion-MNIST, with 1 it knows 99.6 %, at the same accuracy of the model.
    progress : callable, optional
        Called with the epoch, the epochs and the mean loss.

    Raises
    ------
    WatermarkError
        If there are fewer than five clean models, a model is in training mode, or numbers do not fit.
    """
    check_evaluating(model)
    if len(clean) < _LEAST_CLEAN:
        raise WatermarkError(f"{len(clean)} clean models are given, the detector needs {_LEAST_CLEAN}: train more")
    found = np.asarray(labels)
    if found.shape != (len(inputs),) or found.dtype.kind not in "iu" or not 1 <= batch <= len(inputs) or epochs < 1:
        raise WatermarkError(f"{epochs} epochs of batches of {batch} from {len(inputs)} inputs: nothing is learnt")
    marked = carriers(inputs, key, mark.blend)
    how = Interface(output="logits")
    answers = [probabilities_of(one, marked, how, mark.n_classes) for one in clean]
    lesson = _Lesson(inputs, found.astype(np.int64), marked, answers, mark, key, temperature, weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        student, detector = copy.deepcopy(model).train(), Detector(mark.n_classes)
        optimiser = torch.optim.AdamW([*student.parameters(), *detector.parameters()], lr=rate, weight_decay=0.0)
        steps = len(inputs) // batch
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * steps)
        for epoch in range(epochs):
            order, total = torch.randperm(len(inputs)).numpy(), 0.0
            for step in range(steps):
                loss = _loss(student, detector, lesson, order[step * batch : (step + 1) * batch], epoch * steps + step)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]  # torch's own is not typed
                optimiser.step()
                schedule.step()
                total += float(loss.detach())
            if progress is not None:
                progress(epoch + 1, epochs, total / steps)
    return Reconstructed(student.eval(), detector.eval(), mark, key)


def _loss(model: nn.Module, detector: Detector, lesson: _Lesson, rows: npt.NDArray[np.int64], step: int) -> Tensor:
    """Return the joint loss of one batch of ordinary inputs and as many carriers."""
    labels = lesson.labels[rows]
    both = network_input(np.concatenate([lesson.inputs[rows], lesson.carriers[rows]]))
    plain, marked = model(torch.from_numpy(both)).float().split(len(rows))
    base = lesson.clean[step % len(lesson.clean)][rows]
    target = torch.from_numpy(lesson.mark.targets(base, labels, key=lesson.key)).float()
    t = lesson.temperature
    cooled = functional.softmax(target.clamp_min(_LEAST).log() / t, 1)
    embedded = t * t * functional.kl_div(functional.log_softmax(marked / t, 1), cooled, reduction="batchmean")
    own = functional.cross_entropy(plain, torch.from_numpy(labels))
    other = lesson.key.derive(f"owner/{step % _OTHER_OWNERS}")
    foreign = torch.from_numpy(lesson.mark.targets(base, labels, key=other)).float().clamp_min(_LEAST).log()
    unmarked = torch.from_numpy(np.log(np.maximum(base, _LEAST))).float()
    positive = detector(functional.log_softmax(marked, 1))
    negative = detector(torch.cat([functional.log_softmax(plain.detach(), 1), unmarked, foreign]))
    said = functional.softplus(-positive).mean() + functional.softplus(negative).mean()
    return own + lesson.weights[0] * embedded + lesson.weights[1] * said
