"""The black-box carrier: copies taught to answer with their customer's mark, distilled, and asked 200 things.

The small convolutional network of ``benchmarks/classifiers.py`` and its references, which are kept from there.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.classifiers.owner import Owner
from harness.prints.owners import KEPT
from watermarking.keys import Key
from watermarking.ownership.classifiers.clients import client_key, identify
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.classifiers.tasks.course import Course
from watermarking.ownership.classifiers.tasks.engine import Engine
from watermarking.ownership.classifiers.tasks.stack import Stack
from watermarking.ownership.classifiers.tasks.training import accuracy, log_answers
from watermarking.ownership.fingerprints.attacks.changes import removed
from watermarking.ownership.fingerprints.served import taught

if TYPE_CHECKING:
    from torch import nn

    from harness.cells import Cell, Row

__all__ = ["measure_answers"]

_KEY: Final = Key(b"fingerprints in answers")
_COURSE: Final = Course(epochs=4, batch=256, rate=1e-3, true=0.2, flips=True)
_REMOVALS: Final = {
    "distilled": {"id": "distil", "n": 20_000, "epochs": 10},
    "hard labels": {"id": "distil", "n": 20_000, "epochs": 10, "hard": True},
}


@functools.lru_cache(maxsize=1)
def _owner() -> Owner:
    return Owner("fashion", Engine(bf16=True), KEPT.parent / "classifiers" / "kept")


@functools.lru_cache(maxsize=1)
def _copy(profile: str, customer: int) -> nn.Module:
    """Return a copy that was taught its customer's mark; kept for what is done to it next."""
    inputs, labels = _owner().tensor(_owner().task.own)
    key = client_key(_KEY, f"customer {customer}")
    model = _owner().model.module(0)
    return taught(model, _owner().mark(profile), inputs, labels, key=key, course=_COURSE, seed=customer)


def measure_answers(cell: Cell) -> Row:
    """Teach a copy, steal it by its answers, and ask what was stolen."""
    world, name = _owner(), f"customer {cell['customer']}"
    mark, copy = world.mark(cell["profile"]), _copy(cell["profile"], cell["customer"])
    suspect = copy
    if cell["attack"] != "none":
        inputs, labels = world.tensor(world.task.stolen)
        suspect = removed([copy], _REMOVALS[cell["attack"]], inputs=inputs, labels=labels,
                          seeds=[cell["customer"] + 1], flips=True, network=cell["network"])[0]  # fmt: skip
    asked, keys = world.asked[0][: cell["queries"]].numpy(), {
        f"customer {i}": client_key(_KEY, f"customer {i}") for i in range(cell["customers"])
    }  # fmt: skip
    references = [world.references.module(i) for i in range(len(world.references))]
    proof = verify_classifier(
        suspect, asked, own=world.model.module(0), mark=mark, key=keys[name], references=references
    )
    found = identify(proof.compared, mark, keys)
    named = [one for one, verdict in found.items() if verdict.is_present()]
    inputs, labels = world.asked
    answers = log_answers(Stack.of([world.model.module(0), copy]), inputs)
    return {
        "right": int(name in named), "innocents": len(set(named) - {name}),
        "accuracies": [*accuracy(answers, labels), *accuracy(log_answers(Stack.of([suspect]), inputs), labels)],
        "log10_best": round(math.log10(max(found[name].p_value, np.finfo(float).tiny)), 2),
    }  # fmt: skip
