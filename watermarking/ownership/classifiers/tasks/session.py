"""One step of a course for all networks of a stack, and on a GPU its recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor
from torch.nn import functional

from watermarking.ownership.classifiers.tasks.batches import Draws, moved
from watermarking.ownership.classifiers.tasks.course import rows_of
from watermarking.ownership.classifiers.tasks.stack import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watermarking.ownership.classifiers.tasks.course import Course, Lesson
    from watermarking.ownership.classifiers.tasks.engine import Engine
    from watermarking.ownership.classifiers.tasks.stack import Stack

    Penalty = Callable[[dict[str, Tensor]], Tensor]

__all__ = ["Session"]

_UNRECORDED: Final = 3  # steps that set up what a recording must find: moments, chosen algorithms


class Session:
    """The state of a training.

    Parameters
    ----------
    stack : Stack
        Trained in place.
    lesson : Lesson
        On the engine's device.
    course, engine : Course, Engine
    seeds : sequence of int
        One a network.
    rows : (sequence of int or None, sequence of int or None)
        Which set of inputs (and labels, if there are several), and which answers, each network has.
    masks : dict of Tensor (k, ...)
        Weights that stay zero where these are zero.
    penalty : callable, optional
        What is added to the loss, of the weights.
    """

    def __init__(
        self,
        stack: Stack,
        lesson: Lesson,
        course: Course,
        engine: Engine,
        seeds: Sequence[int],
        rows: tuple[Sequence[int] | None, Sequence[int] | None],
        masks: dict[str, Tensor],
        penalty: Penalty | None,
    ) -> None:
        self.stack, self.course, self.engine, self.lesson = stack, course, engine, lesson
        k, n, device = len(stack), lesson.inputs.shape[1], engine.place
        self.batch = min(course.batch, n)
        self.steps = n // self.batch
        self.draws = Draws(list(seeds), n, self.steps * self.batch, course.shift, device)
        self.inputs_of = rows_of(rows[0], len(lesson.inputs), k, device, "inputs")[:, None]
        self.targets = None if course.true == 1 else _softened(lesson, course.temperature)
        if self.targets is not None:
            self.targets_of = rows_of(rows[1], len(self.targets), k, device, "answers")[:, None]
        self.labels = lesson.labels if course.true else None
        if self.labels is not None:
            u = len(self.labels)
            self.labels_of = rows_of(rows[0] if u > 1 else None, u, k, device, "labels")[:, None]
        self.masks, self.penalty = masks, penalty
        self.weights = [w for name, w in stack.parameters.items() if course.layers == "all" or name.startswith("head.")]
        for weight in self.weights:
            weight.requires_grad_(True)
        self.rates = torch.tensor(course.rates(course.epochs * self.steps), device=device)
        self.optimiser = self._optimiser(course)
        self.step = torch.zeros(1, dtype=torch.int64, device=device)  # a scalar index would be read by the host
        self.place = torch.zeros((), dtype=torch.int64, device=device)
        self.within = torch.arange(self.batch, device=device)
        self.losses = torch.zeros(k, device=device)
        self.recording: torch.cuda.CUDAGraph | None = None
        self.n_steps = 0

    def _optimiser(self, course: Course) -> torch.optim.Optimizer:
        rate = self.rates[0].clone() if self.engine.on_gpu else float(self.rates[0])
        return torch.optim.AdamW(
            self.weights, lr=rate, betas=(0.9, 0.99), weight_decay=course.decay, fused=True,
            capturable=self.engine.on_gpu,
        )  # fmt: skip

    def epoch(self, number: int) -> Tensor:
        """Train for one epoch, from 0; return the mean loss of each network, (k,)."""
        self.stack.template.train(self.course.layers == "all")
        self.draws.draw(number)
        self.place.zero_()
        self.losses.zero_()
        done = 0
        if self.engine.on_gpu:
            if self.engine.graph and self.recording is None and self.n_steps + self.steps > _UNRECORDED:
                done = self._record()
            if self.recording is not None:
                for _ in range(self.steps - done):
                    self.recording.replay()
                done = self.steps
        for _ in range(self.steps - done):
            self._step()
        self.n_steps += self.steps
        return self.losses / self.steps

    def finish(self) -> None:
        """Leave the weights as plain tensors."""
        for weight in self.weights:
            weight.requires_grad_(False)
            weight.grad = None
        self.stack.template.eval()

    def _record(self) -> int:
        """Run the first steps, on a stream of their own as recording wants it, record one; return their number."""
        first = min(_UNRECORDED, self.steps)
        stream = torch.cuda.Stream(self.engine.place)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(first):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize(self.engine.place)
        recording = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recording):
            self._step()
        self.recording = recording
        return first

    def _step(self) -> None:
        chosen = self.draws.order[:, self.place + self.within]
        x = self._inputs(chosen)
        if self.course.adversarial:
            x = self._opposed(x, chosen)
        loss = self._loss(x, chosen)
        total = loss.sum()
        if self.penalty is not None:
            total = total + self.penalty(self.stack.parameters).sum()
        gradients = torch.autograd.grad(total, self.weights)
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient.contiguous()  # the fused optimiser reads gradients as if they lay as weights do
        self._set_rate()
        self.optimiser.step()
        with torch.no_grad():
            for name, mask in self.masks.items():
                self.stack.parameters[name].mul_(mask)
            self.losses += loss.detach()
            self.place += self.batch
            self.step += 1

    def _set_rate(self) -> None:
        for group in self.optimiser.param_groups:
            if self.engine.on_gpu:
                group["lr"].copy_(self.rates[self.step][0])
            else:
                group["lr"] = float(self.rates[self.step])

    def _inputs(self, chosen: Tensor) -> Tensor:
        """Gather a batch of each network, (k, batch, ...), mirrored and moved."""
        x = scaled(self.lesson.inputs[self.inputs_of, chosen])
        if x.ndim < 5:
            return x
        places = self.place + self.within
        mirrored = self.draws.mirrored[:, places] if self.course.flips else None
        return moved(x, mirrored, self.draws.moves[:, :, places] if self.course.shift else None)

    def _opposed(self, x: Tensor, chosen: Tensor) -> Tensor:
        """Move inputs to where the loss is higher."""
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self._loss(x, chosen).sum(), x)
        changed = x.detach() + self.course.adversarial * gradient.sign()
        return changed.clamp(0, 1) if x.ndim == 5 else changed

    def _loss(self, x: Tensor, chosen: Tensor) -> Tensor:
        """Return the mean loss of each network over its batch, (k,)."""
        course, engine = self.course, self.engine
        with engine.autocast():
            logits = self.stack.forward(x, stacked=engine.stacked, streams=engine.side_streams).float()
        loss = torch.zeros(len(self.stack), device=logits.device)
        if self.targets is not None:
            target = self.targets[self.targets_of, chosen]
            soft = -(target * functional.log_softmax(logits / course.temperature, -1)).sum(-1).mean(1)
            loss = loss + (1 - course.true) * course.temperature**2 * soft
        if self.labels is not None:
            found = functional.cross_entropy(
                logits.flatten(0, 1), self.labels[self.labels_of, chosen].flatten(), reduction="none",
                label_smoothing=course.smoothing,
            )  # fmt: skip
            loss = loss + course.true * found.view(chosen.shape).mean(1)
        return loss


def _softened(lesson: Lesson, temperature: float) -> Tensor:
    answers = lesson.answers
    assert answers is not None  # the lesson was checked
    return torch.softmax(answers.float() / temperature, -1)
