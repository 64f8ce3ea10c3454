"""Plain twin of watermarking/kernels/bm3d.py: whole stacks at a time, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.fft import dctn, idctn
from scipy.linalg import hadamard


def alike(plane: Any, y: int, x: int, radius: int, limit: float) -> list[tuple[int, int]]:
    """Return the places of the most alike blocks, the block itself first: 1, 2, 4, 8 or 16."""
    block, found = plane[y : y + 8, x : x + 8], []
    for v in range(max(0, y - radius), min(plane.shape[0] - 8, y + radius) + 1):
        for u in range(max(0, x - radius), min(plane.shape[1] - 8, x + radius) + 1):
            mean = np.mean((plane[v : v + 8, u : u + 8] - block) ** 2)
            if (v, u) != (y, x) and mean < limit:
                found.append((mean, v, u))
    places = [(y, x), *((v, u) for _, v, u in sorted(found))]
    return places[: max(n for n in (1, 2, 4, 8, 16) if n <= len(places))]


def transformed(plane: Any, places: list[tuple[int, int]]) -> Any:
    stack = np.stack([plane[v : v + 8, u : u + 8] for v, u in places])
    across = hadamard(len(places)) / np.sqrt(len(places))
    return np.tensordot(across, dctn(stack, axes=(1, 2), norm="ortho"), axes=1)


def denoised(planes: Any, pilots: Any, sigmas: Any, starts: Any, radius: int, limit: float, window: Any) -> Any:
    """Take the first stage, or with pilots the second."""
    sums, weights = np.zeros(planes.shape), np.zeros(planes.shape)
    compared = planes[0] if pilots is None else pilots[0]
    for y in starts[0]:
        for x in starts[1]:
            places = alike(compared, y, x, radius, limit)
            for c, sigma in enumerate(sigmas):
                stack = transformed(planes[c], places)
                if pilots is None:
                    share = (np.abs(stack) >= 2.7 * sigma).astype(float)
                else:
                    guide = transformed(pilots[c], places) ** 2
                    share = guide / (guide + sigma**2)
                weight = 1 / (sigma**2 * max(np.sum(share**2), 1 if pilots is None else 1e-3))
                across = hadamard(len(places)) / np.sqrt(len(places))
                blocks = idctn(np.tensordot(across, stack * share, axes=1), axes=(1, 2), norm="ortho")
                for (v, u), block in zip(places, blocks, strict=True):
                    sums[c, v : v + 8, u : u + 8] += weight * window * block
                    weights[c, v : v + 8, u : u + 8] += weight * window
    return sums / weights
