"""The matrix of surrogates: its cells, and judging that measures each answer once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

import surrogates
from harness.cells import identity
from harness.theft import key_of
from harness.theft_judging import highest_evidence, judge, mark_of, null_counts
from harness.theft_pictures import cut
from harness.theft_tables import controls, reads
from watermarking.metrics.psnr import psnr
from watermarking.ownership.marks import get_mark

if TYPE_CHECKING:
    import numpy.typing as npt

    Pictures = list[npt.NDArray[np.uint8]]

MARKS = ({"id": "learnable"}, {"id": "hidden"}, {"id": "bits", "scheme": "additive_block"})


@pytest.fixture(scope="module")
def own() -> Pictures:
    """Smooth colour pictures, as a model would answer."""
    rng = np.random.default_rng(4)
    coarse = rng.integers(30, 220, (6, 12, 12, 3))
    return [np.kron(one, np.ones((16, 16, 1))).astype(np.uint8) for one in coarse]


def options(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(
        **{
            "small": False,
            "axes": False,
            "parts": surrogates.PARTS,
            "tasks": surrogates.TASKS,
            "losses": surrogates.LOSSES,
            **given,
        }
    )


def test_matrix_has_every_network_with_every_loss_once_a_task_and_no_cell_twice() -> None:
    cells = surrogates.cells_of(options())
    names = [identity(one) for one in cells]
    assert len(set(names)) == len(names)
    for part in ("zoo", "paper"):
        mine = [(one["task"], one["network"], one["loss"]) for one in cells if one["part"] == part]
        assert len(mine) == len(set(mine)) == 40
    axes = surrogates.cells_of(options(axes=True, parts=["paper"], tasks=["derain"]))
    assert len(axes) == 8
    assert all(one["network"] == "unet" or one["loss"] == "l2" for one in axes)
    unmarked = [one for one in cells if one["part"] == "controls"]
    assert len({(one["task"], one["network"]) for one in unmarked}) >= 6
    assert all(one["mark"] is None for one in unmarked)


@pytest.mark.parametrize("config", MARKS, ids=lambda one: one["id"])
def test_judging_from_what_was_measured_agrees_with_the_mark(config: dict[str, Any], own: Pictures) -> None:
    key, plain = key_of(3), get_mark(config)
    suspect = [plain.mark(one, key=key) for one in own]
    other = [np.clip(one.astype(int) + 2, 0, 255).astype(np.uint8) for one in own]
    for references in ([], [other]):
        p_value = judge(mark_of(config), suspect, own, references, key)
        for places in ([0], [4, 1, 2], range(6)):
            chosen = [[answers[i] for i in places] for answers in (suspect, own, *references)]
            expected = plain.verify(chosen[0], chosen[1], key=key, references=chosen[2:]).p_value
            assert p_value(places) == pytest.approx(expected, rel=1e-3, abs=1e-300)


def test_null_keys_are_counted_below_each_level(own: Pictures) -> None:
    marked = [get_mark("hidden").mark(one, key=key_of(0)) for one in own]
    n, tenth, hundredth, thousandth = null_counts(mark_of("hidden"), marked, own, 300)
    assert n == 300
    assert 10 <= tenth <= 55  # 30 are expected
    assert thousandth <= hundredth <= tenth


def test_evidence_takes_as_many_queries_as_it_says(own: Pictures) -> None:
    with pytest.raises(ValueError, match="6 answers are too few: 1000"):
        highest_evidence(mark_of("learnable"), own, own)


def test_pictures_are_cut_into_squares() -> None:
    assert [one.shape for one in cut([np.zeros((256, 277), np.uint8)], 64)] == 9 * [(128, 128)]
    assert len(cut([np.zeros((256, 277, 3), np.uint8)], 256)) == 1


def test_controls_say_where_null_keys_leave_their_bounds() -> None:
    p = {str(n): [0.5] for n in (1, 5, 20, 100)}
    row = {
        "task": "derain", "network": "unet", "thief": {"crops": False}, "psnr": 30.0, "owner": 34.0,
        "p": {"hidden": p}, "null": {"hidden": [1000, 100, 40, 1]}, "evidence": {"hidden": [0.2, 3.0]},
    }  # fmt: skip
    heading, [line] = controls([row])
    said = dict(zip(heading, line, strict=True))
    assert said["below 0.1"] == "0.1000"
    assert said["below 0.01"] == "0.0400 outside"
    assert said["highest e"] == "3"
    assert said[""] == "too bad a surrogate"


def test_what_is_read_is_shown_for_both_stages() -> None:
    stage = {"B''": [0.9, 0.99, 0.98], "B'' of 128": [0.5, 0.9, 0.8], "B": [0.0, 0.8, 0.0], "A": [0.0, 0.8, 0.0]}
    row = {
        "part": "controls", "task": "derain", "network": "unet", "loss": "l2", "thief": {"resize": [0.7, 1.3]},
        "reads": {"hidden-initial": {**stage, "B''": [0.1, 0.9, 0.2]}, "hidden": stage},
    }  # fmt: skip
    heading, [line] = reads([row])
    said = dict(zip(heading, line, strict=True))
    assert (said["B'' before"], said["B'' after"], said["thief"]) == ("10 %", "90 %", "moves")
    assert said["B' after"] == ""


def test_marks_of_the_matrix_are_as_faint_as_they_say(own: Pictures) -> None:
    for config in MARKS[:2]:
        marked = mark_of(config).mark(own[0], key=key_of(0))
        assert 42.0 <= psnr(own[0], marked) < 50.0
