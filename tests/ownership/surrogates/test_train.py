"""Training of surrogates: they learn, go on where they stopped, follow the seed, and answer in any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermarking.errors import UnsupportedImageError, WatermarkError, WeightsError  # noqa: E402
from watermarking.ownership.surrogates.losses import LOSSES  # noqa: E402
from watermarking.ownership.surrogates.networks import NETWORKS, Surrogate, build_network  # noqa: E402
from watermarking.ownership.surrogates.thief import Thief  # noqa: E402
from watermarking.ownership.surrogates.train import Recipe, answers, train_surrogate  # noqa: E402
from watermarking.ownership.tasks.models import train_model  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]
SMALL = Thief(crop=16)
MEDIUM = Thief(crop=32)


def pairs(n: int = 6, side: int = 32) -> tuple[list[Array], list[Array]]:
    """Smooth pictures, and the same 20 grey levels redder: what any network learns in a few steps."""
    rng = np.random.default_rng(1)
    base = rng.integers(60, 180, (n, 4, 4, 3)).repeat(side // 4, 1).repeat(side // 4, 2)
    shifted = base.copy()
    shifted[..., 0] += 20
    return list(base.astype(np.uint8)), list(shifted.astype(np.uint8))


def error(model: Any, inputs: list[Array], outputs: list[Array]) -> float:
    found = answers(model, inputs)
    return float(np.mean([np.abs(a.astype(float) - b).mean() for a, b in zip(found, outputs, strict=True)]))


def same(one: Surrogate, two: Surrogate) -> bool:
    a, b = one.state_dict(), two.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_learn(network: str) -> None:
    inputs, outputs = pairs()
    model = train_surrogate(inputs, outputs, network=network, thief=SMALL, steps=60, recipe=Recipe(batch=4))
    assert not model.training
    assert error(model, inputs, outputs) < 0.6 * error(build_network(network), inputs, outputs)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_teach(loss: str) -> None:
    inputs, outputs = pairs()
    model = train_surrogate(
        inputs, outputs, network="cnet", loss=loss, thief=MEDIUM, steps=80, recipe=Recipe(batch=4, critic_width=4)
    )
    assert error(model, inputs, outputs) < 0.7 * error(build_network("cnet"), inputs, outputs)


def test_features_take_the_place_of_the_perceptual_default() -> None:
    asked = []

    def features(image: Any) -> Any:
        asked.append(image.shape)
        return image[:, :1]

    inputs, outputs = pairs()
    train_surrogate(
        inputs, outputs, network="unet", loss="perceptual-adversarial", thief=MEDIUM, steps=1, features=features,
        recipe=Recipe(batch=2, critic_width=4),
    )  # fmt: skip
    assert asked == [(2, 3, 32, 32)] * 2


def test_seed_decides() -> None:
    inputs, outputs = pairs()
    before, state = torch.get_num_threads(), torch.random.get_rng_state()
    one, two, other = (train_surrogate(inputs, outputs, thief=SMALL, steps=3, seed=s) for s in (1, 1, 2))
    assert same(one, two)
    assert not same(one, other)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("loss", ["l2", "l1-adversarial"])
def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path: Path, loss: str) -> None:
    inputs, outputs = pairs()
    recipe = Recipe(batch=2, critic_width=4, save_every=3)
    about: dict[str, Any] = {"network": "unet", "loss": loss, "thief": MEDIUM, "steps": 7, "recipe": recipe}
    whole = train_surrogate(inputs, outputs, **about)

    def stop(step: int, _loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    path = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_surrogate(inputs, outputs, checkpoint=path, progress=stop, **about)
    seen: list[int] = []
    resumed = train_surrogate(inputs, outputs, checkpoint=path, progress=lambda step, _: seen.append(step), **about)
    assert seen == [4, 5, 6, 7]
    assert same(whole, resumed)
    finished = train_surrogate(inputs, outputs, checkpoint=path, progress=lambda step, _: seen.append(step), **about)
    assert len(seen) == 4
    assert same(whole, finished)
    for changed in (
        {"loss": "l1"},
        {"network": "cnet"},
        {"seed": 4},
        {"steps": 9},
        {"thief": Thief(crop=32, flips=True)},
    ):
        with pytest.raises(WeightsError, match="another run"):
            train_surrogate(inputs, outputs, checkpoint=path, **{**about, **changed})
    with pytest.raises(WeightsError, match="pairs is"):
        train_surrogate(inputs, inputs, checkpoint=path, **about)
    with pytest.raises(WeightsError, match="batch=3"):
        train_surrogate(inputs, outputs, checkpoint=path, **{**about, "recipe": Recipe(batch=3)})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WeightsError, match="no complete safetensors"):
        train_surrogate(inputs, outputs, checkpoint=path, **about)


def test_unmarked_pairs_make_their_share() -> None:
    """Half of the pairs have no redder outputs: the mean of both is learnt."""
    inputs, outputs = pairs()
    thief = Thief(crop=16, unmarked=0.5)
    model = train_surrogate(inputs, outputs, network="cnet", thief=thief, clean=(inputs, inputs), steps=120)
    redder = np.mean([a.astype(float)[..., 0] - b[..., 0] for a, b in zip(answers(model, inputs), inputs, strict=True)])
    assert 6 < redder < 14
    with pytest.raises(WatermarkError, match="none are given"):
        train_surrogate(inputs, outputs, thief=thief, steps=1)


def test_owners_model() -> None:
    inputs, outputs = pairs()
    model = train_model(list(zip(inputs, outputs, strict=True)), steps=60, thief=SMALL, recipe=Recipe(batch=4))
    assert error(model, inputs, outputs) < 14


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("shape", [(1, 1, 3), (17, 33, 3), (40, 24), (9, 8)])
def test_answers_have_the_inputs_shape(network: str, shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    (found,) = answers(build_network(network), [picture])
    assert found.shape == shape
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - picture).mean() < 20


def test_grey_pairs_train() -> None:
    inputs, _ = pairs()
    grey = [picture[..., 0] for picture in inputs]
    brighter = [np.asarray(picture + 20, np.uint8) for picture in grey]
    model = train_surrogate(grey, brighter, network="cnet", thief=SMALL, steps=60, recipe=Recipe(batch=4))
    assert error(model, grey, brighter) < 14


def test_any_module_answers() -> None:
    class Halves(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return x[..., ::2, ::2]

    picture = np.zeros((4, 4, 3), np.uint8)
    module = torch.nn.Identity().train()
    np.testing.assert_array_equal(answers(module, [picture])[0], picture)
    assert module.training
    with pytest.raises(WatermarkError, match="keep the picture's size"):
        answers(Halves(), [picture])
    with pytest.raises(UnsupportedImageError, match="cannot be used"):
        answers(module, [picture.astype(np.float32)])


def test_bad_requests() -> None:
    inputs, outputs = pairs(2)
    for choices, said in (
        ({"steps": 0}, "train nothing"), ({"threads": 0}, "train nothing"), ({"loss": "l3"}, "there is no loss"),
        ({"network": "vgg"}, "there is no network"), ({"thief": Thief(crop=64)}, "a side of 64 is needed"),
        ({"preset": "paper"}, "do not fit"),
        ({"loss": "l1-adversarial"}, "at least 32"), ({"recipe": Recipe(rate=1e12)}, "smaller rate"),
    ):  # fmt: skip
        with pytest.raises(WatermarkError, match=said):
            train_surrogate(inputs, outputs, **{"steps": 20, "thief": SMALL, **choices})
    with pytest.raises(UnsupportedImageError, match="no pairs"):
        train_surrogate(inputs, outputs[:1], steps=1)
