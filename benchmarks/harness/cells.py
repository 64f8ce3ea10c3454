"""Cells: what one row measures, who it is, and the randomness that belongs to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from watermarking.keys import Key

__all__ = [
    "CRASHED",
    "DONE",
    "IMPOSSIBLE",
    "Cell",
    "Measure",
    "Row",
    "canonical",
    "grouped",
    "identity",
    "key_of",
    "message_of",
    "rng_of",
    "significant",
    "strength_label",
    "strength_of",
]

Cell: TypeAlias = dict[str, Any]
"""JSON-able parameters of one measurement."""
Row: TypeAlias = dict[str, Any]
"""A cell, what was measured (``status`` first), the id of the run, and ``seconds`` last."""
DONE, IMPOSSIBLE, CRASHED = "done", "impossible", "crashed"
"""The values of ``status``. A crashed cell is measured again by the next run."""
Measure: TypeAlias = Callable[[list[Cell]], list[Row]]
"""Measures cells that share their expensive part; returns one result (without the cell) a cell."""


def canonical(value: Any) -> str:
    """Return the one JSON text of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def identity(cell: Cell) -> str:
    """Return 32 hex digits that name a cell by its parameters."""
    return _digest(cell).hex()[:32]


def grouped(cells: Iterable[Cell], shared: Iterable[str]) -> list[list[Cell]]:
    """Put cells together that agree in the fields named, in the order of their first."""
    names = tuple(shared)
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(canonical([cell.get(name) for name in names]), []).append(cell)
    return list(groups.values())


def key_of(cell: Cell) -> Key:
    """Return the key of a cell: its seed, photograph and key number say which, so all schemes get the same one."""
    return Key(_digest(["key", cell["seed"], cell["photograph"], cell["key"]]))


def message_of(cell: Cell) -> bytes:
    """Return the message of a cell: its seed, photograph, key number and size say which."""
    label = canonical(["message", cell["seed"], cell["photograph"], cell["key"]])
    return hashlib.shake_256(label.encode()).digest(int(cell["bytes"]))


def rng_of(cell: Cell, *names: str) -> np.random.Generator:
    """Return randomness that depends on the seed and the fields named alone."""
    digest = _digest(["rng", cell["seed"], *(cell[name] for name in names)])
    return np.random.default_rng(int.from_bytes(digest, "little"))


def strength_of(cell: Cell) -> tuple[str, bool, Any]:
    """Return how strongly a cell marks, as what sorts: PSNRs after fidelities, a package's own after its numbers."""
    name = "fidelity" if "fidelity" in cell else "psnr"
    return name, isinstance(cell[name], str), cell[name]


def strength_label(cell: Cell) -> str:
    """Return the strength of a cell for people: ``42 dB``, ``score 88`` (of SSIMULACRA2) or ``own strength``."""
    name, is_own, value = strength_of(cell)
    return f"{value} strength" if is_own else f"score {value:g}" if name == "fidelity" else f"{value:g} dB"


def significant(value: float, digits: int = 4) -> float:
    """Round to so many significant digits: rows keep what means something."""
    return float(f"{value:.{digits}g}")


def _digest(value: Any) -> bytes:
    return hashlib.sha256(canonical(value).encode()).digest()
