"""The two stages on a few small pictures: they run, go on where they were, and leave alone what is not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.ownership.conftest import tiles  # noqa: E402
from watermarking.errors import UnsupportedImageError, WatermarkError, WeightsError  # noqa: E402
from watermarking.ownership.hidden.lessons import Lessons  # noqa: E402
from watermarking.ownership.hidden.networks import HiddenSpec  # noqa: E402
from watermarking.ownership.hidden.train import TrainingChoices, teach_reader, train_hidden  # noqa: E402
from watermarking.ownership.hidden.weights import load_hidden, save_hidden  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

SPEC = HiddenSpec(modulators=2, content_width=8, attention_width=8)
CHOICES = TrainingChoices(steps=60, batch=4, crop=48, rate=2e-3)
LESSONS = Lessons(inputs=tiles(4, 64), answers=tiles(4, 64), unmarked=[tiles(4, 64)])


def same(one: Any, other: Any) -> bool:
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_r_learns_to_measure_what_h_adds() -> None:
    seen: list[dict[str, float]] = []
    train_hidden(LESSONS, spec=SPEC, choices=CHOICES, progress=lambda _, terms: seen.append(terms))
    assert set(seen[0]) == {"watermark", "consistency", "imitated", "clean", "seen"}
    assert seen[-1]["watermark"] < 0.8  # 1 where R says nothing


def test_a_stage_goes_on_where_it_was(tmp_path: Path) -> None:
    short = TrainingChoices(steps=4, batch=2, crop=32)
    whole = train_hidden(LESSONS, spec=SPEC, choices=short, checkpoint=tmp_path / "a.safetensors")
    again = train_hidden(LESSONS, spec=SPEC, choices=short, checkpoint=tmp_path / "a.safetensors")
    assert same(whole, again)
    other = TrainingChoices(steps=5, batch=2, crop=32)
    with pytest.raises(WeightsError, match="steps is 4 there, 5 here"):
        train_hidden(LESSONS, spec=SPEC, choices=other, checkpoint=tmp_path / "a.safetensors")
    changed = [one ^ np.uint8(1) for one in LESSONS.inputs]
    others = Lessons(inputs=changed, answers=tiles(4, 64), unmarked=[tiles(4, 64)])
    with pytest.raises(WeightsError, match="lessons"):
        train_hidden(others, spec=SPEC, choices=short, checkpoint=tmp_path / "a.safetensors")


def test_answers_of_another_size_are_refused() -> None:
    with pytest.raises(UnsupportedImageError, match="answer 0 of a surrogate is 32x32, its input is 64x64"):
        Lessons(inputs=tiles(4, 64), answers=tiles(4, 64), unmarked=[tiles(4, 32)])


def test_the_adversarial_stage_teaches_r_alone() -> None:
    short = TrainingChoices(steps=3, batch=2, crop=32)
    networks = train_hidden(LESSONS, spec=SPEC, choices=short)
    with pytest.raises(WatermarkError, match="needs a surrogate's answers"):
        teach_reader(networks, LESSONS, choices=short)
    point = np.eye(SPEC.directions, dtype=np.float32)[0]
    stolen = Lessons(inputs=tiles(4, 64), answers=tiles(4, 64), unmarked=[tiles(4, 64)], stolen=[(tiles(4, 64), point)])
    before = {name: value.clone() for name, value in networks.state_dict().items()}
    taught = teach_reader(networks, stolen, choices=short)
    assert same(taught.hider, networks.hider)
    assert not same(taught.reader, networks.reader)
    assert all(torch.equal(value, networks.state_dict()[name]) for name, value in before.items())


def test_weights_come_back(tmp_path: Path) -> None:
    networks = train_hidden(LESSONS, spec=SPEC, choices=TrainingChoices(steps=2, batch=2, crop=32))
    path = tmp_path / "w.safetensors"
    save_hidden(networks, path, {"licence": "none"})
    back = load_hidden(str(path))
    assert back.spec == SPEC
    for name, value in networks.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], value, atol=2e-3, rtol=2e-3)
    path.write_bytes(path.read_bytes()[:-100])
    load_hidden.cache_clear()
    with pytest.raises(WeightsError, match="no complete safetensors"):
        load_hidden(str(path))


def test_bad_lessons() -> None:
    with pytest.raises(WatermarkError, match="what surrogates look like"):
        Lessons(inputs=tiles(1, 64), answers=tiles(1, 64), unmarked=[])
    with pytest.raises(UnsupportedImageError, match="give one each"):
        Lessons(inputs=tiles(2, 64), answers=tiles(2, 64), unmarked=[tiles(1, 64)])
    with pytest.raises(UnsupportedImageError, match="no pairs"):
        Lessons(inputs=tiles(2, 64), answers=tiles(1, 64), unmarked=[tiles(2, 64)])


@pytest.mark.parametrize("wrong", [{"batch": 3}, {"crop": 30}, {"steps": 0}, {"rate": float("nan")}])
def test_bad_choices(wrong: dict[str, Any]) -> None:
    with pytest.raises(WatermarkError, match="train"):
        TrainingChoices(**wrong)
