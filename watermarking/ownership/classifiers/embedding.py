"""A mark in a classifier's weights: a short fine-tuning on its own marked answers."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from watermarking.deep.tensors import read_metadata, read_tensors, write_tensors
from watermarking.deep.training.checkpoint import pack, unpack
from watermarking.errors import WatermarkError, WeightsError
from watermarking.ownership.classifiers.answers import check_probabilities, kind_of
from watermarking.ownership.classifiers.asking import check_evaluating, network_input
from watermarking.ownership.marks import mark_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    from torch import Tensor, nn

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.asking import Output
    from watermarking.ownership.classifiers.mark import SoftLabelMark

    F64 = npt.NDArray[np.float64]

__all__ = ["embed_in_weights"]

_HARD: Final = 0.2
"""What the true labels count for; the rest is the marked answers'."""
_TINY: Final = 1e-12
_WARM_UP: Final = 50  # steps
_SPREAD: Final = 1_000_003
"""Between the seeds of two steps' random numbers."""


class _Lesson(NamedTuple):
    """All that is learnt from, one row an input."""

    inputs: Any
    labels: Tensor | None
    coordinates: F64
    mark: SoftLabelMark
    key: Key
    flips: bool
    device: str


def embed_in_weights(
    model: nn.Module, inputs: Any, labels: Any = None, *, mark: SoftLabelMark, key: Key, epochs: int = 6,
    batch: int = 128, rate: float = 1e-3, seed: int = 0, features: Callable[[Any], Any] | None = None,
    device: str = "cpu", checkpoint: Path | None = None, progress: Callable[[int, int, float], object] | None = None,
) -> nn.Module:  # fmt: skip
    """Return a copy of a classifier that answers as a protected one does, without a wrapper.

    It is trained on ``.2 CE(labels) + .8 KL(marked answers of the given model, its own)``. Anybody who copies, prunes
    or distils it takes the mark along; it may change the first class of a few inputs, as any training does.

    Parameters
    ----------
    model : torch module in evaluation mode; it stays as it is, and is what suspects are compared with
    inputs : (N, H, W), (N, H, W, C), (N, C, H, W) or (N, D)
        The model's training data, best. Pictures are flipped at random if the mark is the same for mirror images.
    labels : (N,) integers, optional
        Without them the marked answers alone are learnt.
    mark : SoftLabelMark
    key : Key
    epochs, batch, rate, seed
        Of the fine-tuning with AdamW; the rate falls to 0 in half a cosine.
    features : callable, optional
        Makes of the inputs the features that the mark was fitted on, if it was not on the inputs themselves.
    device : str
    checkpoint : path, optional
        Safetensors file that is written after each epoch, and gone on from.
    progress : callable, optional
        Called with the epoch, the epochs and the epoch's mean loss.

    Raises
    ------
    ModelAnswerError
        If the model does not answer with probabilities or logits of the mark's classes.
    WatermarkError
        If it is in training mode or frozen, labels do not fit, or a number is out of range.
    WeightsError
        If the checkpoint is damaged, or of another run.
    """
    check_evaluating(model)
    lesson = _lesson(inputs, labels, mark, key, features, device)
    n = len(lesson.inputs)
    if epochs < 1 or not 1 <= batch <= n or not rate > 0:
        raise WatermarkError(f"{epochs} epochs of batches of {batch} from {n} inputs at {rate:g}: nothing is learnt")
    teacher = model.to(device)
    output = _output(teacher, lesson)
    with torch.random.fork_rng(devices=[]):
        student = copy.deepcopy(teacher)
        taught = [one for one in student.parameters() if one.requires_grad]
        if not taught:
            raise WatermarkError(
                "all of the model's weights are frozen: call requires_grad_() on those that may change"
            )
        optimiser = torch.optim.AdamW(taught, lr=rate, weight_decay=0.0)
        about = _about(
            lesson, teacher, epochs=epochs, batch=batch, rate=rate, seed=seed, digests=checkpoint is not None
        )
        for epoch in range(_load(student, optimiser, checkpoint, about), epochs):
            loss = _epoch(student, teacher, optimiser, lesson, output, (epoch, epochs, batch, rate, seed))
            if checkpoint is not None:
                _save(student, optimiser, checkpoint, about, epoch + 1)
            if progress is not None:
                progress(epoch + 1, epochs, loss)
    return student.eval()


def _lesson(
    inputs: Any, labels: Any, mark: SoftLabelMark, key: Key, features: Callable[[Any], Any] | None, device: str
) -> _Lesson:
    """Check what is learnt from."""
    coordinates = mark.coarse(features(inputs) if features is not None else inputs)
    if len(coordinates) != len(inputs):
        raise WatermarkError(f"there are {len(coordinates)} coarse features of {len(inputs)} inputs: give one each")
    given = None
    if labels is not None:
        found = np.asarray(labels)
        if found.shape != (len(inputs),) or found.dtype.kind not in "iu":
            raise WatermarkError(f"labels are {found.shape} {found.dtype}: give one whole number for each input")
        if found.min() < 0 or found.max() >= mark.n_classes:
            raise WatermarkError(
                f"labels go from {found.min()} to {found.max()}, the mark has {mark.n_classes} classes"
            )
        given = torch.from_numpy(found.astype(np.int64)).to(device)
    flips = mark.coarse.kind == "pictures" and mark.coarse.flips and features is None
    return _Lesson(inputs, given, coordinates, mark, key, flips, device)


