"""What people achieve who want to read, forge, remove or deny a mark, and what it costs them in quality.

wrong key   others' keys read a marked picture
copy        the mark's estimate, averaged over pictures marked with one key, is put on another photograph
removal     the same estimate is subtracted from one of those pictures
collusion   customers merge their copies of one picture, which differ in the message or in the key
remark      a marked picture is marked again, by the same or another scheme with another key
oracle      the reader says whether it still finds a message, a bounded number of times

With --known-originals, into a folder of its own, the estimate is of one who holds the originals too:

known copy, known removal   the mark is the mean difference of pairs, or a template that local texture scales

With --averaged, into a folder of its own, copy and removal from up to 100 pictures, those beyond the set's own mirrored
or turned, with the scheme `bound` beside the default one, and there

learnt copy   who knows the scheme learns from the same pictures how its signs turn

Pictures whose marks are averaged are cut to one size before they are marked, the largest that all of them cover. They
carry one message or each its own; "found when asked for" is about the first of them, in a removal the victim's.

    python benchmarks/security.py                 # grids/security.toml
    python benchmarks/security.py --schemes dwt --photographs shipped
    python benchmarks/security.py --known-originals
    python benchmarks/security.py --averaged --schemes dwt,bound
    python benchmarks/security.py --show
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.adversaries import SHARED, measure_adversary, smallest_shape
from harness.campaign import arguments, carry_out, exit_status, grid_cells, grid_of
from harness.cells import DONE
from harness.tables import Share, scheme_label, shares, text_table
from watermarking.attacks.collusion import RULES
from watermarking.attacks.known_originals import TEMPLATES
from watermarking.messages.marker import CLASSICAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.cells import Cell, Row

Table: TypeAlias = tuple[str, list[str], list[list[object]]]

RATE = 1e-6  # at which somebody is accused
DIFFER = ("messages", "keys")  # what colluders' copies may differ in
AVERAGED = ((1, "nothing"), (4, "nothing"), (15, "nothing"), (15, "messages"))
MANY = ((15, "nothing"), (50, "nothing"), (100, "nothing"), (15, "messages"), (100, "messages"))
STRENGTHS = (1.0, 2.0, 4.0)
KNOWN_PAIRS = ((1, "nothing"), (15, "nothing"), (15, "messages"))
KNOWN_STRENGTHS = (0.7, 1.0, 1.4)
COLLUDERS, INNOCENTS = (2, 3, 5, 10), 5
SECOND = ("dwt", "dct", "additive")
TIMES = (1, 4)
CALLS = (100, 500)
_SEARCHED = 3  # alignments that a reader tries of itself


def main() -> None:
    """Measure, then print a table for each adversary."""
    parser = arguments(__doc__, grid="security")
    parser.add_argument("--oracle", type=int, default=3, help="photographs that the oracle is asked about (default 3)")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--known-originals", action="store_true", help="the attacker who holds originals, and no other")
    only.add_argument("--averaged", action="store_true", help="the one who averages up to 100 pictures, and no other")
    options = parser.parse_args()
    grid = grid_of(options)
    marked, pictures = grid_cells(grid)
    asked = list(pictures)[:: max(1, len(pictures) // max(1, options.oracle))][: options.oracle]
    shape = smallest_shape(pictures)
    if options.known_originals:
        cells, name = known_cells(marked, shape), "known_originals"
    elif options.averaged:
        usual = [{name: value for name, value in one.items() if name != "attack"} for one in marked]
        cells, name = [cell for one in usual for cell in averaged_cells(one, shape, MANY)], "averaged"
        cells += [
            {"part": "learnt copy", **one, "n": n, "differ": differ, "strength": strength, "shape": shape}
            for one in usual if one["scheme"] == "bound" for n, differ in MANY for strength in STRENGTHS[:2]
        ]  # fmt: skip
    else:
        cells, name = cells_of(marked, shape, asked), grid.name
    rows = carry_out(cells, measure_adversary, SHARED, options, name=name, pictures=pictures)
    for title, heading, lines in tables(rows):
        print(f"{title}\n\n{text_table(heading, lines)}\n")


def cells_of(marked: Iterable[Cell], shape: list[int], asked: Iterable[str]) -> list[Cell]:
    """List what adversaries do to each marked picture; the oracle, which takes longest, to those asked about."""
    cells: list[Cell] = []
    for one in marked:
        usual = {name: value for name, value in one.items() if name != "attack"}
        cells += [{"part": "wrong key", **usual, "readers": n, "search": s} for n, s in ((20, 0), (2, _SEARCHED))]
        cells += averaged_cells(usual, shape, AVERAGED)
        cells += [
            {"part": "collusion", **usual, "differ": differ, "rule": rule, "n": n, "innocents": INNOCENTS}
            for differ in DIFFER for rule in RULES for n in COLLUDERS
        ]  # fmt: skip
        cells += [{"part": "remark", **usual, "second": second, "times": n} for second in SECOND for n in TIMES]
        if one["photograph"] in asked:
            cells += [{"part": "oracle", **usual, "calls": n} for n in CALLS]
    return cells


def averaged_cells(usual: Cell, shape: list[int], averaged: Iterable[tuple[int, str]]) -> list[Cell]:
    """List what one does to a picture who averages others: so many, with one message or each its own."""
    return [
        {"part": part, **usual, "n": n, "differ": differ, "strength": strength, "shape": shape}
        for part in ("copy", "removal") for n, differ in averaged for strength in STRENGTHS
    ]  # fmt: skip


def known_cells(marked: Iterable[Cell], shape: list[int]) -> list[Cell]:
    """List what one does who holds originals: each number of pairs, template and strength."""
    return [
        {"part": part, **{name: value for name, value in one.items() if name != "attack"}, "n": n, "differ": differ,
         "template": template, "strength": strength, "shape": shape}
        for one in marked for part in ("known copy", "known removal") for n, differ in KNOWN_PAIRS
        for template in TEMPLATES for strength in KNOWN_STRENGTHS
    ]  # fmt: skip


def tables(rows: list[Row]) -> list[Table]:
    """Return the tables: (title, heading, lines); percentages with 95 % intervals, PSNR against the cover."""
    of = {part: [row for row in rows if row.get("part") == part] for part in _TABLES}
    return [table for part, build in _TABLES.items() if of[part] for table in build(of[part])]


def wrong_key_tables(rows: list[Row]) -> list[Table]:
    """Count what wrong keys read."""
    lines: list[list[object]] = []
    for (scheme, search), mine in _classes(rows, "scheme", "search"):
        values = [value for row in mine if row["status"] == DONE for value in row["p"]]
        messages = sum(row.get("messages", 0) for row in mine)
        counts = [sum(value <= rate for value in values) for rate in (1e-2, RATE)]
        lines.append([scheme, search, _share(mine, _read), len(values), messages, *counts, min(values, default="")])
    heading = ["scheme", "alignments", "right key reads", "wrong keys", "messages", "p <= 1e-2", "p <= 1e-6", "least p"]
    return [("Wrong keys", heading, lines)]


def estimate_tables(rows: list[Row]) -> list[Table]:
    """Say what the averaged estimate forges or removes, by the number of pictures and the strength."""
    titles = {
        "copy": "Copied mark: the estimate from marked pictures on an unmarked one",
        "learnt copy": "Learnt mark: what the scheme's signs give away, on an unmarked picture",
        "removal": "Averaged removal: the estimate from marked pictures subtracted from one of them",
    }
    heading = ["scheme", "pictures", "messages", "strength", "message read", *_FOUND, "PSNR"]
    lines: list[list[object]] = []
    for which, mine in _classes(rows, "scheme", "n", "differ", "strength"):
        scheme, n, differ, strength = which
        said = "one" if differ == "nothing" else "each its own"
        lines.append([scheme, n, said, f"{strength:g}", *_verdicts(mine), _psnr(mine)])
    return [(titles[rows[0]["part"]], heading, lines)]


def known_tables(rows: list[Row]) -> list[Table]:
    """Say what pairs forge or remove, by their number, the template and the strength."""
    titles = {
        "known copy": "Copied mark: the estimate from pairs with originals on an unmarked picture",
        "known removal": "Removal: the estimate from pairs with originals subtracted from another marked picture",
    }
    heading = ["scheme", "pairs", "messages", "template", "strength", "message read", *_FOUND, "PSNR"]
    lines: list[list[object]] = []
    for which, mine in _classes(rows, "scheme", "n", "differ", "template", "strength"):
        scheme, n, differ, template, strength = which
        said = "one" if differ == "nothing" else "each its own"
        lines.append([scheme, n, said, template, f"{strength:g}", *_verdicts(mine), _psnr(mine)])
    return [(titles[rows[0]["part"]], heading, lines)]


def collusion_tables(rows: list[Row]) -> list[Table]:
    """Say how often colluders are traced, and whether anybody else is."""
    sizes = sorted({row["n"] for row in rows})
    traced: list[list[object]] = []
    details: list[list[object]] = []
    for which, mine in _classes(rows, "scheme", "differ", "rule"):
        by_size = [[row for row in mine if row["n"] == n] for n in sizes]
        traced.append([*which, *(_share(some, _somebody) for some in by_size)])
        innocents = [p for row in mine for p in row.get("p_innocents", ())]
        accused = f"{sum(map(_accuses, innocents))} of {len(innocents)}"
        shown = [f"{_mean_traced(some)} / {100 * _share(some, _read).value:.0f}" for some in by_size]
        details.append([*which, *shown, accused, _share(mine, _read).wrong, _psnr(by_size[0]), _psnr(by_size[-1])])
    columns = ["scheme", "copies differ in", "rule", *(f"{n} copies" for n in sizes)]
    ends = [f"PSNR of {n}" for n in (sizes[0], sizes[-1])]
    return [
        ("Collusion: somebody is traced", columns, traced),
        ("Collusion: share of the colluders that is traced / somebody is read",
         [*columns, "innocents accused", "wrongly read", *ends], details),
    ]  # fmt: skip


def remark_tables(rows: list[Row]) -> list[Table]:
    """Say which of the marks in a picture are read."""
    heading = ["first", "then", "times", "first read", *_FOUND, "last read", "PSNR"]
    lines: list[list[object]] = [
        [*which, *_verdicts(mine), _share(mine, lambda row: row["last_read"]), _psnr(mine)]
        for which, mine in _classes(rows, "scheme", "second", "times")
    ]
    return [("Marked again with other keys", heading, lines)]


def oracle_tables(rows: list[Row]) -> list[Table]:
    """Say what questions to the reader buy."""
    heading = ["scheme", "calls", "removed", "calls used", "PSNR to the marked", "PSNR", *_FOUND]
    lines: list[list[object]] = []
    for which, mine in _classes(rows, "scheme", "calls"):
        used = _mean(mine, "asked", ".0f")
        removed = _share(mine, lambda row: row["removed"])
        lines.append([*which, removed, used, _mean(mine, "marked_psnr"), _psnr(mine), *_verdicts(mine)[1:]])
    return [("The reader as an oracle", heading, lines)]


_NAMES = (*CLASSICAL, "nothing", *DIFFER, *RULES, *TEMPLATES)
_FOUND = ("found unasked", "found when asked for")
_TABLES: dict[str, Callable[[list[Row]], list[Table]]] = {
    "wrong key": wrong_key_tables,
    "copy": estimate_tables,
    "learnt copy": estimate_tables,
    "removal": estimate_tables,
    "known copy": known_tables,
    "known removal": known_tables,
    "collusion": collusion_tables,
    "remark": remark_tables,
    "oracle": oracle_tables,
}


def _classes(rows: list[Row], *names: str) -> list[tuple[list[Any], list[Row]]]:
    """Return rows that agree in the fields named, and these, in the order of this file whatever the rows' order is."""
    classes: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        which = tuple(scheme_label(row[name]) if name in ("scheme", "second") else row[name] for name in names)
        classes.setdefault(which, []).append(row)
    return [(list(which), classes[which]) for which in sorted(classes, key=lambda which: tuple(map(_place, which)))]


