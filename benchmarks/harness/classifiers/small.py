"""Small measurements around the mark of a classifier, a row each, so that they stop and go on anywhere.

What they train is kept with the owner's models; but for one student nothing is trained anew.
"""

from __future__ import annotations

import functools
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn

from harness.cells import DONE, significant
from harness.classifiers.owner import Owner, key_of
from harness.classifiers.reconstructed import measure_reconstruction, reconstruction_cells, reconstruction_lines
from harness.classifiers.tasks import ASKED, classifier_data
from harness.means import mean_interval
from watermarking.keys import Key
from watermarking.ownership.classifiers.asking import Interface
from watermarking.ownership.classifiers.clients import client_key, identify
from watermarking.ownership.classifiers.evidence import gather
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.classifiers.protect import ProtectedClassifier
from watermarking.ownership.classifiers.removal.distil import Distil
from watermarking.ownership.classifiers.removal.loot import Loot, Thieves, log_probabilities
from watermarking.ownership.classifiers.tasks.engine import Engine
from watermarking.ownership.classifiers.tasks.labelled import fashion
from watermarking.ownership.classifiers.tasks.training import log_answers
from watermarking.ownership.classifiers.verdict import Compared, best_of_each

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from torch import Tensor

    from harness.cells import Cell, Row

    F64 = npt.NDArray[np.float64]

__all__ = ["measure_small", "small_cells", "small_table"]

_RUNS: Final = 1000
_PART: Final = 50  # runs of a row
_NULL_KEYS: Final = 1000
_NULL_PART: Final = 250
_NULL_QUERIES: Final = 500
_CLIENTS: Final = 1000
_CLIENT_QUERIES: Final = 500
_CLIENT: Final = 7
_MODELS: Final = 5  # three references, two with smoothed labels
_BATCH: Final = 32
_ROUNDS: Final = 3


