"""The mark of a classifier's answers: what changes, and what never does."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.ownership.classifiers.world import KEY, OTHER, world
from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.classifiers import PROFILES, SoftLabelMark
from watermarking.ownership.marks import mark_config
from watermarking.ownership.models import ModelAnswerError


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5, 10, 100])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_answers_stay_probabilities_with_their_first_class(n_classes: int, dtype: type) -> None:
    there = world(n_classes)
    given_ = there.own.astype(dtype)
    before = given_.copy()
    marked = there.mark.answer(given_, there.pictures, key=KEY)
    assert marked.dtype == dtype
    assert marked.shape == given_.shape
    assert (marked.argmax(1) == given_.argmax(1)).all()
    np.testing.assert_array_equal(given_, before)
    assert (marked >= 0).all()
    np.testing.assert_allclose(marked.sum(1, dtype=np.float64), given_.sum(1, dtype=np.float64), atol=4e-3)
    assert (marked != given_).any(1).mean() > 0.9


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(2, 12), st.sampled_from([np.float32, np.float64]), st.sampled_from(sorted(PROFILES)))
def test_the_first_class_never_changes(data: st.DataObject, k: int, dtype: type, profile: str) -> None:
    """Of anything that sums to 1, ties and certain answers included."""
    parts = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 0.25]), st.floats(0, 1, width=32))
    weights = data.draw(hnp.arrays(np.float64, (4, k), elements=parts))
    weights[:, 0] += weights.sum(1) == 0
    answers = (weights / weights.sum(1, keepdims=True)).astype(dtype)
    tau, b1, b2 = PROFILES[profile]
    mark = SoftLabelMark(n_classes=k, coarse=world().mark.coarse, tau=tau, b1=b1, b2=b2)
    marked = mark.answer(answers, world().pictures[:4], key=KEY)
    assert (marked.argmax(1) == answers.argmax(1)).all()
    second, first = np.sort(marked, 1)[:, -2:].T
    assert ((second <= 0.981 * first) | (marked == answers).all(1)).all()  # no rounding brings them together
    np.testing.assert_allclose(marked.sum(1), 1, atol=1e-5)


def test_the_formula() -> None:
    """One answer, worked out by hand as the docstring says."""
    there = world(10)
    mark, p, row = there.mark, there.own, 5
    y = int(p[row].argmax())
    g = mark.keyed(KEY).favour(np.array([y]), mark.coarse(there.pictures[row : row + 1]))[0]
    others = [j for j in range(10) if j != y]
    m = 1 - p[row, y]
    for scale in (1, 0.75, 0.5, 0.25, 0.1):
        t, b = mark.tau * scale, mark.b1 * scale
        inside, tail = p[row, others] * np.exp(b * g[others]), np.exp(mark.b2 * g[others])
        wanted = (1 - t) * m * inside / inside.sum() + t * tail / tail.sum()
        if wanted.max() <= 0.98 * (1 - wanted.sum()):
            break
    np.testing.assert_allclose(mark.answer(p, there.pictures, key=KEY)[row, others], wanted, rtol=1e-9)
    assert abs(g[others].mean()) < 1e-12
    assert g[y] == 0


def test_profiles_change_more_in_their_order() -> None:
    there = world(10)
    changes = []
    for profile in ("light", "standard", "strong"):
        mark = SoftLabelMark.fit(there.pictures, n_classes=10, profile=profile)
        changes.append(np.abs(mark.answer(there.own, there.pictures, key=KEY) - there.own).sum(1).mean())
    assert 0 < changes[0] < changes[1] < changes[2]


def test_keys_mark_differently_and_always_alike() -> None:
    there = world(10)
    one, again, other = (there.mark.answer(there.own, there.pictures, key=key) for key in (KEY, KEY, OTHER))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.003
    alone = there.mark.answer(there.own[3:4], there.pictures[3:4], key=KEY)
    np.testing.assert_allclose(alone[0], one[3], rtol=1e-6)  # the batch says nothing


def test_the_stream_is_part_of_the_format() -> None:
    """A mark that was served once must be found for ever: these numbers may not change."""
    keyed = world(10).mark.keyed(KEY)
    found = [keyed.waves[0, 0], keyed.phases[3], keyed.classes[2, 5], keyed.functions[15, 9]]
    np.testing.assert_allclose(found, FROZEN, rtol=1e-9)


FROZEN = [-0.28028219141669913, 4.259336052809438, 0.09342930126051918, 1.179348349705196]


def test_configurations_survive_json() -> None:
    mark = world(10).mark
    assert SoftLabelMark.from_config(json.loads(json.dumps(mark_config(mark)))) == mark
    with pytest.raises(WatermarkError, match="'bits'"):
        SoftLabelMark.from_config({"id": "bits"})
    with pytest.raises(WatermarkError, match="n_classes"):
        SoftLabelMark.from_config({"id": "soft-label", "coarse": {}})
    with pytest.raises(WatermarkError, match="no coarse features"):
        SoftLabelMark.from_config({"id": "soft-label", "n_classes": 3, "coarse": {"some": 1}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_classes": 1}, "one class has no others"),
        ({"n_classes": 3000}, "2048"),
        ({"n_classes": 2.5}, "2.5"),
        ({"tau": 0.5}, "tau is 0.5"),
        ({"b1": -1.0}, "b1 is -1"),
        ({"b2": 20.0}, "b2 is 20"),
    ],
)
def test_parameters_out_of_bounds(change: dict[str, float], message: str) -> None:
    fields = {"n_classes": 10, "coarse": world().mark.coarse, **change}
    with pytest.raises(WatermarkError, match=message):
        SoftLabelMark(**fields)  # type: ignore[arg-type]  # that is the point


def test_no_such_profile() -> None:
    with pytest.raises(WatermarkError, match="light, standard, strong"):
        SoftLabelMark.fit(world().pictures, n_classes=3, profile="loud")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (np.log(world().own), "logits"),
        (world().own * 1.2, "sums to 1.2"),
        (np.where(np.arange(10) == 3, np.nan, world().own), "NaN"),
        (world().own[:, :9], "9 classes"),
        (world().own[:0], "no answer"),
        (world().own[0], r"\(10,\)"),
        (world().own.argmax(1)[:, np.newaxis], "int64"),
    ],
    ids=["logits", "sums", "nan", "classes", "none", "shape", "labels"],
)
def test_answers_that_are_no_probabilities(answers: np.ndarray, message: str) -> None:
    with pytest.raises(ModelAnswerError, match=message):
        world().mark.answer(answers, world().pictures, key=KEY)


def test_inputs_that_do_not_fit() -> None:
    there = world()
    with pytest.raises(WatermarkError, match="400 answers to 3 inputs"):
        there.mark.answer(there.own, there.pictures[:3], key=KEY)
    with pytest.raises(UnsupportedImageError, match="not pictures"):
        there.mark.answer(there.own, np.zeros((400, 12, 12, 3), np.float32), key=KEY)


def test_torch_is_not_needed() -> None:
    code = (
        "import sys; from watermarking.ownership.classifiers.proof import verify_classifier; "
        "from watermarking.ownership.classifiers import SoftLabelMark; "
        "import watermarking.ownership.classifiers.protect, watermarking.ownership.classifiers.evidence; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
