"""Successive-cancellation list decoding of polar codes in the min-sum domain: the interpreter of a node schedule.

All paths walk the code tree in lockstep, so each path has rewritten its own slot of a level before any path reads
that level again: cloning a path copies a column of pointers and no soft value, and needs no reference counts.

Layout, for lists of L paths over N places. Level v of the tree has nodes of 2^v places; slot p of level v begins at
L 2^v + p 2^v, both in ``soft`` and in each half of ``bits`` (left children, right children). The channel follows at
L N in ``soft``. ``pointers[0, v, p]`` is the slot in which path p finds its soft values, ``pointers[1, v, p]`` the
one of its left child's bits; a right child's bits are used at once, and lie in the path's own slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from watermarking.kernels.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    F32 = npt.NDArray[np.float32]
    U8 = npt.NDArray[np.uint8]
    I16 = npt.NDArray[np.int16]
    I32 = npt.NDArray[np.int32]
    I64 = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["CHECK", "COMBINE", "FROZEN", "REPEAT", "VARIABLE", "decode_list", "trace_back"]

CHECK: Final = 0
"""Soft values of the left child: sign(a) sign(b) min(|a|, |b|)."""
VARIABLE: Final = 1
"""Soft values of the right child: b + a where the left child's bit is 0, b - a where it is 1."""
COMBINE: Final = 2
"""Bits of a node from those of its children: left xor right, right."""
FROZEN: Final = 3
"""A node without information bits: its bits are zero, at the cost of what speaks against that."""
REPEAT: Final = 4
"""A node in which the last input alone carries information: all zero or all one. At level 0, an information bit."""


@kernel
def _check(soft: F32, source: int, target: int, half: int) -> None:
    for j in range(half):
        a = soft[source + j]
        b = soft[source + half + j]
        least = min(abs(a), abs(b))
        soft[target + j] = least if (a < 0) == (b < 0) else -least


@kernel
def _variable(soft: F32, source: int, target: int, half: int, bits: U8, left: int) -> None:
    for j in range(half):
        a = soft[source + j]
        b = soft[source + half + j]
        soft[target + j] = b - a if bits[left + j] else b + a


@kernel
def _combine(bits: U8, left: int, right: int, target: int, half: int) -> None:
    for j in range(half):
        bits[target + j] = bits[left + j] ^ bits[right + j]
        bits[target + half + j] = bits[right + j]


@kernel
def _penalties(soft: F32, source: int, size: int) -> tuple[np.float32, np.float32]:
    """Return what an all-zero and an all-one word cost: the sums of the negative and of the positive parts."""
    zero = np.float32(0)
    one = np.float32(0)
    for j in range(size):
        a = soft[source + j]
        zero -= min(a, np.float32(0))
        one += max(a, np.float32(0))
    return zero, one


@kernel
def _fill(bits: U8, target: int, size: int, value: np.uint8) -> None:
    for j in range(size):
        bits[target + j] = value


