"""Train classifiers: one, or many of one architecture at once."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import torch

from watermarking.deep.tensors import read_metadata, read_tensors, write_tensors
from watermarking.errors import WatermarkError, WeightsError
from watermarking.ownership.classifiers.tasks.engine import Engine, exact
from watermarking.ownership.classifiers.tasks.session import Session
from watermarking.ownership.classifiers.tasks.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from watermarking.ownership.classifiers.tasks.course import Course, Lesson

__all__ = ["accuracy", "log_answers", "train", "train_stack"]


def train_stack(
    stack: Stack,
    lesson: Lesson,
    course: Course,
    *,
    seeds: Sequence[int],
    engine: Engine | None = None,
    input_sets: Sequence[int] | None = None,
    answer_sets: Sequence[int] | None = None,
    masks: dict[str, Tensor] | None = None,
    penalty: Callable[[dict[str, Tensor]], Tensor] | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> Stack:
    """Train k networks at once, each as if it were alone.

    Parameters
    ----------
    stack : Stack
        Stays as it is.
    lesson, course : Lesson, Course
        What all of them learn, and how.
    seeds : sequence of int
        k of them: the order in which a network sees its inputs follows from its seed.
    engine : Engine, optional
        Left out: one after the other on the CPU.
    input_sets, answer_sets : sequence of int, optional
        Which set of inputs and of answers each network has; left out: the only one, or one each.
    masks : dict of Tensor (k, ...), optional
        By the name of a parameter: zero where it is to stay zero.
    penalty : callable, optional
        Takes the parameters by name, (k, ...) each, and returns what is added to each network's loss, (k,).
    checkpoint : path, optional
        A safetensors file, written after every epoch and gone on from if it is there. It knows its lesson, its course
        and its seeds, and refuses others.
    progress : callable, optional
        Given the epoch (from 1) and the mean loss.

    Returns
    -------
    Stack
        On the engine's device.

    Raises
    ------
    WatermarkError
        If something does not fit, the loss is not finite, or the checkpoint is of another run.
    """
    engine = engine or Engine()
    if len(seeds) != len(stack) or not all(0 <= seed < 1 << 40 for seed in seeds):
        raise WatermarkError(f"{len(stack)} networks need as many seeds from 0 to 2^40, not {list(seeds)[:8]}")
    lesson.check(course, _n_classes(stack))
    trained = stack.to(engine.place).clone()
    masks = {name: mask.to(engine.place) for name, mask in (masks or {}).items()}
    session = Session(
        trained, lesson.to(engine.place), course, engine, seeds, (input_sets, answer_sets), masks, penalty
    )
    about = {"course": repr(course), "seeds": list(seeds), "lesson": _digest(lesson) if checkpoint else ""}
    about["start"] = _weights_digest(stack, masks) if checkpoint else ""
    about["sets"] = [None if one is None else list(one) for one in (input_sets, answer_sets)]
    first = 0 if checkpoint is None or not checkpoint.exists() else _resume(session, checkpoint, about)
    for epoch in range(first, course.epochs):
        losses = session.epoch(epoch)
        if progress is not None or epoch + 1 == course.epochs:
            _refuse_divergence(losses, epoch, course)
        if progress is not None:
            progress(epoch + 1, float(losses.mean()))
        if checkpoint is not None:
            _save(session, checkpoint, about, epoch + 1)
    session.finish()
    return trained


def train(
    module: nn.Module, lesson: Lesson, course: Course, *, seed: int = 0, engine: Engine | None = None, **more: Any
) -> nn.Module:
    """Train one network; see :func:`train_stack`, which does it for many. The module given stays as it is."""
    return train_stack(Stack.of([module]), lesson, course, seeds=[seed], engine=engine, **more).module(0)


def log_answers(stack: Stack, inputs: Tensor, *, batch: int = 2000) -> Tensor:
    """Ask a stack for log-probabilities (k, n, n_classes) in full float32; inputs are (n, ...)."""
    with exact():
        return stack.answer(inputs, batch=batch)


def accuracy(answers: Tensor, labels: Tensor) -> list[float]:
    """Return the share of right answers of each network, of (k, n, n_classes) and labels (n,)."""
    right = answers.argmax(-1) == labels.to(answers.device)
    return [float(share) for share in right.double().mean(1)]


def _n_classes(stack: Stack) -> int:
    head = stack.parameters.get("head.weight")
    if head is None:
        raise WatermarkError("the networks have no layer 'head': name their last linear layer so")
    return int(head.shape[1])


def _refuse_divergence(losses: Tensor, epoch: int, course: Course) -> None:
    if not bool(torch.isfinite(losses).all()):
        raise WatermarkError(f"the loss is not finite in epoch {epoch + 1}: use a smaller rate than {course.rate:g}")


def _digest(lesson: Lesson) -> str:
    found = hashlib.sha256()
    for part in (lesson.inputs, lesson.answers, lesson.labels):
        if part is not None:
            found.update(repr(part.shape).encode())
            found.update(part.detach().cpu().contiguous().numpy().data)
    return found.hexdigest()


def _weights_digest(stack: Stack, masks: dict[str, Tensor]) -> str:
    """Return the hash of what a training starts from: two stolen models learn the same lesson, but are not the same."""
    found = hashlib.sha256()
    for part in (stack.parameters, stack.buffers, masks):
        for name, value in part.items():
            found.update(name.encode())
            found.update(value.detach().cpu().contiguous().numpy().data)
    return found.hexdigest()


def _state(session: Session) -> dict[str, Tensor]:
    """Name every tensor that going on needs."""
    found = {f"parameter/{name}": value for name, value in session.stack.parameters.items()}
    found |= {f"buffer/{name}": value for name, value in session.stack.buffers.items()}
    for i, weight in enumerate(session.weights):
        found |= {f"moment/{i}/{name}": value for name, value in session.optimiser.state[weight].items()}
    return found


def _save(session: Session, path: Path, about: dict[str, Any], epoch: int) -> None:
    write_tensors(path, _state(session), {"run": json.dumps(about), "epoch": str(epoch)})


def _resume(session: Session, path: Path, about: dict[str, Any]) -> int:
    """Fill a session from a checkpoint; return the epochs done."""
    said, tensors = read_metadata(path), read_tensors(path)
    try:
        saved, epoch = json.loads(said["run"]), int(said["epoch"])
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} is no checkpoint of a classifier: name another file") from error
    saved = {"start": about["start"]} | saved  # checkpoints of earlier versions do not say what they started from
    other = [name for name in about if saved.get(name) != about[name]]
    if other:
        raise WeightsError(f"{path} belongs to another run, by its {', '.join(other)}: use its own, or another file")
    try:
        with torch.no_grad():
            for kind, part in (("parameter", session.stack.parameters), ("buffer", session.stack.buffers)):
                for name, value in part.items():
                    value.copy_(tensors[f"{kind}/{name}"])
            for i, weight in enumerate(session.weights):
                moments = {name: tensors[f"moment/{i}/{name}"] for name in ("step", "exp_avg", "exp_avg_sq")}
                session.optimiser.state[weight] = {n: t.to(weight.device) for n, t in moments.items()}
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold these networks ({error}): name another file") from error
    session.step.fill_(epoch * session.steps)
    return epoch
