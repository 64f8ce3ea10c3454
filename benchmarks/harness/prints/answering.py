"""The black-box carriers: copies taught to answer for their customer, what is done to them, and whom queries name.

The small convolutional network of ``benchmarks/classifiers.py``, a perceptron trained alike, and three references of
each, all kept beside its models. Copies are as issued: the fingerprint of their weights is added to what was taught.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from harness.classifiers.cells import OWNER, REFERENCES
from harness.classifiers.owner import Owner
from harness.prints.owners import KEPT
from watermarking.keys import Key
from watermarking.ownership.classifiers.clients import client_key, identify
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.classifiers.tasks.engine import Engine
from watermarking.ownership.classifiers.tasks.stack import Stack
from watermarking.ownership.classifiers.tasks.training import accuracy, log_answers
from watermarking.ownership.fingerprints.architecture import build, filled
from watermarking.ownership.fingerprints.attacks.changes import removed
from watermarking.ownership.fingerprints.carrier import Carrier
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.fingerprints.served import COURSE, TRIGGER_COURSE, taught, taught_triggers
from watermarking.ownership.fingerprints.triggers import TriggerMark, judged_labels
from watermarking.ownership.fingerprints.weights import read_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from torch import nn

    from harness.cells import Cell, Row
    from watermarking.interface import Detection

__all__ = ["ATTACKS", "measure_answers"]

_KEY: Final = Key(b"fingerprints in answers")
_COURSE: Final = dataclasses.replace(COURSE, flips=True)
_LEARNING: Final = dataclasses.replace(TRIGGER_COURSE, flips=True)
ATTACKS: Final[dict[str, Any]] = {
    "distilled": {"id": "distil", "n": 20_000, "epochs": 10},
    "hard labels": {"id": "distil", "n": 20_000, "epochs": 10, "hard": True},
    "fine-tuned": {"id": "tune", "n": 2000, "epochs": 2},
    "pruned 50 %": {"id": "prune", "share": 0.5},
    "8 bit": {"id": "quantise", "bits": 8},
}


class _World:
    """An owner's network and its references, and its copies, each taught for one customer."""

    def __init__(self, network: str) -> None:
        self.network = network
        self.owner = Owner("fashion", Engine(bf16=True), KEPT.parent / "classifiers" / "kept")
        self.model = self.owner.clean(OWNER, network, (0,)).module(0)
        stack = self.owner.clean(REFERENCES, network, (101, 102, 103))
        self.references = [stack.module(i) for i in range(len(stack))]
        self.inputs, self.labels = self.owner.tensor(self.owner.task.own)
        self.weights = read_weights(self.model)
        self.carrier = Carrier(self.weights, WeightMark(), key=_KEY)
        self.triggers = TriggerMark(n_classes=10)
        self.plain = self.triggers.chosen(self.inputs.numpy(), key=_KEY)

    @functools.lru_cache(maxsize=1)  # noqa: B019  # the worlds live as long as the run does
    def copy(self, kind: str, profile: str, customer: int) -> nn.Module:
        """Return a customer's copy, as issued; kept for what is done to it next. Nobody's is the model."""
        if customer < 0:
            return self.model
        name = f"customer {customer}"
        if kind == "triggers":
            known = taught_triggers(self.model, self.triggers, self.inputs, self.labels, self.plain,
                                    customer=name, key=_KEY, course=_LEARNING, seed=customer)  # fmt: skip
        else:
            known = taught(self.model, self.owner.mark(profile), self.inputs, self.labels, key=client_key(_KEY, name),
                           course=_COURSE, seed=customer)  # fmt: skip
        mine = self.carrier.copy(self.carrier.mark.word(name, key=_KEY))
        found = {
            one: value + (mine[one] - self.weights[one]) if value.dtype.kind == "f" else value
            for one, value in read_weights(known).items()
        }
        return filled(build(self.network, 10, (1, 28, 28)), found)

    def attacked(self, copy: nn.Module, attack: str, seed: int) -> nn.Module:
        """Return what a thief makes of a copy, or of its answers."""
        if attack == "none":
            return copy
        inputs, labels = self.owner.tensor(self.owner.task.stolen)
        return removed([copy], ATTACKS[attack], inputs=inputs, labels=labels, seeds=[seed], flips=True,
                       network=self.network)[0]  # fmt: skip

    def accuracies(self, *modules: nn.Module) -> list[float]:
        """Return accuracies on what nobody trained on."""
        inputs, labels = self.owner.asked
        return accuracy(log_answers(Stack.of(list(modules)), inputs), labels)


