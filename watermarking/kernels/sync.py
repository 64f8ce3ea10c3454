"""Looking for keyed waves: sums over spectra for many linear maps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from watermarking.kernels.jit import kernel

__all__ = ["score_maps", "score_similarities"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@kernel
def _at(power: F32, height: int, width: int, v: float, u: float) -> float:
    """Look up the nearest bin of a half spectrum (height, width // 2 + 1) at a frequency in cycles a sample."""
    if u < 0:
        v, u = -v, -u
    if u >= 0.5 or abs(v) >= 0.5:
        return 0.0
    row = int(np.floor(v * height + 0.5))
    if row < 0:
        row += height
    return float(power[min(row, height - 1), int(u * width + 0.5)])


@kernel
def score_similarities(
    power: F32, width: int, frequencies: F64, scales: F64, n_angles: I64, flip: float, out: F32
) -> None:
    """Sum the power of all waves for every scale and rotation by less than half a turn.

    A wave f is looked for at R(angle) diag(1, flip) f / scale, the angle counted from rows to columns. The angles of
    ``scales[i]`` are pi j / n_angles[i], j = 0, 1, ...; ``out`` holds them scale after scale.
    """
    height = power.shape[0]
    place = 0
    for i in range(scales.shape[0]):
        for j in range(n_angles[i]):
            angle = np.pi * j / n_angles[i]
            c, s = np.cos(angle) / scales[i], np.sin(angle) / scales[i]
            total = 0.0
            for k in range(frequencies.shape[0]):
                v, u = frequencies[k, 0], frequencies[k, 1] * flip
                total += _at(power, height, width, c * v - s * u, s * v + c * u)
            out[place] = total
            place += 1


@kernel
def score_maps(power: F32, width: int, frequencies: F64, maps: F64, out: F32) -> None:
    """Sum the power of all waves for every linear map (m, 2, 2): a wave f is looked for at map @ f."""
    height = power.shape[0]
    for m in range(maps.shape[0]):
        total = 0.0
        for k in range(frequencies.shape[0]):
            v, u = frequencies[k, 0], frequencies[k, 1]
            total += _at(
                power, height, width, maps[m, 0, 0] * v + maps[m, 0, 1] * u, maps[m, 1, 0] * v + maps[m, 1, 1] * u
            )
        out[m] = total
