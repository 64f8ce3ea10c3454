"""Grids: what to measure, as TOML.

seed = 2027
schemes = "all"                # or ids, or configurations such as {id = "dct", ...}
photographs = "evaluation"     # a set or a folder, whose path begins where the grid lies
keys = 12                      # a photograph
search = 0                     # alignments that the reader tries; left out: as many as it does of itself

[attacks]                      # names for lists of attacks
values = ["brightness(0.8)", "gamma(1.4)"]

[[rows]]                       # all combinations of what a block lists
attacks = ["none", "values"]   # text forms, names from above, "every" (each attack there is, at its defaults)
psnr = [42.0]                  #   or "installed" (each attack of a third party)
fidelity = ["own", 88.0]       # beside or instead of psnr: SSIMULACRA2 scores, or what another package does by itself
bytes = [8]
at_least = 0.98                # the share that the issue or the README promises, for the default scheme
schemes = ["dwt"]              # only these of the grid's
"""

from __future__ import annotations

import difflib
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.photographs import SETS
from peers import OWN_STRENGTH, WITHOUT_STRENGTH
from watermarking.attacks import attack_ids, parse_attack
from watermarking.attacks.registry import ATTACKS
from watermarking.errors import MissingExtraError, WatermarkError
from watermarking.messages.fidelity import fidelity_of
from watermarking.registry import get_scheme, scheme_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.cells import Cell

__all__ = ["GRIDS", "NO_ATTACK", "Block", "Grid", "GridError", "cells_of", "normal_attack", "read_grid"]

GRIDS = Path(__file__).parents[1] / "grids"
NO_ATTACK = "none"
_DEFAULTS: dict[str, Any] = {"seed": 2027, "schemes": "all", "photographs": "evaluation", "keys": 12, "search": None}
_BLOCK: dict[str, Any] = {
    "attacks": [NO_ATTACK], "psnr": [42.0], "fidelity": [], "bytes": [8], "at_least": None,
    "schemes": None,
}  # fmt: skip


class GridError(Exception):
    """A grid cannot be used; the message says what in it, and what would fit."""


@dataclass(frozen=True)
class Block:
    """Combinations to measure, and the share of successes that is promised for each."""

    attacks: tuple[str, ...]
    psnr: tuple[float, ...]
    fidelity: tuple[float | str, ...]
    n_bytes: tuple[int, ...]
    at_least: float | None
    schemes: tuple[Any, ...] | None = None

    def takes(self, scheme: Any) -> bool:
        """Say whether a scheme of the grid is measured by this block."""
        return self.schemes is None or scheme in self.schemes

    def strengths(self) -> list[Cell]:
        """List the strengths as the fields of cells that say them."""
        return [*({"psnr": one} for one in self.psnr), *({"fidelity": one} for one in self.fidelity)]


@dataclass(frozen=True)
class Grid:
    """What to measure on what."""

    name: str
    seed: int
    schemes: tuple[Any, ...]
    photographs: str
    keys: int
    search: int | None
    blocks: tuple[Block, ...]