@functools.cache
def _world(network: str) -> _World:
    return _World(network)


def measure_answers(cell: Cell) -> Row:
    """Teach a copy, do something to it, ask what comes of it, and judge everybody."""
    world, i = _world(cell["network"]), cell["customer"]
    copy = world.copy(cell["kind"], cell.get("profile", ""), i)
    suspect = world.attacked(copy, cell["attack"], abs(i) + 1)
    measured = (_by_triggers if cell["kind"] == "triggers" else _by_answers)(world, cell, suspect)
    return {**measured, "accuracies": [round(one, 4) for one in world.accuracies(world.model, copy, suspect)]}


def _by_answers(world: _World, cell: Cell, suspect: nn.Module) -> Row:
    """Ask for soft answers to inputs that nobody trained on."""
    asked, mark = world.owner.asked[0][: cell["queries"]].numpy(), world.owner.mark(cell["profile"])
    first = client_key(_KEY, "customer 0")
    proof = verify_classifier(suspect, asked, own=world.model, mark=mark, key=first, references=world.references)
    return _judged(cell, lambda names: identify(proof.compared, mark, {one: client_key(_KEY, one) for one in names}))


def _by_triggers(world: _World, cell: Cell, suspect: nn.Module) -> Row:
    """Ask for the labels of verification pictures; count the bits that are wrong, in pictures and labels."""
    mark, name = world.triggers, f"customer {cell['customer']}"
    plain = _labels(suspect, world.plain)
    found = _judged(cell, lambda names: judged_labels(plain, mark, names, key=_KEY))
    if cell["customer"] < 0:
        return found
    word, marked = mark.word(name, key=_KEY), mark.marked(world.plain, name, key=_KEY)
    read = [mark.read_bits(labels, key=_KEY) for labels in (plain, _labels(suspect, marked))]
    carried = mark.read(marked, name, key=_KEY)
    wrong = [int((one != word).sum()) for one in (*read, carried)]
    return {**found, "n_bits": mark.n_bits, "wrong_bits": wrong[0], "wrong_bits_marked": wrong[1],
            "wrong_bits_pictures": wrong[2]}  # fmt: skip


def _labels(suspect: nn.Module, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = log_answers(Stack.of([suspect]), torch.from_numpy(pictures))[0].argmax(1).numpy()
    return found


def _judged(cell: Cell, judge: Callable[[list[str]], dict[str, Detection]]) -> Row:
    """Return who is named among the customers, and in how many populations of people without a copy anybody is."""
    guilty, n = f"customer {cell['customer']}", cell["customers"]
    found = judge([f"customer {i}" for i in range(n)])
    named = {name for name, one in found.items() if one.is_present()}
    others = [judge([f"other {number}/{i}" for i in range(n)]) for number in range(cell["populations"])]
    least = [one.p_value for some in (found, *others) for name, one in some.items() if name != guilty]
    row: Row = {
        "right": int(guilty in named), "innocents": len(named - {guilty}),
        "accused_populations": sum(any(one.is_present() for one in some.values()) for some in others),
        "log10_innocent": round(math.log10(min(least)), 2),
    }  # fmt: skip
    if guilty in found:
        row["log10_best"] = round(math.log10(max(found[guilty].p_value, np.finfo(float).tiny)), 2)
    return row