def _place(value: Any) -> tuple[float, str]:
    """Sort numbers by themselves, names as they are listed, and third parties' schemes last."""
    if not isinstance(value, str):
        return float(value), ""
    return (_NAMES.index(value) if value in _NAMES else len(_NAMES)), value


def _share(rows: list[Row], succeeded: Callable[[Row], bool]) -> Share:
    """Count successes; a crash is none."""
    judged = [{**row, "read": row["status"] == DONE and succeeded(row)} for row in rows]
    return shares(judged, lambda _: 0)[0]


def _verdicts(rows: list[Row]) -> list[Share]:
    unasked, asked = _share(rows, lambda row: _accuses(row["p"])), _share(rows, lambda row: _accuses(row["known"]))
    return [_share(rows, _read), unasked, asked]


def _read(row: Row) -> bool:
    return bool(row["read"])


def _somebody(row: Row) -> bool:
    return _accuses(min(row["p_colluders"]))


def _accuses(p_value: float) -> bool:
    return p_value <= RATE


def _mean_traced(rows: list[Row]) -> str:
    found = [statistics.fmean(map(_accuses, row["p_colluders"])) for row in rows if row["status"] == DONE]
    return f"{100 * statistics.fmean(found):.0f}" if found else "-"


def _psnr(rows: list[Row]) -> str:
    return _mean(rows, "attacked_psnr")


def _mean(rows: list[Row], name: str, form: str = ".1f") -> str:
    values = [row[name] for row in rows if row["status"] == DONE]
    return format(statistics.fmean(values), form) if values else "-"


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
