"""Time and memory as ratios to what OpenCV needs for the same picture in the same process.

    python benchmarks/speed.py                  # 0.25 to 60 MP, threads 1 and 2; every row is a median of turns
    python benchmarks/speed.py --sizes 12       # one size; what the promises are about
    python benchmarks/speed.py --show           # print the tables of the stored rows

Measure on a machine that does nothing else: the rows say which it was.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.campaign import arguments, carry_out, exit_status
from harness.folders import folder_cells, folder_promises, folder_table, measure_folders
from harness.tables import text_table
from harness.timing import (
    CODEC,
    FILES,
    OPERATIONS,
    PROCESSES,
    REFERENCES,
    UNSEEN,
    measure_memory,
    measure_peers,
    measure_processes,
    measure_speed,
)
from peers import PEERS, unavailable
from watermarking.messages.marker import CLASSICAL, DEFAULT_SCHEME

if TYPE_CHECKING:
    import argparse

    from harness.cells import Cell, Row

Lines: TypeAlias = tuple[list[str], list[list[object]]]
Table: TypeAlias = tuple[str, list[str], list[list[object]]]

NAME = "speed"
SIZES = (0.25, 1.0, 2.0, 4.0, 12.0, 24.0, 60.0)


def main() -> None:
    """Measure, then print the times, the ratios and what was promised."""
    parser = arguments(__doc__)
    parser.add_argument("--sizes", type=lambda text: [float(one) for one in text.split(",")], default=SIZES)
    parser.add_argument("--schemes", type=lambda text: text.split(","), default=CLASSICAL)
    options = parser.parse_args()
    options.workers = min(options.workers, 1)  # nothing may run beside a timing
    rows = measure(options)
    for title, heading, lines in tables(rows):
        print(f"{title}\n\n{text_table(heading, lines)}\n")


def measure(options: argparse.Namespace) -> list[Row]:
    """Carry out all kinds of measurement."""
    cells: list[Cell] = [
        {"operation": operation, "scheme": scheme, "megapixels": size, "threads": n}
        for size in options.sizes
        for operation, scheme in (*((name, "") for name in (*REFERENCES, *CODEC)),
                                  *((name, DEFAULT_SCHEME) for name in (*FILES, UNSEEN)),
                                  *((name, scheme) for scheme in options.schemes for name in OPERATIONS))
        for n in ((1, 2) if operation.startswith("scheme.") or operation in FILES else (1,))
    ]  # fmt: skip
    rows = carry_out(cells, measure_speed, ("megapixels",), options, name=NAME)
    options.fresh = False
    memory = [{"operation": "memory", "scheme": s, "megapixels": max(options.sizes)} for s in options.schemes]
    rows += carry_out(memory, measure_memory, ("scheme",), options, name=NAME)
    rows += carry_out(_peer_cells(options), measure_peers, ("scheme",), options, name=NAME)
    processes: list[Cell] = [{"operation": operation} for operation in PROCESSES]
    rows += carry_out(processes, measure_processes, ("operation",), options, name=NAME)
    folders = folder_cells(all_ways=len(options.sizes) > 1)  # a minute, or six
    return rows + carry_out(folders, measure_folders, ("operation",), options, name=NAME)


def _peer_cells(options: argparse.Namespace) -> list[Cell]:
    """List the peers that are there; rivaGan's network at 1 MP alone, it needs 2 GB a megapixel."""
    cells: list[Cell] = []
    for peer in PEERS if 12.0 in options.sizes and not options.show else ():
        if reason := unavailable(peer):
            print(reason, file=sys.stderr)
            continue
        size = 1.0 if peer.endswith("rivaGan") else 12.0
        cells.append({"operation": "peer.embed", "scheme": f"peer:{peer}", "megapixels": size, "threads": 1})
    return cells


def tables(rows: list[Row]) -> list[Table]:
    """Return all tables: (title, heading, lines)."""
    return [
        ("What was promised: 12 MP, one thread, unless said otherwise", *promises_table(rows)),
        ("Milliseconds, medians", *times_table(rows)),
        ("A folder of photographs of 0.3 to 2 MP, read back", *folder_table(rows)),
    ]


def times_table(rows: list[Row]) -> Lines:
    """Return milliseconds by operation and picture size."""
    timed = [row for row in rows if "threads" in row]
    sizes = sorted({row["megapixels"] for row in timed})
    names = dict.fromkeys((row["operation"], row["scheme"], row["threads"]) for row in timed)
    lines: list[list[object]] = [
        [f"{operation} {scheme}".strip(), threads, *(_milliseconds(rows, operation, scheme, s, threads) for s in sizes)]
        for operation, scheme, threads in names
    ]
    return ["operation", "threads", *(f"{size:g} MP" for size in sizes)], lines


