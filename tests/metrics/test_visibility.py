"""SSIMULACRA2 and Butteraugli against figures of their references, and the rules for all kinds of pictures."""

from __future__ import annotations

import hashlib
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import naive_visibility as naive
import numpy as np
import pytest
from covers import photograph
from PIL import Image as PilImage
from PIL import ImageFilter

from watermarking.errors import UnsupportedImageError
from watermarking.metrics import Ssimulacra2, butteraugli, ssimulacra2
from watermarking.metrics.butteraugli import _SIDE
from watermarking.metrics.ssimulacra2 import WEIGHTS, _sections
from watermarking.metrics.visible_errors import MOST, REACH
from watermarking.threads import threads

Array = np.ndarray[Any, Any]
ROOT = Path(__file__).parents[2]
SCORES = json.loads((ROOT / "tests/data/visibility/scores.json").read_text())


def changed(first: Array, change: str) -> Array:
    """Change a picture as the card of the scores says."""
    if change.startswith("jpeg"):
        file = io.BytesIO()
        PilImage.fromarray(first).save(file, "JPEG", quality=int(change.split()[1].strip(",")), subsampling=2)
        return np.asarray(PilImage.open(file).convert("RGB"))
    if change == "box blur":
        return np.asarray(PilImage.fromarray(first).filter(ImageFilter.BoxBlur(1)))
    added: Any = 1
    if change == "noise":
        added = np.random.default_rng(1).normal(0, 3, first.shape)
    elif change.startswith("noise"):
        added = np.random.default_rng(2).normal(0, 3, first.shape[:2])[..., None]
    return np.clip(np.rint(first.astype(float) + added), 0, 255).astype(np.uint8)


