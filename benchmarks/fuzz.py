"""Damaged files of every format, 10,000 by default: never a traceback, a hang, or a changed or missing input.

Each case is a small file with a few changes in it (harness/mutations.py), which follow from its number alone. It is
read, a message is looked for in it, and it is marked in place (harness/fuzzing.py). Blocks of cases run in processes of
their own, with a limit on memory and time, so that a decoder that crashes is told apart. The exit status is 1 if a
promise is broken; the files concerned are kept.

    python benchmarks/fuzz.py                     # 10,000 files on all cores
    python benchmarks/fuzz.py --files 300
    python benchmarks/fuzz.py --only 4711         # one case, with its traceback
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from harness.fuzzing import LONGEST, RandomChooser, exercise
from harness.mutations import mutated, seeds

BLOCK = 100
MEMORY = 8 * 2**30  # address space of a process, most of which is code and threads' stacks
SECONDS_A_BLOCK = 600
KEPT = Path("fuzz-failures")


def main() -> None:
    """Run the cases, print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default 0)")
    parser.add_argument("--only", type=int, help="run one case")
    parser.add_argument("--block", nargs=2, type=int, metavar=("FIRST", "STOP"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.block:
        run_block(*options.block)
    elif options.only is not None:
        name, data = case(options.only)
        with tempfile.TemporaryDirectory() as folder:
            print(name, len(data), "bytes:", exercise(data, Path(folder, "x")))
    else:
        sys.exit(run_all(options.first, options.first + options.files))


def case(number: int) -> tuple[str, bytes]:
    """Return the kind and the content of the file with this number."""
    files = seeds()
    name = list(files)[number % len(files)]
    return name, mutated(files[name], RandomChooser(random.Random(number)))


def run_all(first: int, stop: int) -> int:
    """Run blocks beside each other; return the exit status."""
    start, blocks = time.perf_counter(), [(a, min(a + BLOCK, stop)) for a in range(first, stop, BLOCK)]
    outcomes: collections.Counter[tuple[str, str]] = collections.Counter()
    failures, slowest, n_warnings = [], 0.0, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(run_apart, blocks):
            outcomes.update({(kind, outcome): n for kind, outcome, n in found["outcomes"]})
            failures += found["failures"]
            slowest, n_warnings = max(slowest, found["slowest"]), n_warnings + found["warnings"]
            print(f"\r{sum(outcomes.values()) + len(failures)} files", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    kinds = sorted({kind.partition(" ")[0] for kind, _ in outcomes})
    for outcome in sorted({outcome for _, outcome in outcomes}):
        by_kind = {
            kind: sum(n for (one, what), n in outcomes.items() if what == outcome and one.partition(" ")[0] == kind)
            for kind in kinds
        }
        print(f"{outcome:40}{sum(by_kind.values()):7}   {', '.join(f'{kind} {n}' for kind, n in by_kind.items() if n)}")
    print(f"{stop - first} files, {len(failures)} broken promises, {n_warnings} warnings of Pillow's, ", end="")
    print(f"slowest {slowest:.2f} s, {time.perf_counter() - start:.0f} s in all")
    for failure in failures:
        print(f"\ncase {failure['case']} ({failure['kind']}): {failure['what']}")
    return 1 if failures else 0


def run_apart(block: tuple[int, int]) -> dict[str, Any]:
    """Run a block in a process; where it dies, find the case that killed it and go on behind it."""
    first, stop = block
    total: dict[str, Any] = {"outcomes": [], "failures": [], "slowest": 0.0, "warnings": 0}
    while first < stop:
        command = [sys.executable, __file__, "--block", str(first), str(stop)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_A_BLOCK, check=False)
            output, what = done.stdout, f"the process died ({done.returncode}): {done.stderr[-2000:]}"
        except subprocess.TimeoutExpired as error:
            output, what = (error.stdout or b"").decode(), f"no end after {SECONDS_A_BLOCK} s"
        rows = [json.loads(line) for line in output.splitlines()]
        counts = collections.Counter((row["kind"], row["outcome"]) for row in rows if row.get("outcome"))
        total["outcomes"] += [(kind, outcome, n) for (kind, outcome), n in counts.items()]
        total["failures"] += [row for row in rows if row.get("what")]
        total["slowest"] = max([total["slowest"], *(row["seconds"] for row in rows if "seconds" in row)])
        total["warnings"] += sum(row.get("warnings", 0) for row in rows)
        begun = [row["begun"] for row in rows if "begun" in row]
        if rows and rows[-1].get("end"):
            return total
        dead = begun[-1] if begun else first
        total["failures"].append({"case": dead, "kind": keep(dead), "what": what})
        first = dead + 1
    return total


def run_block(first: int, stop: int) -> None:
    """Run cases in this process, a line of JSON each before and after."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    files = seeds()
    names = list(files)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        path = Path(folder, "x")
        for number in range(first, stop):
            print(json.dumps({"begun": number}), flush=True)
            name, start = names[number % len(names)], time.perf_counter()
            row: dict[str, Any] = {"case": number, "kind": name}
            heard.clear()
            try:
                data = mutated(files[name], RandomChooser(random.Random(number)))
                row["outcome"] = exercise(data, path)
            except Exception:  # noqa: BLE001 - what must never happen is what this script looks for
                row["what"] = traceback.format_exc()
                keep(number)
                for one in Path(folder).iterdir():
                    one.unlink()
            row |= {"seconds": time.perf_counter() - start, "warnings": len(heard)}
            print(json.dumps(row), flush=True)
    print(json.dumps({"end": True, "longest": LONGEST}), flush=True)


def keep(number: int) -> str:
    """Write the file of a case that broke a promise to a folder; return its kind."""
    name, data = case(number)
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{number}-{name.replace(' ', '-')}").write_bytes(data)
    return name


if __name__ == "__main__":
    main()
