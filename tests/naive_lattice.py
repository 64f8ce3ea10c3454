"""What the solver on a grid of pixels does, as a dense matrix: the specification."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def lattice_matrix(right: Array, down: Array) -> Array:
    """Return 1 + L, (H * W, H * W), pixels in row order."""
    rows, columns = right.shape
    matrix = np.eye(rows * columns)
    for i in range(rows):
        for j in range(columns):
            here = i * columns + j
            for weight, there in ((right[i, j], here + 1), (down[i, j], here + columns)):
                if weight:
                    matrix[here, here] += weight
                    matrix[there, there] += weight
                    matrix[here, there] -= weight
                    matrix[there, here] -= weight
    return matrix


def lattice_factor(right: Array, down: Array) -> Array:
    """Return the reciprocals of the diagonal that makes the factor's rows sum to the matrix's."""
    rows, columns = right.shape
    out = np.zeros((rows, columns))
    diagonal = np.diag(lattice_matrix(right, down)).reshape(rows, columns)
    for i in range(rows):
        for j in range(columns):
            value = diagonal[i, j]
            if j:
                value -= right[i, j - 1] * out[i, j - 1] * (right[i, j - 1] + down[i, j - 1])
            if i:
                value -= down[i - 1, j] * out[i - 1, j] * (down[i - 1, j] + right[i - 1, j])
            out[i, j] = 1 / value
    return out
