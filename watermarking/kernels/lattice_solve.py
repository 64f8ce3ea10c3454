"""Solve (1 + L) x = b on a grid of pixels, L the Laplacian of weights between neighbours.

Conjugate gradients, preconditioned by a modified incomplete Cholesky factor: for the five-point stencil only its
diagonal differs from the matrix, so that nothing else is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watermarking.kernels.jit import kernel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Plane = npt.NDArray[np.float64]

__all__ = ["factor_lattice", "solve_lattice"]


@kernel
def factor_lattice(right: Plane, down: Plane, out: Plane) -> None:
    """Write the reciprocals of the factor's diagonal (H, W) into ``out``.

    ``right`` and ``down`` (H, W) are the weights to the next column and row, at least 0, and 0 in the last column and
    the last row. The diagonal makes up for all fill that is dropped, which halves the steps; it stays at least
    1 + right + down, since no row of the matrix sums to less than 1.
    """
    rows, columns = right.shape
    for i in range(rows):
        for j in range(columns):
            diagonal = 1.0 + right[i, j] + down[i, j]
            if j > 0:
                w = right[i, j - 1]
                diagonal += w - w * out[i, j - 1] * (w + down[i, j - 1])
            if i > 0:
                w = down[i - 1, j]
                diagonal += w - w * out[i - 1, j] * (w + right[i - 1, j])
            out[i, j] = 1.0 / diagonal


@kernel
def _precondition(right: Plane, down: Plane, factor: Plane, residual: Plane, out: Plane) -> float:
    """Solve with the factor, forwards and backwards, into ``out``; return <residual, out>."""
    rows, columns = right.shape
    for i in range(rows):
        for j in range(columns):
            value = residual[i, j]
            if j > 0:
                value += right[i, j - 1] * out[i, j - 1]
            if i > 0:
                value += down[i - 1, j] * out[i - 1, j]
            out[i, j] = value * factor[i, j]
    total = 0.0
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            value = 0.0
            if j < columns - 1:
                value += right[i, j] * out[i, j + 1]
            if i < rows - 1:
                value += down[i, j] * out[i + 1, j]
            out[i, j] += value * factor[i, j]
            total += residual[i, j] * out[i, j]
    return total


@kernel
def _apply(right: Plane, down: Plane, x: Plane, out: Plane) -> float:
    """Write (1 + L) x into ``out``; return <x, (1 + L) x>."""
    rows, columns = right.shape
    total = 0.0
    for i in range(rows):
        for j in range(columns):
            here = x[i, j]
            value = here
            if j > 0:
                value += right[i, j - 1] * (here - x[i, j - 1])
            if j < columns - 1:
                value += right[i, j] * (here - x[i, j + 1])
            if i > 0:
                value += down[i - 1, j] * (here - x[i - 1, j])
            if i < rows - 1:
                value += down[i, j] * (here - x[i + 1, j])
            out[i, j] = value
            total += here * value
    return total


@kernel
def solve_lattice(
    right: Plane, down: Plane, factor: Plane, wanted: Plane, tolerance: float, most: int, out: Plane, room: Plane
) -> int:
    """Improve ``out`` (H, W) until the residual's largest entry is at most ``tolerance``; return the steps taken.

    ``wanted`` is the right-hand side, ``factor`` what :func:`factor_lattice` wrote, ``out`` the first guess and the
    result, ``room`` (4, H, W) scratch. At most ``most`` steps are taken. Since no row of the matrix's inverse sums to
    more than 1, no entry of the result is off by more than ``tolerance``.
    """
    rows, columns = right.shape
    residual, step, image, ahead = room[0], room[1], room[2], room[3]
    _apply(right, down, out, image)
    largest = 0.0
    for i in range(rows):
        for j in range(columns):
            residual[i, j] = wanted[i, j] - image[i, j]
            largest = max(largest, abs(residual[i, j]))
    if largest <= tolerance:
        return 0
    product = _precondition(right, down, factor, residual, step)
    for n in range(1, most + 1):
        length = product / _apply(right, down, step, image)
        largest = 0.0
        for i in range(rows):
            for j in range(columns):
                out[i, j] += length * step[i, j]
                residual[i, j] -= length * image[i, j]
                largest = max(largest, abs(residual[i, j]))
        if largest <= tolerance:
            return n
        new = _precondition(right, down, factor, residual, ahead)
        turn = new / product
        product = new
        for i in range(rows):
            for j in range(columns):
                step[i, j] = ahead[i, j] + turn * step[i, j]
    return most
