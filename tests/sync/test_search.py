"""The search recovers known maps from the waves alone, and the refinement makes them exact."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from watermarking.keys import Key
from watermarking.sync.align import PROMISING, alignments
from watermarking.sync.geometry import geometry_of
from watermarking.sync.refine import evidence
from watermarking.sync.template import PERIOD, template
from watermarking.sync.warp import Warp
from watermarking.sync.whitening import whitened

KEY = Key(bytes(range(16)))
F32 = npt.NDArray[np.float32]


def moved_waves(matrix: npt.NDArray[np.float64], shape: tuple[int, int], noise: float) -> F32:
    """Draw the waves where a map from the marked plane puts them, in noise: no resampling, so the map is exact."""
    found = template(KEY)
    row, col = np.mgrid[: shape[0], : shape[1]].reshape(2, -1)
    there = np.linalg.solve(matrix[:, :2], np.stack([row, col]) - matrix[:, 2:])
    phase = 2 * np.pi * (found.waves @ there) / PERIOD + found.phases[:, None]
    plane = np.cos(phase).sum(0).reshape(shape) * 0.15
    return (128 + plane + np.random.default_rng(0).normal(0, noise, shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("linear", "offset"),
    [
        ([[1, 0], [0, 1]], (-61.3, -17.8)),
        ([[0.7, 0], [0, 0.7]], (0, 0)),
        ([[1.4, 0], [0, 1.4]], (-200, -31)),
        ([[0.966, -0.259], [0.259, 0.966]], (30, -40)),
        ([[-1, 0], [0, -1]], (400, 380)),
        ([[1, 0], [0, -1]], (0, 300)),
        ([[0, -0.8], [0.8, 0]], (310, 0)),
        ([[1, 0], [0, 1]], (-100, -1090)),
        ([[1, 0], [0, 0.9]], (0, 0)),
        ([[1, 0.0875], [0, 1]], (-10, 0)),
        ([[0.985, -0.156], [0.174, 0.886]], (12, 5)),  # the columns scaled by 0.9, then turned by 10 degrees
        ([[1.083, -0.191], [0.156, 0.886]], (-7, 30)),  # turned first, edges scaled by 1.1 and 0.9
    ],
)
def test_a_known_map_is_found_to_a_fraction_of_a_pixel(linear: list[list[float]], offset: tuple[float, float]) -> None:
    matrix = np.column_stack([linear, offset])
    shape = (288, 320)
    found = list(alignments(moved_waves(matrix, shape, 3.0), KEY, 3))
    best = found[0] if offset[1] > -1024 else max(found, key=lambda one: one.region.col)
    corners = np.array([[0, 0], [0, shape[1]], [shape[0], 0], shape]).T
    there = np.linalg.solve(matrix[:, :2], corners - matrix[:, 2:])
    error = np.abs(best.warp.matrix[:, :2] @ there + best.warp.matrix[:, 2:] - corners)
    assert error.max() < 1.0
    assert error.mean() < 0.5


def test_noise_gives_no_alignment() -> None:
    plane = np.random.default_rng(3).normal(128, 20, (300, 400)).astype(np.float32)
    assert not [one for one in alignments(plane, KEY, 3) if one.score > 22]


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_evidence_tells_waves_from_noise_and_from_their_negative(scale: float) -> None:
    matrix = np.array([[scale, 0, -20.0], [0, scale, 9.0]])
    clean = whitened(moved_waves(matrix, (256, 320), 6.0))
    near = Warp(matrix + np.array([[0.002, 0, 1], [0, -0.002, 1]]), np.zeros((2, 3)))
    found = evidence(clean, template(KEY), near)
    assert found > 2 * PROMISING
    assert evidence(-clean, template(KEY), near) < found / 2
    noise = np.random.default_rng(1).normal(0, 1, clean.shape).astype(np.float32)
    assert evidence(noise, template(KEY), near) < PROMISING


def test_there_is_no_evidence_where_nothing_of_the_marked_plane_is_shown() -> None:
    away = Warp(np.array([[1.0, 0, 900], [0, 1.0, 900]]), np.zeros((2, 3)))
    assert evidence(np.ones((128, 128), np.float32), template(KEY), away) == 0
    flat = Warp(np.eye(2, 3), np.zeros((2, 3)))
    assert evidence(np.zeros((128, 128), np.float32), template(KEY), flat) == 0
    assert evidence(np.zeros((20, 200), np.float32), template(KEY), flat) == 0


@pytest.mark.parametrize("shape", [(8, 300), (63, 63), (64, 64), (70, 900), (64, 33_000)])
def test_small_planes_take_no_harm(shape: tuple[int, int]) -> None:
    plane = np.random.default_rng(4).normal(128, 20, shape).astype(np.float32)
    for one in alignments(plane, KEY, 2):
        assert np.isfinite(one.plane).all()


def test_a_flat_plane_gives_nothing() -> None:
    assert not list(alignments(np.full((300, 300), 90, np.float32), KEY, 3))


@pytest.mark.parametrize(
    ("linear", "named"),
    [
        ([[2, 0], [0, 2]], {"scale": 2, "rotation": 0, "flip": False, "aspect": 1, "shear": 0}),
        ([[0, -1], [1, 0]], {"scale": 1, "rotation": 90, "flip": False}),
        ([[1, 0], [0, -1]], {"scale": 1, "rotation": 0, "flip": True}),
        ([[1, 0], [0, 0.9]], {"aspect": 0.9, "rotation": 0}),
        ([[0.866, -0.5], [0.5, 0.866]], {"rotation": 30, "shear": 0}),
    ],
)
def test_a_geometry_is_named(linear: list[list[float]], named: dict[str, float]) -> None:
    found = geometry_of(Warp(np.column_stack([linear, [5.0, 7.0]]), np.zeros((2, 3))), 3)
    for name, value in named.items():
        factor = 3 if name == "scale" else 1
        assert getattr(found, name) == pytest.approx(factor * value, abs=2e-3), name
