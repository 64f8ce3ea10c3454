"""Suspects and owner's models that are not what was expected: each is told in one line, or counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.ownership.conftest import KEY, OTHER, Pixels
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.learnable import LearnableMark
from watermarking.ownership.marks import BitsMark
from watermarking.ownership.metered import gather
from watermarking.ownership.models import Conventions
from watermarking.ownership.proof import verify

if TYPE_CHECKING:
    from pathlib import Path

MARK = BitsMark(scheme={"id": "dwt", "psnr": 42.0})


def honest(picture: Pixels) -> Pixels:
    return picture


class Answers(nn.Module):
    def __init__(self, what: Any) -> None:
        super().__init__()
        self.what = what

    def forward(self, x: torch.Tensor) -> Any:
        return self.what(x)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda x: nn.functional.interpolate(x, scale_factor=2.0), r"the answer is 320x320, the owner's 160x160"),
        (lambda x: x[..., 3:, 3:], r"the answer is 157x157, the owner's 160x160"),
        (lambda x: (x, x), "say with output which is the picture"),
        (lambda x: 2 * x - 1, "state its black and white"),
        (lambda x: 255 * x, "state its black and white"),
        (lambda x: x.mean(), "is a picture: wrap it"),
        (lambda x: x / 0, "NaN or infinity"),
        (torch.rand_like, "shows something else"),
    ],
    ids=["larger", "smaller", "two tensors", "symmetric", "levels", "number", "infinite", "noise"],
)
def test_a_network_that_is_not_as_expected(photographs: list[Pixels], what: Any, said: str) -> None:
    dark = [one // 4 for one in photographs]  # of which most lie below 0 in [-1, 1]
    with pytest.raises(WatermarkError, match=said):
        verify(Answers(what).eval(), dark, own=honest, mark=MARK, key=KEY)
    with pytest.raises(WatermarkError, match=said):
        gather(Answers(what).eval(), dark, own=honest, mark=LearnableMark(), key=KEY)


def test_each_side_in_its_own_conventions(photographs: list[Pixels]) -> None:
    """The suspect in [-1, 1] with a mask beside its picture, the owner's model in BGR levels, a reference in grey."""
    suspect = Answers(lambda x: (x.mean(), x)).eval()
    own = Answers(lambda x: torch.cat([x[:, :2], 255 - x[:, 2:]], 1)).eval()
    theirs, ours = Conventions(low=-1, output=1), Conventions(high=255, order="bgr")
    proof = verify(
        suspect, photographs, own=own, mark=MARK, key=KEY, conventions=theirs, own_conventions=ours,
        references=[Answers(lambda x: x.repeat(1, 3, 1, 1)).eval()], reference_conventions=Conventions(channels=1),
    )  # fmt: skip
    for pair in proof.pairs:
        picture = photographs[int(pair.name)]
        assert pair.own is not None
        assert np.array_equal(pair.suspect[..., 1:], picture[..., 1:])
        assert np.array_equal(pair.own[..., 0], 255 - pair.suspect[..., 0])
    assert proof.n_compared + len(proof.failures) == 6
    assert len(proof.references) == 1


def test_a_grey_network_is_compared_in_grey(photographs: list[Pixels]) -> None:
    marked = {picture.tobytes(): MARK.mark(picture, key=KEY) for picture in photographs}

    def grey(picture: Pixels) -> Pixels:
        return np.asarray(cv2.cvtColor(marked[picture.tobytes()], cv2.COLOR_RGB2GRAY))

    proof = verify(grey, photographs, own=honest, mark=MARK, key=KEY)
    assert proof.n_compared == 6
    assert {pair.suspect.ndim for pair in proof.pairs} == {2}
    assert proof.detection.p_value < 1e-6


def test_sixteen_bits_and_floats_are_as_good_as_eight(photographs: list[Pixels]) -> None:
    marked = [MARK.mark(one, key=KEY) for one in photographs]
    plain = verify(marked, own=photographs, mark=MARK, key=KEY).detection
    deep = [one.astype(np.uint16) * 257 for one in marked]
    unit = [one.astype(np.float32) / 255 for one in marked]
    for suspect in (deep, unit):
        assert verify(suspect, own=photographs, mark=MARK, key=KEY).detection == plain


def test_a_key_that_was_never_used(photographs: list[Pixels]) -> None:
    marked = [MARK.mark(one, key=KEY) for one in photographs]
    assert verify(marked, own=photographs, mark=MARK, key=OTHER).detection.p_value > 1e-3
    metered = gather(marked, own=photographs, mark=LearnableMark(), key=OTHER)
    assert metered.metering is not None
    assert max(metered.metering.e_values) < 20


def test_files_that_are_neither_folder_nor_model(tmp_path: Path, photographs: list[Pixels]) -> None:
    Image.fromarray(photographs[0]).save(tmp_path / "a.png")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn/a.png").write_bytes((tmp_path / "a.png").read_bytes()[:400])
    for source, said in (
        (tmp_path / "a.png", "is no ONNX file"), (tmp_path / "none", "there is no"), (3, "is no model"),
    ):  # fmt: skip
        for queries in (None, photographs):
            with pytest.raises(WatermarkError, match=said):
                verify(source, queries, own=photographs, mark=MARK, key=KEY)
    with pytest.raises(WatermarkError, match=r"can be compared .*a\.png"):
        verify(tmp_path / "torn", own=photographs, mark=MARK, key=KEY)
    with pytest.raises(FileFormatError):
        verify(photographs, own=tmp_path / "a.png", mark=MARK, key=KEY)


def test_flat_answers_prove_nothing(photographs: list[Pixels]) -> None:
    proof = verify([np.full_like(one, 90) for one in photographs], own=photographs, mark=MARK, key=KEY)
    assert proof.n_compared == 6
    assert proof.detection.p_value > 1e-3