def _batch(lesson: _Lesson, rows: npt.NDArray[np.int64], flipped: Tensor | None) -> Tensor:
    """Return some inputs as the model takes them, mirrored where it is said."""
    found = torch.from_numpy(network_input(lesson.inputs[rows])).to(lesson.device)
    if flipped is None or found.ndim != 4:
        return found
    return torch.where(flipped.to(found.device)[:, None, None, None], found.flip(3), found)


def _output(teacher: nn.Module, lesson: _Lesson) -> Output:
    """Find out whether the model answers with logits."""
    with torch.no_grad():
        some = teacher(_batch(lesson, np.arange(min(64, len(lesson.inputs))), None)).float().cpu().numpy()
    return "logits" if some.ndim == 2 and some.size and kind_of(some) == "logits" else "probabilities"


def _epoch(
    student: nn.Module, teacher: nn.Module, optimiser: torch.optim.Optimizer, lesson: _Lesson, output: Output,
    when: tuple[int, int, int, float, int],
) -> float:  # fmt: skip
    """Train one epoch and return its mean loss."""
    epoch, epochs, batch, rate, seed = when
    n, total = len(lesson.inputs), 0.0
    steps = n // batch
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed * _SPREAD + epoch)).numpy()
    student.train()
    for step in range(steps):
        done = epoch * steps + step
        torch.manual_seed(seed * _SPREAD + done)  # a resumed run drops out and flips as a whole one does
        for group in optimiser.param_groups:
            warm = min(1.0, (done + 1) / min(_WARM_UP, max(1, epochs * steps // 5)))
            group["lr"] = rate * warm * 0.5 * (1 + math.cos(math.pi * done / (epochs * steps)))
        rows = order[step * batch : (step + 1) * batch]
        flipped = torch.rand(len(rows)) < 0.5 if lesson.flips else None
        loss = _loss(student, teacher, lesson, output, rows, _batch(lesson, rows, flipped))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own is not typed
        optimiser.step()
        total += float(loss.detach())
    return total / steps


def _loss(
    student: nn.Module, teacher: nn.Module, lesson: _Lesson, output: Output, rows: npt.NDArray[np.int64], some: Tensor
) -> Tensor:
    with torch.no_grad():
        answers = teacher(some)
        answers = functional.softmax(answers.double(), 1) if output == "logits" else answers.double()
    given = check_probabilities(answers.cpu().numpy(), lesson.mark.n_classes)
    wanted = lesson.mark.answer_at(given, lesson.coordinates[rows], key=lesson.key)
    target = torch.from_numpy(wanted).float().to(lesson.device)
    own = student(some).float()
    logs = functional.log_softmax(own, 1) if output == "logits" else own.clamp_min(_TINY).log()
    soft = functional.kl_div(logs, target, reduction="batchmean")
    if lesson.labels is None:
        return soft
    return (1 - _HARD) * soft + _HARD * functional.nll_loss(logs, lesson.labels[rows])


def _about(lesson: _Lesson, teacher: nn.Module, *, digests: bool, **choices: float) -> str:
    """Return what makes a run this one: two models of one network are told apart by their weights."""
    said: dict[str, Any] = {"mark": mark_config(lesson.mark), "key": lesson.key.commitment, **choices}
    if digests:
        found = hashlib.sha256(np.ascontiguousarray(lesson.coordinates).tobytes())
        if lesson.labels is not None:
            found.update(lesson.labels.cpu().numpy().tobytes())
        said["data"] = found.hexdigest()
        weights = hashlib.sha256()
        for name, value in teacher.state_dict().items():
            weights.update(name.encode())
            weights.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        said["model"] = weights.hexdigest()
    return json.dumps(said, sort_keys=True)


def _save(student: nn.Module, optimiser: torch.optim.Optimizer, path: Path, about: str, epoch: int) -> None:
    write_tensors(path, pack({"model": student}, {"model": optimiser}), {"epoch": str(epoch), "run": about})


def _load(student: nn.Module, optimiser: torch.optim.Optimizer, path: Path | None, about: str) -> int:
    """Go on from a checkpoint, if there is one; return the epochs done."""
    if path is None or not path.exists():
        return 0
    said, tensors = read_metadata(path), read_tensors(path)
    if said.get("run") != about:
        raise WeightsError(f"{path} belongs to another run: use its data, mark, key and numbers, or another file")
    unpack(tensors, {"model": student}, {"model": optimiser}, path)
    return int(said["epoch"])
