"""Write the tables of the documentation from the stored rows, so that pages and rows cannot differ.

    python benchmarks/pages.py            # writes the pages that are not as the rows are
    python benchmarks/pages.py --check    # writes nothing, exit status 1 if there are any

A page of docs/ says where a table stands: between ``<!-- table NAME -->`` and ``<!-- end of table -->``, NAME one of
those below. Run it after a benchmark has ended: rows of one that still runs are not in the file that is committed, so
they are left out. A test checks the pages.
"""

from __future__ import annotations

import argparse
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import copies
import fingerprints
import levels
import split
from harness.campaign import exit_status
from harness.classifiers.tables import PAGE_TABLES
from harness.prints.tables import model_tables
from harness.store import RESULTS, read_rows
from harness.tables import markdown_table
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.cells import Row

    Table = tuple[list[str], list[list[object]]]

DOCS = Path(__file__).parents[1] / "docs"
_BEGIN, _END = "<!-- table ", "<!-- end of table -->"
_PLACE = re.compile(rf"(?<={_BEGIN})([^>]+)( -->\n).*?(?={_END})", re.DOTALL)


def _of_models(which: int) -> Callable[[list[Row]], Table]:
    def table(rows: list[Row]) -> Table:
        _, heading, lines = model_tables(rows)[which]
        return heading, lines

    return table


TABLES: Final[dict[str, tuple[str, Callable[[list[Row]], Table]]]] = {
    "levels of search": (levels.NAME, levels.table),
    "merged pictures": (copies.NAME, copies.table),
    "rebuilt pictures": (split.NAME, split.inversion_table),
    "training in parts": (split.NAME, split.accuracy_table),
    "lengths of codes": (fingerprints.NAME, fingerprints.lengths_table),
    "single leaks": (fingerprints.NAME, _of_models(0)),
    "merged models": (fingerprints.NAME, _of_models(1)),
    "answers alone": (fingerprints.NAME, _of_models(2)),
    "cost of copies": (fingerprints.NAME, _of_models(3)),
    **{name: ("classifiers", table) for name, table in PAGE_TABLES.items()},
}
"""Every table of the documentation that is made of rows: the folder of these, and what sets it."""


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    changed = {path: text for path, text in filled_pages().items() if text != path.read_text("utf-8")}
    for path, text in changed.items():
        if not options.check:
            path.write_text(text, "utf-8")
        print(f"{path.name}: {'its tables are not those of the rows' if options.check else 'written'}")
    if options.check and changed:
        raise SystemExit(1)


def filled_pages() -> dict[Path, str]:
    """Return the pages that have tables, as the rows make them.

    Raises
    ------
    WatermarkError
        If a page asks for a table that there is not or has no end, or no page has one that there is.
    """
    pages: dict[Path, str] = {}
    used: set[str] = set()
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text("utf-8")
        names = [name for name, _ in _PLACE.findall(text)]
        if not len(names) == text.count(_BEGIN) == text.count(_END):
            raise WatermarkError(f"{path} has a table without its end, or an end without its table")
        if names:
            pages[path] = filled(text)
            used.update(names)
    if missing := TABLES.keys() - used:
        raise WatermarkError(f"no page of {DOCS} has these tables: {', '.join(sorted(missing))}")
    return pages


def filled(text: str) -> str:
    """Return a page with its tables set anew."""
    return _PLACE.sub(lambda place: f"{place[1]}{place[2]}\n{_text_of(place[1])}\n\n", text)


def _text_of(name: str) -> str:
    if name not in TABLES:
        raise WatermarkError(f"there is no table {name!r}: the tables are {', '.join(TABLES)}")
    folder, table = TABLES[name]
    heading, lines = table(_rows(folder))
    return markdown_table(heading, lines)


@functools.cache
def _rows(folder: str) -> list[Row]:
    """Read rows once: several tables are made of the same."""
    return read_rows(RESULTS / folder, lasting=True)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
