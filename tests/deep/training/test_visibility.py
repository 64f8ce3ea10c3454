"""The terms of visibility against the metrics that they stand for, and what training does with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from watermarking.attacks import parse_attack  # noqa: E402
from watermarking.deep.networks.nets import NetSpec  # noqa: E402
from watermarking.deep.training import losses  # noqa: E402
from watermarking.deep.training.config import LossWeights, TrainConfig  # noqa: E402
from watermarking.deep.training.data import Photographs, photograph_files  # noqa: E402
from watermarking.deep.training.sampling import Sampler  # noqa: E402
from watermarking.deep.training.train import Trainer  # noqa: E402
from watermarking.deep.training.visibility.butteraugli import butteraugli_map, greatest  # noqa: E402
from watermarking.deep.training.visibility.light import linear_light  # noqa: E402
from watermarking.deep.training.visibility.ssimulacra2 import ssimulacra2_error  # noqa: E402
from watermarking.deep.weights import load_weights  # noqa: E402
from watermarking.metrics import butteraugli, ssimulacra2  # noqa: E402
from watermarking.metrics.ssimulacra2 import score_of_error  # noqa: E402

CPU = torch.device("cpu")
ROBUST = load_weights("deep-robust").spec
CONFIG = TrainConfig(
    name="unseen", net=ROBUST, payload="bits", reader="deep-robust", tile=64, groups=2, group=1, reach=(1.0, 1.2),
    window=48, shrink=(1.0,), ramp=1, warm_up=1,
    losses=LossWeights(basic=0, perceptual=0, seen=0.2, peaks=0.1, clean=0),
)  # fmt: skip


def light(picture: np.ndarray) -> torch.Tensor:
    return linear_light(torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255)


def trainer(tiles: Path, folder: Path, config: TrainConfig = CONFIG) -> Trainer:
    torch.set_num_threads(1)
    return Trainer(Sampler(config, Photographs(photograph_files(tiles), (1.0,), 64, 80, CPU), None), folder)


MARKLIKE = pytest.mark.parametrize("attack", ["noise(1.5)", "noise(6)", "jpeg(90)", "jpeg(50)", "gamma(1.05)"])
ATTACKS = pytest.mark.parametrize(
    "attack", ["noise(1.5)", "noise(6)", "jpeg(90)", "jpeg(50)", "blur(0.5)", "gamma(1.05)"]
)


@MARKLIKE
@pytest.mark.parametrize("size", [(256, 320), (201, 187)])
def test_butteraugli_sees_what_the_metric_sees(photograph: np.ndarray, attack: str, size: tuple[int, int]) -> None:
    cover = np.ascontiguousarray(photograph[100 : 100 + size[0], 60 : 60 + size[1]])
    struck = parse_attack(attack)(cover, rng=np.random.default_rng(1))
    expected, found = butteraugli(cover, struck), butteraugli_map(light(cover), light(struck))[0].numpy()
    assert found.shape == (size[0] & ~1, size[1] & ~1)
    assert found.max() == pytest.approx(expected.max, rel=0.1)
    assert found.mean() == pytest.approx(expected.map.mean(), rel=0.06)
    inside = np.s_[: found.shape[0], : found.shape[1]]
    assert np.corrcoef(found.ravel(), expected.map[inside].ravel())[0, 1] > 0.98


@ATTACKS
def test_ssimulacra2_scores_as_the_metric_does(photograph: np.ndarray, attack: str) -> None:
    """The metric's own filter gathers rounding errors, which cost it the more the less is changed."""
    struck = parse_attack(attack)(photograph, rng=np.random.default_rng(1))
    error = float(ssimulacra2_error(light(photograph), light(struck), 6))
    assert score_of_error(error) == pytest.approx(ssimulacra2(photograph, struck), abs=0.6)


def test_each_picture_is_judged_by_itself(photograph: np.ndarray) -> None:
    struck = parse_attack("jpeg(70)")(photograph, rng=np.random.default_rng(1))
    covers = torch.cat([light(photograph), light(photograph)])
    marked = torch.cat([light(struck), light(photograph)])
    errors = ssimulacra2_error(covers, marked)
    assert errors.shape == (2,)
    assert float(errors[0]) > 0.5
    assert abs(float(errors[1])) < 1e-3
    peaks = greatest(butteraugli_map(covers, marked))
    assert float(peaks[0]) > 1
    assert float(peaks[1]) < 0.01


