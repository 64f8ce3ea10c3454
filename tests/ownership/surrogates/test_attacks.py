"""What thieves do to surrogates, their answers and collected outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermarking.errors import UnknownAttackError, UnsupportedImageError, WatermarkError  # noqa: E402
from watermarking.ownership.surrogates.attacks import (  # noqa: E402
    OUTPUT_ATTACKS,
    attack_answers,
    fine_tune,
    overwrite,
    prune,
)
from watermarking.ownership.surrogates.networks import NETWORKS, build_network  # noqa: E402
from watermarking.ownership.surrogates.thief import Thief  # noqa: E402
from watermarking.ownership.surrogates.train import Recipe, answers, train_surrogate  # noqa: E402

Array = np.ndarray[Any, Any]


def pictures(n: int = 4) -> list[Array]:
    rng = np.random.default_rng(1)
    return [rng.integers(60, 180, (4, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1) for _ in range(n)]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_pruning_takes_the_smallest_weights(network: str, share: float) -> None:
    model = build_network(network)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pruned = prune(model, share).state_dict()
    weights = [name for name in before if name.endswith("weight")]
    size = torch.cat([before[name].abs().flatten() for name in weights])
    gone = torch.cat([(pruned[name] == 0).flatten() for name in weights])
    assert abs(float(gone.float().mean()) - share) < 0.01
    assert not gone.any() or float(size[gone].max()) <= float(size[~gone].min())
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert all(torch.equal(before[name], pruned[name]) for name in before if name.endswith("bias"))


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_bad_shares(share: float) -> None:
    with pytest.raises(WatermarkError, match="cannot be pruned"):
        prune(build_network("cnet"), share)


def test_fine_tuning_unlearns_in_a_copy() -> None:
    inputs = pictures()
    outputs = [np.asarray(picture + 20, np.uint8) for picture in inputs]
    thief, recipe = Thief(crop=16), Recipe(batch=4)
    model = train_surrogate(inputs, outputs, network="cnet", thief=thief, steps=60, recipe=recipe)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tuned = fine_tune(model, inputs, inputs, steps=40, rate=1e-3, thief=thief, recipe=recipe)
    added, left = (
        np.mean([a.astype(float) - b for a, b in zip(answers(one, inputs), inputs, strict=True)])
        for one in (model, tuned)
    )
    assert added > 10
    assert abs(left) < 0.5 * added
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert not tuned.training


class Reddens:
    def mark(self, picture: Array, /, *, key: Any) -> Array:
        found = picture.copy()
        found[..., 0] += key
        return found


def test_overwriting_adds_the_thiefs_mark() -> None:
    grey = pictures(1)[0][..., 0]
    for found, picture in zip(overwrite([*pictures(), grey], Reddens(), key=3), [*pictures(), grey], strict=True):
        rgb = picture if picture.ndim == 3 else picture[..., None].repeat(3, 2)
        np.testing.assert_array_equal(found.astype(int) - rgb, np.broadcast_to([3, 0, 0], rgb.shape))

    class Crops(Reddens):
        def mark(self, picture: Array, /, *, key: Any) -> Array:
            return picture[1:]

    with pytest.raises(UnsupportedImageError, match="must keep both"):
        overwrite(pictures(), Crops(), key=1)


@pytest.mark.parametrize("name", OUTPUT_ATTACKS)
@pytest.mark.parametrize("shape", [(40, 33, 3), (40, 33)])
def test_answers_are_attacked(name: str, shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(20, 220, shape, np.uint8)
    suspect = attack_answers(lambda one: one, name)
    found = suspect(picture)
    assert found.shape == shape
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, suspect(picture))
    if not (name.startswith("saturation") and len(shape) == 2):  # grey has none
        assert (found != picture).any()


def test_answers_meet_text_forms_too() -> None:
    picture = np.random.default_rng(0).integers(20, 220, (16, 16, 3), np.uint8)
    suspect = attack_answers(lambda one: 255 - one, "brightness(factor=1.0) | noise(sigma=3.0)", seed=2)
    np.testing.assert_array_equal(suspect(picture), suspect(picture))
    assert 1 < np.abs(suspect(picture).astype(int) - (255 - picture)).mean() < 5
    with pytest.raises(UnknownAttackError):
        attack_answers(lambda one: one, "no such attack")
