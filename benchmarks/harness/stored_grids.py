"""Every stored grid by itself: under its name, with its pictures, its schemes and its attacks, however few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cells import strength_label, strength_of
from harness.sections import HeatMap, Section, by_scheme, heat_map
from harness.tables import attack_label, shares
from harness.thumbnails import MOST, thumbnails

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.cells import Row
    from harness.tables import Share

__all__ = ["grid_section", "is_read"]

_SEVERAL = 6
"""So many strengths and lengths have a table each; of more, every line of one table says its own."""


def is_read(row: Row) -> bool:
    """Say whether a row is a message that was read after an attack, as grids have them."""
    return "attack" in row and "bytes" in row and "scheme" in row and "photograph" in row and "part" not in row


def grid_section(places: Mapping[Path, list[Row]]) -> Section:
    """Return the tables of all folders of results that hold a grid's rows."""
    text = (
        "Every grid that is stored, by itself, with the pictures that it was measured on: shares of marked pictures "
        "whose exact message came back, in percent. Grids of your own appear here too, by the names of their folders."
    )
    section = Section("Grid by grid", text, "python benchmarks/robustness.py --grid GRID.toml")
    for folder, rows in sorted(places.items()):
        reads = [row for row in rows if is_read(row)]
        if reads:
            section.heat_maps.extend(_maps(folder, reads))
    return section


def _maps(folder: Path, rows: list[Row]) -> list[HeatMap]:
    classes = {(strength_of(row), row["bytes"]): (strength_label(row), row["bytes"]) for row in rows}
    names = {str(row["photograph"]) for row in rows}
    pictures = thumbnails(folder, names)
    note = f"{len(names)} picture{'s' if len(names) > 1 else ''}"
    note += f", {MOST} of them shown" if len(names) > MOST else ""
    if len(classes) > _SEVERAL:
        return [HeatMap(folder.name, *_long(rows), note=note, pictures=pictures, folded=True)]
    made: list[HeatMap] = []
    for which, (strength, n_bytes) in sorted(classes.items()):
        mine = [row for row in rows if (strength_of(row), row["bytes"]) == which]
        drawn = heat_map(f"{folder.name}: {strength.replace('score', 'SSIMULACRA2')}, {n_bytes} bytes", by_scheme(mine))
        drawn.folded = True
        if not made:  # once a grid is enough
            drawn.note, drawn.pictures = note, pictures
        made.append(drawn)
    return made


def _long(rows: list[Row]) -> tuple[list[str], dict[str, list[tuple[str, list[Share | None]]]]]:
    """Return columns and lines of a table whose lines say strength and length themselves."""
    columns = by_scheme(rows)
    order = sorted({(row["attack"], strength_of(row), row["bytes"], strength_label(row)) for row in rows})
    counted = {
        name: shares(mine, lambda row: (row["attack"], strength_of(row), row["bytes"]))
        for name, mine in columns.items()
    }
    groups: dict[str, list[tuple[str, list[Share | None]]]] = {}
    for attack, strength, n_bytes, said in order:
        line = [counts.get((attack, strength, n_bytes)) for counts in counted.values()]
        groups.setdefault(attack_label(attack), []).append((f"{said}, {n_bytes} bytes", list(line)))
    return list(columns), groups
