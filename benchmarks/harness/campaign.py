"""What all scripts do: read the command line, measure the cells that have no row yet, keep the rows."""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cells import Cell, Row, grouped, identity
from harness.grid import Grid, GridError, cells_of, read_grid, schemes_of
from harness.photographs import Photograph, PhotographsError, find
from harness.progress import progress
from harness.provenance import provenance, run_id
from harness.store import RESULTS, ResultsError, Store, cell_of, read_rows, read_runs
from harness.thumbnails import keep
from harness.workers import compute
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["arguments", "carry_out", "exit_status", "grid_cells", "grid_of"]

DONE, BAD_INPUT, NOT_WRITTEN, INTERRUPTED = 0, 2, 3, 130


def arguments(description: str | None, *, grid: str | None = None) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts know; ``grid`` is the default grid, if it takes one."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if grid is not None:
        parser.add_argument("--grid", default=grid, help=f"TOML file, or a name in benchmarks/grids (default {grid})")
        parser.add_argument("--schemes", type=lambda text: text.split(","), help="only these, separated by commas")
        parser.add_argument("--keys", type=int, help="keys a photograph, instead of the grid's")
        parser.add_argument("--photographs", help="set or folder, instead of the grid's")
    parser.add_argument("--results", type=Path, help="folder of the rows (default benchmarks/results/NAME)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2); 0 measures in this one")
    parser.add_argument("--fresh", action="store_true", help="forget the rows there")
    parser.add_argument("--show", action="store_true", help="measure nothing, print the tables of the stored rows")
    return parser


def grid_of(options: argparse.Namespace) -> Grid:
    """Return the grid that the command line asks for."""
    import dataclasses

    grid = read_grid(options.grid)
    changes: dict[str, Any] = {}
    if options.schemes:
        changes["schemes"] = schemes_of(options.schemes)
    if options.keys:
        changes["keys"] = options.keys
    if options.photographs:
        changes["photographs"] = options.photographs
    return dataclasses.replace(grid, **changes)


def grid_cells(grid: Grid) -> tuple[list[Cell], dict[str, Photograph]]:
    """Return the cells of a grid and the photographs that they name."""
    pictures = {photograph.name: photograph for photograph in find(grid.photographs)}
    return cells_of(grid, pictures), pictures


def carry_out(
    cells: Iterable[Cell],
    measure: Callable[..., list[Row]],
    shared: Iterable[str],
    options: argparse.Namespace,
    *,
    name: str,
    **provided: Any,
) -> list[Row]:
    """Measure the cells that have no row yet, and return the rows of all of them.

    Parameters
    ----------
    cells : iterable of Cell
    measure : function of a module, called with cells that agree in the fields ``shared``
    options : what :func:`arguments` parsed
    name : str, of the folder in ``benchmarks/results``
    provided : more keyword arguments of ``measure``
    """
    wanted, folder = list(cells), options.results or RESULTS / name
    if options.show:  # also while a run goes on
        stored = {identity(cell_of(row)): row for row in read_rows(folder)}
        return [stored[which] for which in map(identity, wanted) if which in stored]
    described = provenance()
    this_run = run_id(described)
    with Store(folder, fresh=options.fresh) as store:
        todo = [cell for cell in wanted if cell not in store]
        if todo:
            _say_what_is_there(store, wanted, todo, described["commit"])
            store.remember_run(this_run, described)
            keep(folder, provided.get("pictures", {}))
            groups = grouped(todo, shared)
            bound = functools.partial(measure, **provided)
            with progress(name, len(todo)) as finished:
                for group, results in compute(bound, groups, options.workers):
                    store.add(_row(cell, result, this_run) for cell, result in zip(group, results, strict=True))
                    finished(len(group))
        return store.of(wanted)


def stored_cells(options: argparse.Namespace, name: str) -> list[Cell]:
    """Return the cells that have rows, whatever they were asked for with: of these ``--show`` prints tables."""
    return [cell_of(row) for row in read_rows(options.results or RESULTS / name)]


def exit_status(main: Callable[[], None]) -> int:
    """Run a script; turn what may go wrong into one line and an exit status."""
    try:
        main()
    except (GridError, PhotographsError, WatermarkError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_WRITTEN
    except KeyboardInterrupt:
        print("stopped; finished cells are kept, the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _row(cell: Cell, result: Row, this_run: str) -> Row:
    if doubled := cell.keys() & result.keys():
        raise ValueError(f"a result may not be called what a parameter is called: {', '.join(doubled)}")
    seconds = {"seconds": result["seconds"]} if "seconds" in result else {}
    return {**cell, **{name: value for name, value in result.items() if name != "seconds"}, "run": this_run, **seconds}


def _say_what_is_there(store: Store, wanted: list[Cell], todo: list[Cell], commit: str) -> None:
    if len(todo) == len(wanted):
        return
    runs = read_runs(store.folder)
    commits = {runs.get(row["run"], {}).get("commit", "unknown") for row in store.rows.values()} - {commit}
    older = f"; some of commit {', '.join(sorted(commits))}, --fresh measures again" if commits else ""
    print(f"{len(wanted) - len(todo)} of {len(wanted)} cells are there already{older}", file=sys.stderr)
