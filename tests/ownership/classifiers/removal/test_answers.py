"""Changes of answered probabilities: each does what it says, and all that come out are probabilities."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from watermarking.errors import WatermarkError  # noqa: E402
from watermarking.ownership.classifiers.removal.answers import (  # noqa: E402
    LEAST,
    Changes,
    class_floors,
    without_floors,
)
from watermarking.ownership.classifiers.removal.loot import log_probabilities  # noqa: E402
from watermarking.ownership.classifiers.removal.overwrite import class_code  # noqa: E402

ROW = [0.62, 0.2, 0.126, 0.05, 0.004]


def changed(**choices: Any) -> list[float]:
    found = Changes(**choices).apply(torch.tensor([ROW]).log()).exp()[0]
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    return [round(float(p), 4) for p in found]


def test_each_change() -> None:
    assert changed() == ROW
    assert changed(top=2) == [0.62, 0.2, 0.06, 0.06, 0.06]
    assert changed(top=1) == [0.62, 0.095, 0.095, 0.095, 0.095]
    assert changed(top=9) == ROW
    assert changed(below=0.1) == [round(p / 0.946, 4) for p in (0.62, 0.2, 0.126)] + [0, 0]
    assert changed(decimals=1) == [0.6667, 0.2222, 0.1111, 0, 0]
    assert changed(smoothing=0.5) == [0.41, 0.2, 0.163, 0.125, 0.102]
    squares = [p * p for p in ROW]
    assert changed(power=2) == [round(p / sum(squares), 4) for p in squares]


def test_nothing_left_is_the_highest_class() -> None:
    row = torch.full((1, 20), 0.04)
    row[0, 3] = 0.24
    found = Changes(below=0.4).apply(row.log()).exp()
    assert float(found[0, 3]) == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(found.log()).all()


@pytest.mark.parametrize("choice", [{"top": 0}, {"below": 0.6}, {"decimals": 0}, {"power": 0}, {"smoothing": 1}])
def test_bad_choices(choice: dict[str, Any]) -> None:
    with pytest.raises(WatermarkError, match="is out of range"):
        Changes(**choice)


def test_floors_are_found_and_taken_off() -> None:
    rng = torch.Generator().manual_seed(0)
    tail = torch.tensor([0.0, 0.03, 0.005, 0.015])
    p = torch.zeros(1, 400, 4)
    p[0, :, 1:] = tail[1:] + 0.02 * torch.rand((400, 3), generator=rng)
    p[..., 0] = 1 - p.sum(-1)
    floors = class_floors(p.log())
    assert torch.allclose(floors[0, 0, 1:], tail[1:], atol=3e-3)
    assert (floors[0, 1:] == 0).all()
    bare = without_floors(p.log(), floors).exp()
    assert torch.allclose(bare.sum(-1), torch.ones(1, 400), atol=1e-5)
    assert (bare[0, :, 1:].mean(0) - 0.01).abs().max() < 4e-3
    assert (bare[0, :, 0] > p[0, :, 0]).all()


def test_a_thiefs_own_mark_keeps_the_first_class() -> None:
    p = torch.softmax(3 * torch.randn(200, 6, generator=torch.Generator().manual_seed(1)), -1)
    p = p[p.amax(1) > 0.5]
    one, same, other = (class_code(p.log(), 0.05, seed=seed).exp() for seed in (1, 1, 2))
    assert torch.allclose(one.sum(-1), torch.ones(len(p)), atol=1e-5)
    assert torch.equal(one.argmax(1), p.argmax(1))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other, atol=1e-3)


def test_only_probabilities_become_logarithms() -> None:
    found = log_probabilities(torch.tensor([[1.0, 0.0]]))
    assert float(found[0, 1].exp()) == pytest.approx(LEAST)
    for bad, said in (
        ([[3.0, -1.0]], "negative"), ([[0.5, float("nan")]], "NaN"), ([[2.0, 1.0]], "not logits"),
        ([[0.4, 0.4]], "sum of 1"),
    ):  # fmt: skip
        with pytest.raises(WatermarkError, match=said):
            log_probabilities(torch.tensor(bad))
