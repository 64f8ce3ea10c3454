"""Judge stored answers: who learnt from marked ones, and what unmarked models look like to a thousand keys."""

from __future__ import annotations

import functools
import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harness.cells import DONE, IMPOSSIBLE, significant
from harness.classifiers.cells import OWNER, REFERENCES, SMOOTHED, groups_of
from harness.classifiers.owner import Owner, key_of
from harness.classifiers.shards import Shards, Trained
from harness.classifiers.training import STORED, path_of
from harness.workers import failed
from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.proof import verify_classifier
from watermarking.ownership.classifiers.tasks.engine import Engine
from watermarking.ownership.classifiers.verdict import best_of_each

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from harness.cells import Cell, Row

    F32 = npt.NDArray[np.float32]

__all__ = ["NULL_KEYS", "NUMBERS", "SMALL_NULL_KEYS", "export_nulls", "measure_classifiers"]

NUMBERS: Final = (20, 500, 2000, 5000)
"""Answers that a suspect is judged by."""
NULL_KEYS: Final = 1000
SMALL_NULL_KEYS: Final = 50
_NULL_ANSWERS: Final = 500
_SUBSETS: Final = 5


def measure_classifiers(
    cells: list[Cell], *, folder: Path, thin: dict[str, Any], null_keys: int = NULL_KEYS
) -> list[Row]:
    """Judge cells of one group; ``thin`` says which groups there are, see :func:`groups_of`."""
    stored = _stored(folder, cells[0]["task"], tuple(thin.items()))
    group = next((one for one in stored.groups if cells[0] in list(one.cells())), None)
    if group is None or group not in stored.shards:
        return [failed(IMPOSSIBLE, "it was not trained: run --train-only until nothing is left out") for _ in cells]
    trained, places = stored.shards.read(group), {pair: i for i, pair in enumerate(group.pairs)}
    results: list[Row] = []
    for cell in cells:
        start = time.perf_counter()
        i = places[cell["key"], cell["seed"]]
        row: Row = {"status": DONE, "accuracy": significant(trained.accuracy[i])}
        row["owner"] = significant(stored.owners_accuracy)
        row["before"] = significant(trained.before[i]) if trained.before else None
        try:
            if group.start in ("unmarked", "nobody"):
                row["null"] = _null(stored, np.exp(trained.answers[i]), cell, null_keys)
            else:
                row |= _judged(stored, np.exp(trained.answers[i]), cell)
        except WatermarkError as error:
            results.append(failed(IMPOSSIBLE, str(error)))
            continue
        row["trained"] = {name: trained.about[name] for name in ("seconds", "device", "torch")}
        results.append({**row, "seconds": round(time.perf_counter() - start, 2)})
    return results


class _Stored:
    """Answers of a task on disk, and the owner's side of every comparison."""

    def __init__(self, folder: Path, task: str, thin: tuple[tuple[str, Any], ...]) -> None:
        self.owner = Owner(task, Engine(), None)
        self.shards = Shards(path_of(folder, task))
        self.groups = groups_of(task, **dict(thin))
        asked = {one.removal: one for one in self.groups if one.start == "nobody"}
        own = self.shards.read(asked[OWNER])
        self.own, self.owners_accuracy = np.exp(own.answers[0]), own.accuracy[0]
        self.references = [np.exp(one) for one in self.shards.read(asked[REFERENCES]).answers]
        self.smoothed = [np.exp(one) for one in self.shards.read(asked[SMOOTHED]).answers]
        inputs = self.owner.task.asked.inputs
        self.inputs = inputs.transpose(0, 2, 3, 1) if inputs.ndim == 4 else inputs


@functools.cache
def _stored(folder: Path, task: str, thin: tuple[tuple[str, Any], ...]) -> _Stored:
    return _Stored(folder, task, thin)


def export_nulls(folder: Path, task: str, to: Path, *, small: bool = False) -> int:
    """Copy the answers of unmarked models and of those they are compared with; return how many models.

    They are what the repository keeps: a changed reader can be held against unmarked models without training any.
    """
    source, target = Shards(path_of(folder, task)), Shards(path_of(to, task))
    n_models = 0
    for group in groups_of(task, small=small):
        if group.start in ("nobody", "unmarked") and group in source and group not in target:
            whole = source.read(group)
            target.add(group, Trained(whole.answers[:, :STORED], whole.accuracy, whole.before, whole.about))
            n_models += len(group.pairs)
    return n_models


def _judged(stored: _Stored, answers: F32, cell: Cell) -> Row:
    """Return p-values by the number of answers; the fewer, the more subsets are tried."""
    label = "/".join(str(cell[name]) for name in ("task", "key", "seed"))
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "little"))
    found: dict[str, list[float]] = {}
    alone: dict[str, list[float]] = {}
    for n in NUMBERS:
        if n > len(answers):
            continue
        n_sets = min(_SUBSETS, len(answers) // n)
        order = rng.permutation(len(answers))
        proofs = [
            _proof(stored, answers, order[i * n : (i + 1) * n], cell["profile"], cell["key"]) for i in range(n_sets)
        ]
        found[str(n)] = [significant(proof.detection.p_value) for proof in proofs]
        alone[str(n)] = [significant(proof.alone.p_value) for proof in proofs]
    return {"p": found, "p_alone": alone}


def _null(stored: _Stored, answers: F32, cell: Cell, n_keys: int) -> list[float]:
    """Return p-values of keys that marked nothing."""
    places = np.arange(min(_NULL_ANSWERS, len(answers)))
    compared = _proof(stored, answers, places, cell["profile"], 1000).compared
    keys = (key_of(1000 + n) for n in range(n_keys))
    return [significant(one.p_value) for one in best_of_each(compared, stored.owner.mark(cell["profile"]), keys)]


def _proof(stored: _Stored, answers: F32, places: Any, profile: str, key: int) -> Any:
    return verify_classifier(
        _rows(answers[places]), stored.inputs[places], own=_rows(stored.own[places]), key=key_of(key),
        mark=stored.owner.mark(profile), references=[_rows(one[places]) for one in stored.references],
        smoothed=[_rows(one[places]) for one in stored.smoothed],
    )  # fmt: skip


def _rows(answers: F32) -> npt.NDArray[np.float64]:
    """Return answers whose rows sum to one: stored logarithms are rounded."""
    exact = answers.astype(np.float64)
    return np.asarray(exact / exact.sum(1, keepdims=True))