def promises_table(rows: list[Row]) -> Lines:
    """Return the promised ratios and what was measured."""
    lines: list[list[object]] = []
    for what, measured, limit, unit in promises(rows):
        if measured is not None:
            kept = measured >= limit if unit == "at least" else measured <= limit
            lines.append([what, f"{measured:.3g}", f"{unit} {limit:g}", "pass" if kept else "FAIL"])
    return ["what", "measured", "promised", ""], lines


def promises(rows: list[Row]) -> list[tuple[str, float | None, float, str]]:
    """List what is promised: (what, measured, limit, "at most" or "at least")."""
    found: list[tuple[str, float | None, float, str]] = []

    def ratio(name: str, operation: str, scheme: str, limit: float) -> None:
        value = _quotient(rows, (operation, scheme, 12.0, 1), ("decode JPEG 95", "", 12.0, 1))
        found.append((f"{name} / decode JPEG 95", value, limit, "at most"))

    for scheme, embed, extract in (("dct", 1.5, 1.2), ("dwt", 3.0, 3.0), ("additive", 3.0, 3.0)):
        ratio(f"{scheme} embed", "scheme.embed", scheme, embed)
        ratio(f"{scheme} extract", "scheme.extract", scheme, extract)
    ratio("default with signal, embed", "Marker.embed", DEFAULT_SCHEME, 2.2)
    ratio("default by fidelity, embed", UNSEEN, DEFAULT_SCHEME, 2.5)
    for operation in ("scheme.embed", "scheme.extract"):
        speedup = _quotient(rows, (operation, "dct", 12.0, 1), (operation, "dct", 12.0, 2))
        found.append((f"dct {operation}, one thread / two", speedup, 1.7, "at least"))
    theirs = {row["scheme"]: row["seconds"][0] for row in rows if row["operation"] == "peer.embed" and "seconds" in row}
    ours = _seconds(rows, "Marker.embed", DEFAULT_SCHEME, 12.0, 1)
    blind = theirs.pop("peer:blind-watermark", None)
    theirs.pop("peer:invisible-watermark/rivaGan", None)  # timed at another size
    if ours and theirs and blind:
        found.append(("fastest other package / default embed", min(blind, *theirs.values()) / ours, 15, "at least"))
        found.append(("blind-watermark / default embed", blind / ours, 100, "at least"))
    for operation, limit in (("moved", 1.5), ("unmarked", 2.0)):
        seconds = _seconds(rows, f"Marker.extract, {operation}", DEFAULT_SCHEME, 12.0, 1)
        found.append((f"default read, {operation}, seconds", seconds, limit, "at most"))
    for row in rows:
        if row["operation"] == "memory" and row["status"] == "done":
            limit = 0.5 * row["megapixels"] * 3 + 64
            found.append((f"{row['scheme']} MB above input and result", row["megabytes"], limit, "at most"))
    for operation, limit in zip(PROCESSES, (0.06, 0.2, 2.5, 8.0), strict=True):
        found.append((f"{operation}, seconds", _seconds(rows, operation), limit, "at most"))
    return found + _file_promises(rows) + folder_promises(rows)


def _file_promises(rows: list[Row]) -> list[tuple[str, float | None, float, str]]:
    """List what is promised of whole files, beside Pillow, and of the program beside them."""
    found: list[tuple[str, float | None, float, str]] = []
    for operation, codec, limit in zip(FILES, CODEC, (1.3, 1.5), strict=True):
        for n in (1, 2):
            value = _quotient(rows, (operation, DEFAULT_SCHEME, 12.0, n), (codec, "", 12.0, 1))
            found.append((f"{operation} ({n} threads) / {codec}", value, limit, "at most"))
    whole, inside = _seconds(rows, PROCESSES[2]), _seconds(rows, FILES[1], DEFAULT_SCHEME, 12.0, 2)
    more, less = (_seconds(rows, name, DEFAULT_SCHEME, 12.0, 1) for name in (UNSEEN, "Marker.embed"))
    started = whole - inside - more + less if whole and inside and more and less else None  # it aims at a fidelity
    found.append((f"{PROCESSES[2]}, seconds beyond the marking itself", started, 0.7, "at most"))
    return found


def _quotient(rows: list[Row], one: tuple[Any, ...], other: tuple[Any, ...]) -> float | None:
    first, second = _seconds(rows, *one), _seconds(rows, *other)
    return first / second if first and second else None


def _seconds(
    rows: list[Row], operation: str, scheme: str | None = None, size: float | None = None, threads: int | None = None
) -> float | None:
    for row in rows:
        wanted = (operation, scheme, size, threads)
        if (row["operation"], row.get("scheme"), row.get("megapixels"), row.get("threads")) == wanted:
            return float(row["seconds"][0]) if "seconds" in row else None
    return None


def _milliseconds(rows: list[Row], *which: Any) -> str:
    seconds = _seconds(rows, *which)
    return "" if seconds is None else f"{1e3 * seconds:.{0 if seconds >= 0.1 else 1}f}"


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
