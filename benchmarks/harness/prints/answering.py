"""The black-box carrier: copies taught to answer with their customer's mark, distilled, and asked 200 things."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.prints.owners import accuracy_of, data, owner, tensors
from watermarking.keys import Key
from watermarking.ownership.classifiers.clients import client_key, identify
from watermarking.ownership.classifiers.mark import SoftLabelMark
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.classifiers.tasks.course import Course
from watermarking.ownership.fingerprints.attacks.changes import removed
from watermarking.ownership.fingerprints.served import taught

if TYPE_CHECKING:
    from torch import nn

    from harness.cells import Cell, Row

__all__ = ["measure_answers"]

_KEY = Key(b"fingerprints in answers")


@functools.lru_cache(maxsize=1)
def _mark(profile: str) -> SoftLabelMark:
    return SoftLabelMark.fit(data()[0].inputs[:5000], n_classes=10, profile=profile)


@functools.lru_cache(maxsize=1)
def _copy(seed: int, network: str, profile: str, customer: int) -> nn.Module:
    """Return a copy that was taught its customer's mark; kept for what is done to it next."""
    inputs, labels = tensors(data()[0])
    course = Course(epochs=4, batch=256, rate=1e-3, true=0.2, flips=True)
    return taught(owner(seed, network), _mark(profile), inputs[:20_000], labels[:20_000],
                  key=client_key(_KEY, f"customer {customer}"), course=course, seed=customer)  # fmt: skip


def measure_answers(cell: Cell) -> Row:
    """Teach a copy, steal it by its answers, and ask what was stolen."""
    mark, n = _mark(cell["profile"]), cell["queries"]
    copy = _copy(cell["seed"], cell["network"], cell["profile"], cell["customer"])
    suspect = copy
    if cell["attack"] != "none":
        own = data()[0].take(slice(20_000, 50_000))  # what the copy was not taught on
        inputs, labels = tensors(own)
        removal = {"id": "distil", "n": 20_000, "epochs": cell["epochs"], "hard": cell["attack"] == "hard labels"}
        suspect = removed([copy], removal, inputs=inputs, labels=labels, seeds=[cell["customer"] + 1], flips=True,
                          network=cell["network"])[0]  # fmt: skip
    asked = torch.tensor(data()[2].inputs[-n:]).numpy()
    keys = {f"customer {i}": client_key(_KEY, f"customer {i}") for i in range(cell["customers"])}
    name = f"customer {cell['customer']}"
    references = [owner(one, cell["network"]) for one in cell["references"]]
    proof = verify_classifier(
        suspect, asked, own=owner(cell["seed"], cell["network"]), mark=mark, key=keys[name], references=references
    )
    if proof.compared.form == "labels":
        return {"right": 0, "innocents": 0, "log10_best": 0.0}
    found = identify(proof.compared, mark, keys)
    named = [one for one, verdict in found.items() if verdict.is_present()]
    accuracies = accuracy_of([copy, suspect])
    return {
        "right": int(name in named), "innocents": len(set(named) - {name}), "accuracies": accuracies,
        "log10_best": round(math.log10(max(found[name].p_value, np.finfo(float).tiny)), 2),
    }  # fmt: skip
