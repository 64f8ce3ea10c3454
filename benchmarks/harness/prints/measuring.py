"""Copies of small residual networks: what they cost, what is done to them, and whom it betrays."""

from __future__ import annotations

import functools
import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.cells import DONE, Cell, Row, rng_of, significant
from harness.prints.answering import measure_answers
from harness.prints.owners import KEPT, accuracy_of, data, owner, tensors
from watermarking.keys import Key
from watermarking.ownership.classifiers.tasks.networks import build_classifier
from watermarking.ownership.fingerprints.attacks.changes import noisy, overwritten, removed, reordered
from watermarking.ownership.fingerprints.attacks.merging import merged
from watermarking.ownership.fingerprints.carrier import Carrier
from watermarking.ownership.fingerprints.manifest import Copy, Manifest
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.fingerprints.reshape import invariant_groups, reshaped
from watermarking.ownership.fingerprints.trace import trace_weights
from watermarking.ownership.fingerprints.weights import read_weights, write_weights

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn

    Arrays = dict[str, npt.NDArray[np.generic]]

__all__ = ["REMOVALS", "measure_prints"]

REMOVALS: dict[str, Any] = {
    "fine-tuned": {"id": "tune", "n": 2000, "epochs": 2},
    "pruned 50 %": {"id": "prune", "share": 0.5},
    "pruned 90 %": {"id": "prune", "share": 0.9},
    "8 bit": {"id": "quantise", "bits": 8},
    "4 bit": {"id": "quantise", "bits": 4},
}
"""What a thief does who has one model; rates and the rest are the removals' own."""
_THIEF = Key(bytes(32))


def measure_prints(cells: list[Cell]) -> list[Row]:
    """Measure cells of the part ``prints``."""
    kinds = {"single": _single, "merged": _merged, "cost": _cost, "speed": _speed, "useless": _useless,
             "answers": measure_answers, "triggers": measure_answers}  # fmt: skip
    rows: list[Row] = []
    for cell in cells:
        began = time.perf_counter()
        found = kinds[cell["kind"]](cell)
        rows.append({"status": DONE, **found, "seconds": [significant(time.perf_counter() - began, 2)]})
    return rows


class _World:
    """An owner's network, its key, and whom copies go to."""

    def __init__(self, seed: int, network: str, n: int, mark: WeightMark) -> None:
        self.module, self.network = owner(seed, network), network
        self.own, self.groups = read_weights(self.module), tuple(invariant_groups(self.module))
        self.key, self.mark = Key(b"fingerprints %019d" % seed), mark
        self.customers = [f"customer {i}" for i in range(n)]
        self.carrier = Carrier(self.own, mark, key=self.key)

    def copy(self, i: int, *, reshape: bool = False) -> Arrays:
        """Return a customer's weights."""
        found = self.carrier.copy(self.mark.word(self.customers[i], key=self.key, number=i))
        return reshaped(found, self.groups, key=self.key, label=str(i)) if reshape else found

    def filled(self, weights: Arrays) -> nn.Module:
        """Return the network with other weights."""
        found = build_classifier(self.network, 10, list(data(self.network)[0].shape))
        found.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in weights.items()})
        return found.eval()

    def removed(self, weights: Arrays, removal: str, seed: int) -> Arrays:
        """Return weights after what a thief does who has labels of his own."""
        inputs, labels = tensors(data(self.network)[1])
        stolen = [self.filled(weights)]
        done = removed(stolen, REMOVALS[removal], inputs=inputs, labels=labels, seeds=[seed], flips=True)
        return read_weights(done[0])

    def traced(self, suspect: Arrays, guilty: list[int]) -> Row:
        """Return who is named."""
        copies = tuple(Copy(customer=name, file="", sha256="") for name in self.customers)
        known = Manifest(name="net", mark=self.mark, key_commitment=self.key.commitment, own_sha256="",
                         groups=self.groups, copies=copies)  # fmt: skip
        found = trace_weights(suspect, self.own, known, key=self.key)
        named, mine = set(found.named()), {self.customers[i] for i in guilty}
        p_values = {name: one.p_value for name, one in found.items()}
        return {
            "named": len(named & mine), "innocents": len(named - mine), "likeness": significant(found.likeness),
            "log10_best": round(math.log10(min(p_values[name] for name in mine)), 2),
            "log10_innocent": round(math.log10(min(p for name, p in p_values.items() if name not in mine)), 2),
        }  # fmt: skip