def small_cells() -> list[Cell]:
    """List what is measured: the quickest first."""
    found: list[Cell] = [{"task": "none", "measured": "time", "classes": k, "side": 224} for k in (1000, 10)]
    found += [{"task": "fashion", "measured": "embedding", "profile": "standard", "key": key} for key in range(10)]
    found += reconstruction_cells()
    found += [
        {"task": "fashion", "measured": "clients", "suspect": name, "clients": _CLIENTS, "queries": _CLIENT_QUERIES}
        for name in ("wrapper", "mlp, distilled", "clean")
    ]
    found += [
        {"task": "fashion", "measured": "evidence", "model": part % 3, "queries": 2 * ASKED, "part": part}
        for part in range(_RUNS // _PART)
    ]
    found += [
        {"task": "fashion", "measured": "null", "model": model, "queries": _NULL_QUERIES, "part": part}
        for part in range(_NULL_KEYS // _NULL_PART) for model in range(_MODELS)
    ]  # fmt: skip
    return found


class _World:
    """The owner's and clean models' answers to all of the test set."""

    def __init__(self, kept: Path | None) -> None:
        self.owner = Owner("fashion", Engine(bf16=True), kept)
        rest = fashion(classifier_data(), "test").split([ASKED, ASKED], seed=14)[1]
        asked = self.owner.task.asked
        self.pictures = np.concatenate([asked.inputs, rest.inputs])
        self.labels = np.concatenate([asked.labels, rest.labels])
        self.own = self.ask(self.owner.model)[0]
        self.clean = np.concatenate(
            [self.ask(self.owner.references), self.ask(self.owner.clean("smoothed references", "c2", (111, 112)))]
        )
        self.mark = self.owner.mark("standard")
        self.numbers = self.mark.coarse.numbers(self.pictures)

    def ask(self, stack: Any, pictures: Tensor | None = None) -> F64:
        """Return probabilities (k, n, K), by default for the test set."""
        found = log_answers(stack, torch.tensor(self.pictures) if pictures is None else pictures).exp().double().numpy()
        return np.asarray(found / found.sum(2, keepdims=True))

    def others(self, model: int) -> F64:
        """Return the references without one that is suspected."""
        return np.asarray(np.delete(self.clean[:3], model, 0) if model < 3 else self.clean[:3])


@functools.cache
def _world(kept: Path | None) -> _World:
    return _World(kept)


def measure_small(cells: list[Cell], *, kept: Path | None) -> list[Row]:
    """Measure cells one after the other."""
    rows = []
    for cell in cells:
        start = time.perf_counter()
        if cell["measured"] == "time":
            row = _timed(cell)
        else:
            row = _MEASURES[cell["measured"]](_world(kept), cell)
        rows.append({"status": DONE, **row, "seconds": round(time.perf_counter() - start, 2)})
    return rows


def _embedding(world: _World, cell: Cell) -> Row:
    """Return on how many of the 10,000 test pictures either model is right."""
    marked = world.ask(world.owner.embedded(cell["profile"], (cell["key"],)))[0]
    right = [int((answers.argmax(1) == world.labels).sum()) for answers in (world.own, marked)]
    return {"right": right[0], "right_embedded": right[1], "of": len(world.labels)}


def _clients(world: _World, cell: Cell) -> Row:
    """Return the right client's p-value and the least of the others', times the number of clients as they are."""
    keys = {f"client {i}": client_key(key_of(0), f"client {i}") for i in range(cell["clients"])}
    rows = np.arange(cell["queries"])
    suspect = {"wrapper": _served, "mlp, distilled": _distilled, "clean": lambda *_: world.clean[0]}[cell["suspect"]](
        world, keys[f"client {_CLIENT}"]
    )
    compared = verify_classifier(
        suspect[rows], world.pictures[rows], own=world.own[rows], mark=world.mark, key=key_of(1),
        references=list(world.clean[1:3][:, rows]),
    ).compared  # fmt: skip
    found = identify(compared, world.mark, keys)
    right = found.pop(f"client {_CLIENT}")
    wrong = sorted(one.p_value for one in found.values())
    return {"p_right": significant(right.p_value), "p_wrong": [significant(p) for p in wrong[:10]]}


def _served(world: _World, key: Key) -> F64:
    return np.asarray(world.mark.answer(world.own, world.pictures, key=key))


def _distilled(world: _World, key: Key) -> F64:
    """Return the answers of a perceptron that learnt from a client's 30,000 answers."""
    inputs, labels = (one[: len(world.owner.task.own)] for one in world.owner.tensor(world.owner.task.stolen))
    marked = world.mark.answer(world.ask(world.owner.model, inputs)[0], inputs.numpy(), key=key)
    loot = Loot(queries=inputs, answers=log_probabilities(torch.from_numpy(marked))[None], labels=labels, flips=True)
    student = Distil(n=len(inputs)).apply(loot, Thieves(network="mlp", seeds=(7000,), teachers=(0,))).stack
    return np.asarray(world.ask(student)[0], np.float64)


def _evidence(world: _World, cell: Cell) -> Row:
    """Return the largest e-value of a clean model under each of some fresh keys: it never falls, so the last is it."""
    model, n = cell["model"], cell["queries"]
    largest = []
    for run in range(_PART):
        key = Key(b"evidence, run %06d" % (cell["part"] * _PART + run))
        steps = gather(
            list(world.clean[model, :n]), world.pictures[:n], own=world.own[:n], mark=world.mark, key=key,
            references=world.others(model)[:, :n], interface=Interface(output="probabilities"), every=n,
        )  # fmt: skip
        largest.append(significant([one.e_value for one in steps][-1]))
    return {"largest": largest}


def _null(world: _World, cell: Cell) -> Row:
    """Return p-values of keys that marked nothing, for a clean model."""
    model, n = cell["model"], cell["queries"]
    compared = Compared(
        np.arange(n), world.clean[model, :n], np.concatenate([world.own[None], world.others(model)])[:, :n],
        len(world.others(model)), world.numbers[:n], "probabilities",
    )  # fmt: skip
    keys = range(1000 + cell["part"] * _NULL_PART, 1000 + (cell["part"] + 1) * _NULL_PART)
    return {"null": [significant(one.p_value) for one in best_of_each(compared, world.mark, map(key_of, keys))]}


def _reconstruction(world: _World, cell: Cell) -> Row:
    return measure_reconstruction(world.owner, cell)


_MEASURES: Final = {
    "embedding": _embedding, "clients": _clients, "evidence": _evidence, "null": _null,
    "reconstruction": _reconstruction,
}  # fmt: skip


class _Block(nn.Module):
    """A basic block of a residual network (He et al., 2016)."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), nn.BatchNorm2d(n_out),
        )  # fmt: skip
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or n_in != n_out:
            self.skip = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = torch.relu(self.body(x) + self.skip(x))
        return found


def _resnet18(n_classes: int) -> nn.Module:
    """Return ResNet-18's layers, untrained: its time does not depend on its weights."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, 1))
    for n_in, n_out, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        layers += [_Block(n_in, n_out, stride), _Block(n_out, n_out, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, n_classes)).eval()


def _timed(cell: Cell) -> Row:
    """Return the processor's seconds of a forward pass and of all that the wrapper adds, in turns, on one thread.

    What it adds is timed around a model that returns what the network answered: a few milliseconds more or less of the
    network would hide it.
    """
    side, k = cell["side"], cell["classes"]
    rng = np.random.default_rng(0)
    fitted = rng.normal(size=(500, 3, 7, 7)).repeat(8, 2).repeat(8, 3)
    mark = SoftLabelMark.fit(fitted.astype(np.float32), n_classes=k)
    network, batch = _resnet18(k), torch.from_numpy(rng.normal(size=(_BATCH, 3, side, side)).astype(np.float32))
    with torch.inference_mode():
        answers = network(batch).clone()
    stub = ProtectedClassifier(lambda _: answers, mark, key=key_of(0), interface=Interface(output="logits"))
    stub(batch)  # the key is drawn once
    seconds: dict[str, list[float]] = {"network": [], "wrapper": []}
    for _ in range(_ROUNDS):
        for name, call in (("network", network), ("wrapper", stub)):
            start = time.process_time()
            with torch.inference_mode():
                call(batch)
            seconds[name].append(time.process_time() - start)
    ratio = statistics.median(seconds["wrapper"]) / statistics.median(seconds["network"])
    return {**{name: [significant(one) for one in found] for name, found in seconds.items()}, "share": ratio}


def small_table(rows: list[Row]) -> tuple[list[str], list[list[object]]]:
    """Return a line for each measurement."""
    lines: list[list[object]] = []
    for row in rows:
        if row["measured"] == "time":
            best = [1e3 * min(row[name]) for name in ("network", "wrapper")]
            said = f"{100 * row['share']:.1f} % of ResNet-18, {best[1]:.1f} of {best[0]:.0f} ms at best"
            lines.append([f"wrapper, {row['classes']} classes", f"batch {_BATCH}", said])
        elif row["measured"] == "clients":
            said = f"the right one {row['p_right']:.0e}, the least of the others {row['p_wrong'][0]:.1e}"
            lines.append([f"{row['clients']} clients, {row['suspect']}", f"{row['queries']} queries", said])
    lines += reconstruction_lines(rows)
    if costs := [100 * (row["right"] - row["right_embedded"]) / row["of"] for row in rows if "right_embedded" in row]:
        how_sure = f" +- {mean_interval(costs)[1]:.2f}, at most {max(costs):+.2f}" if len(costs) > 1 else ""
        said = f"{np.mean(costs):+.2f}{how_sure} points"
        lines.append(["a mark in the weights, cost", f"{len(costs)} keys", said])
    if runs := [e for row in rows if row["measured"] == "evidence" for e in row["largest"]]:
        lines.append(["e-values of clean models", f"{len(runs)} runs", f"largest {max(runs):.2g}"])
    if drawn := np.array([p for row in rows if row["measured"] == "null" for p in row["null"]]).tolist():
        below = ", ".join(f"{np.mean(np.array(drawn) < level):.4f} below {level:g}" for level in (0.1, 0.01, 0.001))
        lines.append(["wrong keys, clean models", f"{len(drawn)} p-values", below])
    return ["what", "", ""], lines