def test_a_greatest_error_is_nearly_the_greatest() -> None:
    errors = torch.full((1, 64, 64), 0.5)
    errors[0, 10:20, 10:20] = 3.0
    assert 1.5 < float(greatest(errors)) < 3.0
    assert float(greatest(errors * 2)) == pytest.approx(2 * float(greatest(errors)))


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_gradients_are_numbers_even_where_nothing_is_changed(level: float) -> None:
    cover = torch.full((1, 3, 40, 48), level)
    for change in (0.0, 1e-4):
        marked = (cover + change).requires_grad_()
        terms = losses.visible(cover, marked, seen=1.0, peaks=1.0)
        torch.stack(list(terms.values())).sum().backward()
        assert torch.isfinite(marked.grad).all()


def test_windows_are_cut_in_one_place_and_reach_the_borders() -> None:
    cover = torch.arange(60 * 70, dtype=torch.float32).reshape(1, 1, 60, 70).expand(400, 3, -1, -1)
    seeds = torch.randint(2**62, (400,), generator=torch.Generator().manual_seed(1))
    one, two = losses.windows(cover, cover + 1, seeds, 32)
    assert one.shape == (400, 3, 32, 32)
    assert torch.equal(one + 1, two)
    first = one[:, 0, 0, 0].long()
    rows, columns = first // 70, first % 70
    for place, last in ((rows, 28), (columns, 38)):
        assert int(place.min()) == 0
        assert int(place.max()) == last
        assert 0.2 < float(((place == 0) | (place == last)).float().mean()) < 0.4
    assert losses.windows(cover, cover, seeds, 99)[0].shape == (400, 3, 60, 70)


def test_only_h_learns_and_the_reader_stays(tiles: Path, tmp_path: Path) -> None:
    run = trainer(tiles, tmp_path)
    run.start_from("deep-robust")
    before = {name: value.clone() for name, value in run.pair.state_dict().items()}
    terms = [run.advance() for _ in range(2)]
    assert {"watermark", "pilot", "seen", "peaks"} == terms[0].keys()
    for name, value in run.pair.state_dict().items():
        assert torch.equal(value, before[name]) is name.startswith("reader."), name
        assert torch.equal(run.averages[name], before[name]) is name.startswith("reader."), name
    run.save()  # and goes on
    again = trainer(tiles, tmp_path)
    assert again.step == 2
    assert torch.equal(again.advance()["seen"], run.advance()["seen"])


def test_a_run_starts_from_released_weights(tiles: Path, tmp_path: Path) -> None:
    released = load_weights("deep-robust").pair.state_dict()
    run = trainer(tiles, tmp_path)
    run.start_from("deep-robust")
    assert all(torch.equal(value, released[name]) for name, value in run.averages.items())
    folder = Path(__file__).parents[3] / "watermarking" / "deep" / "weights"
    by_file = trainer(tiles, tmp_path)
    by_file.start_from(folder / "deep-robust.safetensors")
    assert all(torch.equal(value, released[name]) for name, value in by_file.pair.state_dict().items())


def test_marks_learn_to_show_less(tiles: Path, tmp_path: Path) -> None:
    net = NetSpec(
        payload_ratio=8, payload_channels=1, hider_widths=(16, 16), reader_width=16, reader_blocks=1, stem_width=8
    )
    weights = LossWeights(basic=0, perceptual=0, watermark=0, pilot=0, clean=0, seen=1, peaks=1)
    config = replace(CONFIG, net=net, reader="", losses=weights, learning_rate=3e-3, psnr=(36.0, 36.0))
    run = trainer(tiles, tmp_path, config)
    values = [{name: float(term) for name, term in run.advance().items()} for _ in range(40)]
    for name in ("seen", "peaks"):
        early, late = (np.mean([row[name] for row in part]) for part in (values[2:8], values[-6:]))
        assert late < early - 0.1, name