@functools.lru_cache(maxsize=2)
def _world(seed: int, network: str, n: int, length: int, colluders: int, strength: float) -> _World:
    return _World(seed, network, n, WeightMark(length=length, colluders=colluders, strength=strength))


def _of(cell: Cell) -> _World:
    names = ("seed", "network", "customers", "length", "against", "strength")
    return _world(*(cell[name] for name in names))


def _single(cell: Cell) -> Row:
    """One customer's copy, changed; bits that are read wrongly, and who is named."""
    world, i, attack = _of(cell), cell["customer"], cell["attack"]
    rng, copy = rng_of(cell, "attack", "customer"), world.copy(i, reshape=cell["reshaped"])
    if attack in REMOVALS:
        copy = world.removed(copy, attack, seed=i + 1)
    elif attack != "none":
        copy = {
            "noise .2": lambda: noisy(copy, 0.2, rng=rng),
            "overwritten": lambda: overwritten(copy, world.mark, key=_THIEF),
            "reordered": lambda: reordered(copy, world.groups, key=_THIEF),
        }[attack]()  # fmt: skip
    word = world.mark.word(world.customers[i], key=world.key)
    wrong = {} if cell["reshaped"] or attack == "reordered" else _wrong(world, copy, word)
    return {**world.traced(copy, [i]), **wrong}


def _wrong(world: _World, copy: Arrays, word: Any) -> Row:
    return {"wrong_bits": int(((world.carrier.read(copy).values > 0) != word).sum())}


def _merged(cell: Cell) -> Row:
    """Several customers' copies, merged, and perhaps fine-tuned."""
    world, rng = _of(cell), rng_of(cell, "colluders", "way", "trial")
    guilty = [int(i) for i in rng.permutation(cell["customers"])[: cell["colluders"]]]
    found = merged([world.copy(i) for i in guilty], cell["way"], rng=rng)
    if cell["then"] != "none":
        found = world.removed(found, cell["then"], seed=cell["trial"] + 1)
    return world.traced(found, guilty)


def _cost(cell: Cell) -> Row:
    """Accuracy of a network and of copies of it, and what shows in the weights."""
    world = _of(cell)
    copies = [world.copy(i) for i in range(cell["copies"])]
    before, *after = accuracy_of([world.module, *map(world.filled, copies)])
    growth, largest = [], []
    for name in world.carrier.layers:
        mine, theirs = (np.asarray(one[name], np.float64) for one in (world.own, copies[0]))
        growth.append(float(theirs.var() / mine.var()))
        largest.append(float(np.abs(theirs - mine).max() / mine.std()))
    return {
        "accuracy": before, "accuracies": after, "variance": [round(one, 6) for one in growth],
        "largest_change": [significant(one) for one in largest],
    }  # fmt: skip


def _useless(cell: Cell) -> Row:
    """Accuracy of copies in orders of their own, and of their average."""
    world = _of(cell)
    copies = [world.copy(i, reshape=True) for i in range(cell["colluders"])]
    both = merged(copies, "mean", rng=rng_of(cell, "colluders"))
    one, average = accuracy_of([world.filled(copies[0]), world.filled(both)], 2000)
    return {"accuracy": one, "accuracies": [average]}


def _speed(cell: Cell) -> Row:
    """Seconds for a copy of a perceptron of a million weights, file and hash included."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(784, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 200))
    own, key, mark = read_weights(module), Key(b"fingerprints of speed"), WeightMark()
    began = time.process_time()
    carrier = Carrier(own, mark, key=key)
    prepared = time.process_time() - began
    KEPT.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    for i in range(cell["copies"]):
        write_weights(KEPT / "speed.safetensors", carrier.copy(mark.word(f"customer {i}", key=key)))
    each = (time.process_time() - began) / cell["copies"]
    n = sum(value.size for value in own.values())
    return {"weights": n, "prepare_seconds": significant(prepared, 2), "copy_seconds": significant(each, 2)}