def read_grid(chosen: str) -> Grid:
    """Read a grid file, or one of ``benchmarks/grids`` by its name.

    Raises
    ------
    GridError
        If it cannot be read, or names what there is not: the closest names are given.
    """
    path = Path(chosen) if chosen.endswith(".toml") else GRIDS / f"{chosen}.toml"
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise GridError(f"there is no grid {chosen!r}: there are {', '.join(_names())}, or give a file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GridError(f"{path}: {error}") from error
    try:
        return _grid(path, content)
    except (WatermarkError, GridError) as error:
        raise GridError(f"{path}: {error}") from error


def cells_of(grid: Grid, photographs: Iterable[str]) -> list[Cell]:
    """List the cells of a grid: pictures that are marked alike stand together."""
    cells: dict[tuple[Any, ...], Cell] = {}
    search = {} if grid.search is None else {"search": grid.search}
    for name in photographs:
        for scheme in grid.schemes:
            for number in range(grid.keys):
                for block in grid.blocks:
                    for strength, n_bytes, attack in (
                        (s, n, a) for s in _strengths(scheme, block) for n in block.n_bytes for a in block.attacks
                    ):
                        cell = {"scheme": scheme, "photograph": name, "key": number, **strength, "bytes": n_bytes}
                        cells[(name, str(scheme), number, *strength.items(), n_bytes, attack)] = {
                            **cell, "attack": attack, "seed": grid.seed, **search}  # fmt: skip
    return list(cells.values())


def _strengths(scheme: Any, block: Block) -> list[Cell]:
    """List the strengths of a block that a scheme has: only other packages have one of their own, some nothing else."""
    name, is_peer = str(scheme).removeprefix("peer:"), str(scheme).startswith("peer:")
    return [
        strength for strength in (block.strengths() if block.takes(scheme) else ())
        if (is_peer if strength.get("fidelity") == OWN_STRENGTH else "psnr" in strength or name not in WITHOUT_STRENGTH)
    ]  # fmt: skip


def normal_attack(text: str) -> str:
    """Return the full text form of an attack, every parameter named, or ``none``."""
    return text if text == NO_ATTACK else str(parse_attack(text))


def schemes_of(chosen: Any) -> tuple[Any, ...]:
    """Check a choice of schemes; "all" are all that can be loaded here, third parties' included."""
    if chosen != "all":
        for scheme in chosen:
            if not str(scheme).startswith("peer:"):
                get_scheme(scheme)
        return tuple(chosen)
    found = []
    for scheme_id in scheme_ids():
        try:
            get_scheme(scheme_id)
        except MissingExtraError as error:  # nothing that a stored row should say for ever
            print(f"left out: {error}", file=sys.stderr)
            continue
        except WatermarkError:
            pass  # its rows will say why
        found.append(scheme_id)
    return tuple(found)


def _beside(path: Path, photographs: str) -> str:
    """Return the folder that a grid means: one beside it, wherever the program is started, goes first."""
    beside = path.parent / photographs
    return str(beside) if photographs not in SETS and beside.is_dir() else photographs


def _grid(path: Path, content: dict[str, Any]) -> Grid:
    _refuse_unknown(content, {*_DEFAULTS, "attacks", "rows"}, "setting")
    named = content.get("attacks", {})
    values = {**_DEFAULTS, **content}
    blocks = []
    for row in content.get("rows", [{}]):
        _refuse_unknown(row, set(_BLOCK), "setting of rows")
        blocks.append(_block(row, named))
    schemes = schemes_of(values["schemes"])
    return Grid(
        path.stem,
        int(values["seed"]),
        schemes,
        _beside(path, str(values["photographs"])),
        int(values["keys"]),
        values["search"],
        tuple(blocks),
    )


def _block(row: dict[str, Any], named: dict[str, list[str]]) -> Block:
    block = {**_BLOCK, **({"psnr": []} if "fidelity" in row else {}), **row}
    psnr, fidelity, n_bytes = (tuple(block[field]) for field in ("psnr", "fidelity", "bytes"))
    if not all(isinstance(n, int) and n >= 0 for n in n_bytes) or not all(20 <= p <= 70 for p in psnr):
        raise GridError(f"psnr must lie in 20..70 dB and bytes be whole numbers, not {psnr} and {n_bytes}")
    scores = tuple(one if one == OWN_STRENGTH else fidelity_of(one) for one in fidelity)
    attacks = tuple(dict.fromkeys(a for text in block["attacks"] for a in _attacks(text, named)))
    schemes = None if block["schemes"] is None else schemes_of(block["schemes"])
    return Block(attacks, tuple(map(float, psnr)), scores, n_bytes, block["at_least"], schemes)


def _attacks(text: str, named: dict[str, list[str]]) -> list[str]:
    if text in named:
        return [normal_attack(one) for one in named[text]]
    if text == "every":
        return [normal_attack(one) for one in attack_ids() if _loads(one)]
    if text == "installed":
        names = [point.name for point in entry_points(group=ATTACKS.group)]
        return [normal_attack(one) for one in names if _loads(one)]
    try:
        return [normal_attack(text)]
    except WatermarkError as error:
        close = difflib.get_close_matches(text, [*named, NO_ATTACK], n=1)
        raise GridError(f"{error}" + (f", or {close[0]!r}" if close else "")) from error


def _loads(attack_id: str) -> bool:
    try:
        return bool(normal_attack(attack_id))
    except WatermarkError as error:
        print(f"left out: {error}")
        return False


def _refuse_unknown(content: dict[str, Any], known: set[str], what: str) -> None:
    for name in content:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1) or sorted(known)
            raise GridError(f"there is no {what} {name!r}: did you mean {close[0]!r}?")


def _names() -> list[str]:
    return sorted(path.stem for path in GRIDS.glob("*.toml"))