def digest(picture: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("scores", SCORES["photographs"], ids=lambda s: f"{s['photograph']} {s['change']}")
def test_figures_of_the_references(scores: dict[str, Any]) -> None:
    picture = PilImage.open(ROOT / "benchmarks/photographs" / scores["photograph"]).convert("RGB")
    picture.thumbnail((512, 512))
    first = np.asarray(picture)
    second = changed(first, scores["change"])
    if (digest(first), digest(second)) != (scores["sha256_first"], scores["sha256_second"]):
        pytest.skip("this Pillow makes other pictures than those that were scored")
    assert ssimulacra2(first, second) == pytest.approx(scores["ssimulacra2"], abs=0.002)
    distance = butteraugli(first, second)
    assert distance.max == pytest.approx(scores["butteraugli_max"], abs=0.001)
    assert distance.norm3 == pytest.approx(scores["butteraugli_3norm"], abs=0.0005)
    assert distance.map.shape == first.shape[:2]
    assert distance.map.max() == pytest.approx(distance.max)


def drawn(shape: tuple[int, ...], dtype: str = "uint8", spread: int = 20) -> tuple[Array, Array]:
    """Draw two pictures; with alpha, their upper half is transparent, but not of one colour."""
    rng, top = np.random.default_rng(0), np.iinfo(dtype).max
    first = rng.integers(0, top, shape, endpoint=True)
    second = first + rng.integers(-spread, spread, shape, endpoint=True) * (top // 255)
    if len(shape) == 3 and shape[2] == 4:
        first[: shape[0] // 2, :, 3] = 0
        second[..., 3] = first[..., 3]
    return first.astype(dtype), np.clip(second, 0, top).astype(dtype)


@pytest.mark.parametrize("scores", SCORES["drawn"], ids=lambda s: "x".join(map(str, s["shape"])))
def test_butteraugli_of_odd_pictures(scores: dict[str, Any]) -> None:
    distance = butteraugli(*drawn(tuple(scores["shape"]), scores["dtype"]), intensity_target=scores["nits"])
    assert distance.max == pytest.approx(scores["butteraugli_max"], abs=2e-4)
    assert distance.norm3 == pytest.approx(scores["butteraugli_3norm"], abs=2e-4)


def plain_ssimulacra2(first: Array, second: Array) -> float:
    """Put the specifications of the kernels together, for grey and for RGB."""
    scales = []
    lights = [naive.linear_rows(p.reshape(p.shape[0], -1) / 255, p.shape[1], 0.0) for p in (first, second)]
    for scale in range(6):
        height, width = lights[0].shape[1:]
        planes = [
            np.array([naive.xyb(*light[:, i, x]) for i in range(height) for x in range(width)]).T for light in lights
        ]
        sums = [
            naive.plane_errors(a.reshape(height, width), b.reshape(height, width), naive.taps_of(_sections(1.5)))
            for a, b in zip(*planes, strict=True)
        ]
        means = np.array(sums).reshape(3, 3, 2) / (height * width)
        scales.append(np.stack([means[..., 0], means[..., 1] ** 0.25], axis=1))
        if min(height, width) < 8 or scale == 5:
            break
        lights = [np.array([naive.halve(plane) for plane in light]) for light in lights]
    error = 0.9562382616834844 * sum(float((WEIGHTS[:, i] * norms).sum()) for i, norms in enumerate(scales))
    error = 2.326765642916932 * error - 0.020884521182843837 * error**2 + 6.248496625763138e-05 * error**3
    return 100 - 10 * error**0.6276336467831387 if error > 0 else 100.0


@pytest.mark.parametrize("shape", [(8, 8, 3), (9, 20), (17, 8, 3), (21, 30, 3)])
def test_ssimulacra2_of_small_pictures(shape: tuple[int, ...]) -> None:
    first, second = drawn(shape)
    assert ssimulacra2(first, second) == pytest.approx(plain_ssimulacra2(first, second), abs=0.02)


def marked(cover: Array, spread: float = 3.0) -> Array:
    """Add noise in the dtype of a picture; alpha stays."""
    top = 1.0 if cover.dtype.kind == "f" else float(np.iinfo(cover.dtype).max)
    noise = np.random.default_rng(3).normal(0, spread / 255 * top, cover.shape)
    if cover.ndim == 3 and cover.shape[2] == 4:
        noise[..., 3] = 0
    noisy = np.clip(cover.astype(float) + noise, 0, top)
    return (noisy if cover.dtype.kind == "f" else np.rint(noisy)).astype(cover.dtype)


def test_more_change_is_worse() -> None:
    cover = photograph((90, 120, 3))
    scores = [ssimulacra2(cover, marked(cover, spread)) for spread in (0, 1, 3, 9, 40)]
    assert scores[0] == 100
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 20
    distances = [butteraugli(cover, marked(cover, spread)).max for spread in (0, 1, 3, 9, 40)]
    assert distances[0] == 0
    assert distances == sorted(distances)


@pytest.mark.parametrize("dtype", ["uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(70, 90, 3), (70, 90)])
def test_kinds_of_samples_score_alike(dtype: str, shape: tuple[int, ...]) -> None:
    cover = photograph(shape)
    second = marked(cover)
    expected = ssimulacra2(cover, second), butteraugli(cover, second).max
    factor = 257 if dtype == "uint16" else 1 / 255
    one, two = ((p * np.float64(factor)).astype(dtype) for p in (cover, second))
    one.flags.writeable = False
    near = 0.3 if dtype == "float16" else 0.05  # other roundings make other noise: about 0.01
    assert ssimulacra2(one[:, ::-1][:, ::-1], two) == pytest.approx(expected[0], abs=near)
    assert butteraugli(one, two).max == pytest.approx(expected[1], abs=near)
    if len(shape) == 2:
        one, two = (np.repeat(p[..., None], 3, axis=2) for p in (cover, second))
        assert ssimulacra2(one, two) == expected[0]
        assert butteraugli(one, two).max == expected[1]


def test_opaque_alpha_changes_nothing_and_transparent_pixels_have_no_colour() -> None:
    cover = photograph((80, 96, 3))
    second = marked(cover)
    alpha = np.full((80, 96, 1), 255, np.uint8)
    one, two = np.concatenate([cover, alpha], axis=2), np.concatenate([second, alpha], axis=2)
    assert ssimulacra2(one, two) == ssimulacra2(cover, second)
    assert butteraugli(one, two).max == butteraugli(cover, second).max
    for picture in (one, two):
        picture[20:60, 30:70, 3] = 0
    expected = ssimulacra2(one, two), butteraugli(one, two)
    assert 100 > expected[0] > ssimulacra2(cover, second)
    one[20:60, 30:70, :3], two[20:60, 30:70, :3] = 255, 0  # nobody sees it
    assert ssimulacra2(one, two) == expected[0]
    assert np.array_equal(butteraugli(one, two).map, expected[1].map)


def test_the_worse_of_two_grounds_counts() -> None:
    """Half-transparent white shows on a dark ground only, black on a bright one."""
    for colour in (0, 255):
        first = np.full((64, 64, 4), colour, np.uint8)
        first[..., 3] = 255
        second = first.copy()
        second[16:48, 16:48, 3] = 128
        assert Ssimulacra2(first).score(second) < 70
        assert Ssimulacra2(second).score(first) < 70
        assert butteraugli(first, second).max > 3


def test_a_reference_serves_several_versions() -> None:
    cover = photograph((100, 150, 3))
    prepared = Ssimulacra2(cover)
    for spread in (1, 4, 0):
        assert prepared.score(marked(cover, spread)) == ssimulacra2(cover, marked(cover, spread))


def test_threads_change_nothing() -> None:
    cover = photograph((530, 300, 3))
    second = marked(cover)
    results = []
    for n in (1, 3):
        with threads(n):
            distance = butteraugli(cover, second)
            results.append((ssimulacra2(cover, second), distance.max, distance.norm3, distance.map.tobytes()))
    assert results[0] == results[1]


def test_tiles_and_their_surroundings_fit() -> None:
    assert _SIDE + 2 * REACH <= MOST


def test_tiles_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    cover = photograph((150, 130, 3))
    second = marked(cover)
    whole = butteraugli(cover, second).map
    monkeypatch.setattr(sys.modules["watermarking.metrics.butteraugli"], "_SIDE", 48)
    assert np.allclose(butteraugli(cover, second).map, whole, rtol=1e-4, atol=1e-4)


def test_a_map_shows_where() -> None:
    cover = photograph((200, 260, 3))
    second = cover.copy()
    second[120:140, 50:80] = marked(cover, 12)[120:140, 50:80]
    errors = butteraugli(cover, second).map
    row, column = np.unravel_index(errors.argmax(), errors.shape)
    assert 115 < row < 145
    assert 45 < column < 85
    assert errors[:60].max() < errors.max() / 100


@pytest.mark.parametrize("metric", [ssimulacra2, butteraugli])
def test_refusals(metric: Any) -> None:
    good = photograph((20, 30, 3))
    with pytest.raises(UnsupportedImageError, match="one shape and dtype"):
        metric(good, good[:, :-1])
    with pytest.raises(UnsupportedImageError, match="one shape and dtype"):
        metric(good, good.astype(np.uint16))
    with pytest.raises(UnsupportedImageError, match="at least 8x8 pixels, not 30x7: compare larger pictures"):
        metric(good[:7], good[:7])
    for bad in (np.full((9, 9), np.nan), np.full((9, 9), 1.5), np.zeros((9, 9, 2)), np.zeros((9, 9), np.int32), "x"):
        with pytest.raises(UnsupportedImageError):
            metric(bad, bad)


@pytest.mark.parametrize("nits", [0, -1, math.inf, math.nan])
def test_a_screen_has_some_brightness(nits: float) -> None:
    cover = photograph((20, 30, 3))
    with pytest.raises(ValueError, match="80 is usual"):
        butteraugli(cover, cover, nits)