@kernel
def _keep_best(cost: F32, n_costs: int, order: I16, limit: int) -> int:
    """Write the places of the lowest costs into order, cheapest first, ties by place; return how many."""
    kept = 0
    for i in range(n_costs):
        value = cost[i]
        if kept < limit:
            kept += 1
        elif not value < cost[order[kept - 1]]:
            continue
        place = kept - 1
        while place > 0 and value < cost[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = i
    return kept


@kernel
def _branch(n_paths: int, metric: F32, cost: F32, order: I16, trace: U8, first: int) -> int:
    """Keep the cheapest of the two ways on from each path, and note from which path and with which bit they come.

    ``cost`` holds what a zero adds to each path, then what a one adds. At equal cost, likelier bits go before less
    likely ones, then earlier paths before later ones, and a zero counts as the likelier bit.
    """
    n_slots = metric.size
    for p in range(n_paths):
        zero, one = cost[p], cost[n_paths + p]
        order[n_slots + p] = one < zero
        cost[p] = metric[p] + min(zero, one)
        cost[n_paths + p] = metric[p] + max(zero, one)
    kept = _keep_best(cost, 2 * n_paths, order, n_slots)
    for p in range(kept):
        way = order[p]
        parent = way % n_paths
        metric[p] = cost[way]
        order[p] = parent
        trace[first + p] = parent
        trace[first + n_slots + p] = order[n_slots + parent] ^ (way >= n_paths)
    return kept


@kernel
def _follow(n_paths: int, pointers: I16, order: I16, lowest: int) -> None:
    """Give each path that goes on the pointers of the path it comes from, at the levels still to be read."""
    scratch = order.size >> 1
    for kind in range(2):
        for level in range(lowest, pointers.shape[1] - 1):
            for p in range(n_paths):
                order[scratch + p] = pointers[kind, level, order[p]]
            for p in range(n_paths):
                pointers[kind, level, p] = order[scratch + p]


@kernel
def _advance(row: I32, n_paths: int, soft: F32, bits: U8, pointers: I16, metric: F32, cost: F32) -> None:
    """Carry out one row of the schedule on every path; of ``REPEAT``, only what each way on costs."""
    operation, level, side = row[0], row[1], row[2]
    size, half = 1 << level, 1 << level >> 1
    start, below = metric.size << level, (metric.size << level) >> 1
    right = bits.size >> 1
    for p in range(n_paths):
        source = start + pointers[0, level, p] * size
        target = side * right + start + p * size
        if operation == CHECK:
            _check(soft, source, below + p * half, half)
            pointers[0, level - 1, p] = p
        elif operation == VARIABLE:
            _variable(soft, source, below + p * half, half, bits, below + pointers[1, level - 1, p] * half)
            pointers[0, level - 1, p] = p
        elif operation == COMBINE:
            _combine(bits, below + pointers[1, level - 1, p] * half, right + below + p * half, target, half)
        elif operation == FROZEN:
            metric[p] += _penalties(soft, source, size)[0]
            _fill(bits, target, size, np.uint8(0))
        else:
            cost[p], cost[n_paths + p] = _penalties(soft, source, size)


@kernel
def decode_list(  # work space is handed in: allocating it here would double the time that compiling takes
    schedule: I32, soft: F32, bits: U8, pointers: I16, metric: F32, cost: F32, order: I16, trace: U8
) -> int:
    """Run a schedule over the soft values of a code word.

    Parameters
    ----------
    schedule : (m, 3) int32 rows of operation, level, and side (0: left child, 1: right child; the root counts as left)
    soft : ((L + 1) N,) float32 work space; on entry its last N hold the channel, positive for a zero
    bits : (2 L N,) uint8 work space
    pointers : (2, levels + 1, L) int16 work space, zeros on entry
    metric : (L,) float32, receives the cost of each path; L at most 256
    cost, order : (2 L,) float32 and int16 work space
    trace : (k 2 L,) uint8, receives for each information bit the paths that the paths came from, and their bits

    Returns
    -------
    n_paths : int
    """
    n_slots = metric.size
    metric[0] = 0
    n_paths, noted = int(np.int64(1)), int(np.int64(0))  # bare literals would have the callees compiled twice
    for step in range(schedule.shape[0]):
        operation, level, side = schedule[step, 0], schedule[step, 1], schedule[step, 2]
        _advance(schedule[step], n_paths, soft, bits, pointers, metric, cost)
        if operation == REPEAT:
            n_paths = _branch(n_paths, metric, cost, order, trace, noted)
            _follow(n_paths, pointers, order, level)
            target = side * (bits.size >> 1) + (n_slots << level)
            for p in range(n_paths):
                _fill(bits, target + (p << level), 1 << level, trace[noted + n_slots + p])
            noted += 2 * n_slots
        if operation >= COMBINE and side == 0:
            for p in range(n_paths):
                pointers[1, level, p] = p
    return n_paths


@kernel
def trace_back(trace: U8, n_slots: int, paths: I64, out: Flags) -> None:
    """Read the information bits of some final paths back from the trace of :func:`decode_list`.

    Parameters
    ----------
    trace : (k 2 L,) uint8
    n_slots : L
    paths : (m,) int64, final paths
    out : (m, k) bool, receives their bits
    """
    for i in range(paths.size):
        path = paths[i]
        for j in range(out.shape[1] - 1, -1, -1):
            row = 2 * n_slots * j
            out[i, j] = trace[row + n_slots + path] != 0
            path = np.int64(trace[row + path])
