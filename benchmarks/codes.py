"""Block error rate of the polar codes against the finite-length bound, on the binary-input Gaussian channel.

A block is right when the check of 48 bits picks the right word among the 16 best candidates, first of a list of 4, then
of a list of 32, as the frames do. k counts message and check. The gap is between the ratio Es/N0 at which one block in
1000 fails, interpolated between the two points that enclose it, and the ratio at which the normal approximation does.

    python benchmarks/codes.py                     # measures, stores results/codes.json, prints the table (20 minutes)
    python benchmarks/codes.py --show              # prints the table of the stored result
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from watermarking.codes.framing import CHECK_BITS, LIST_SIZES, MAX_CANDIDATES
from watermarking.codes.polar import PolarCode
from watermarking.keys import Key
from watermarking.metrics.intervals import wilson_interval as wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT = Path(__file__).with_name("results") / "codes.json"
SEED = 20_260
TARGET = 1e-3
CODES = ((112, 336), (112, 896), (208, 624), (208, 1664), (112, 1024), (304, 2048))
OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)  # dB above the normal approximation, until TARGET is passed
KEY = Key(b"benchmark of the codes")


def moments(esn0_db: float) -> tuple[float, float]:
    """Return capacity (bits) and dispersion (bits squared) of the binary-input Gaussian channel.

    The LLR of a place is Gaussian, its mean 4 Es/N0 and its variance twice that; the information density is
    1 - log2(1 + exp(-LLR)). Gauss-Hermite quadrature with 200 nodes.
    """
    mean = 4 * 10 ** (esn0_db / 10)
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    density = 1 - np.logaddexp(0, -(mean + math.sqrt(2 * mean) * nodes)) / math.log(2)
    weights = weights / weights.sum()
    capacity = float(weights @ density)
    return capacity, float(weights @ (density - capacity) ** 2)


def normal_approximation(k: int, n: int, esn0_db: float) -> float:
    """Return the block error rate by Polyanskiy, Poor, Verdu 2010, equation (223) with its log n / 2 term."""
    capacity, dispersion = moments(esn0_db)
    return 0.5 * math.erfc((n * capacity - k + 0.5 * math.log2(n)) / math.sqrt(2 * n * dispersion))


def bound_db(k: int, n: int, rate: float = TARGET) -> float:
    """Return the ratio Es/N0 in dB at which the normal approximation gives a block error rate."""
    low, high = -25.0, 15.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if normal_approximation(k, n, middle) > rate else (low, middle)
    return high


def check(message: np.ndarray) -> np.ndarray:
    """Return the keyed check (48,) bool of message bits."""
    return KEY.bits(np.packbits(message).tobytes().hex(), CHECK_BITS)


def is_right(code: PolarCode, sigma: float, rng: np.random.Generator) -> bool:
    """Send one block and say whether the check picks the right word."""
    message = rng.random(code.k - CHECK_BITS) < 0.5
    bits = np.concatenate((message, check(message)))
    received = np.where(code.encode(bits), 1.0, -1.0) + sigma * rng.standard_normal(code.n)
    for list_size in LIST_SIZES:
        for word in code.decode(received.astype(np.float32), list_size=list_size)[0][:MAX_CANDIDATES]:
            if np.array_equal(check(word[:-CHECK_BITS]), word[-CHECK_BITS:]):
                return np.array_equal(word, bits)
    return False


def measure(k: int, n: int, max_blocks: int, max_errors: int) -> Iterator[dict[str, Any]]:
    """Yield one row a ratio, from the bound upwards, until the target has been passed."""
    code, bound = PolarCode(k, n), bound_db(k, n)
    for place, offset in enumerate(OFFSETS):
        esn0_db = bound + offset
        rng = np.random.default_rng([SEED, k, n, place])
        sigma = math.sqrt(0.5 / 10 ** (esn0_db / 10))
        blocks = errors = 0
        start = time.perf_counter()
        while blocks < max_blocks and errors < max_errors:
            errors += not is_right(code, sigma, rng)
            blocks += 1
        row = {"k": k, "n": n, "offset_db": offset, "esn0_db": round(esn0_db, 4), "blocks": blocks, "errors": errors}
        row |= {"bound": normal_approximation(k, n, esn0_db), "seconds": round(time.perf_counter() - start, 1)}
        print(row, file=sys.stderr, flush=True)
        yield row
        if errors / blocks < TARGET:
            return


def gap_db(rows: list[dict[str, Any]]) -> float:
    """Interpolate the logarithm of the block error rate to where it is the target; an unpassed target gives NaN."""
    rates = [max(row["errors"], 0.5) / row["blocks"] for row in rows]
    if len(rates) < 2 or not rates[-1] <= TARGET <= rates[-2]:
        return math.nan
    share = math.log(rates[-2] / TARGET) / math.log(rates[-2] / rates[-1])
    before, after = rows[-2]["offset_db"], rows[-1]["offset_db"]
    return float(before + share * (after - before))


def show(result: dict[str, Any]) -> None:
    """Print one line a point and the gap of each code."""
    print("   k     n  Es/N0 dB  blocks  errors  block error rate [95 %]          normal approximation")
    codes = {(row["k"], row["n"]): None for row in result["rows"]}
    for k, n in codes:
        rows = [row for row in result["rows"] if (row["k"], row["n"]) == (k, n)]
        for row in rows:
            low, high = wilson(row["errors"], row["blocks"])
            rate = f"{row['errors'] / row['blocks']:.2e} [{low:.2e}, {high:.2e}]"
            print(
                f"{k:4} {n:5} {row['esn0_db']:9.2f} {row['blocks']:7} {row['errors']:7}  {rate:32} {row['bound']:.2e}"
            )
        print(f"{k:4} {n:5}  gap at {TARGET:g}: {gap_db(rows):.2f} dB")


def main() -> None:
    """Measure and store, or show what is stored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="print the stored result")
    parser.add_argument("--blocks", type=int, default=200_000, help="at most this many blocks a point")
    parser.add_argument("--errors", type=int, default=100, help="stop a point after this many block errors")
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    if not options.show:
        from harness.provenance import provenance

        result = {"seed": SEED, **provenance(), "target": TARGET}  # asked before measuring: the commit that is measured
        result["rows"] = [row for k, n in CODES for row in measure(k, n, options.blocks, options.errors)]
        text = json.dumps(result, indent=1)
        options.output.write_text(text + "\n", "utf-8")
    show(json.loads(options.output.read_text("utf-8")))


if __name__ == "__main__":
    main()
