"""Models of every kind as functions of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.ownership.conftest import tiles
from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.models import Conventions, ModelAnswerError, as_function, planes_of

if TYPE_CHECKING:
    from pathlib import Path


class Negative(nn.Module):
    """Answers with the negative, whatever black and white are."""

    def __init__(self, total: float = 1.0) -> None:
        super().__init__()
        self.total = total

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.total - x


class Answers(nn.Module):
    def __init__(self, what: Any) -> None:
        super().__init__()
        self.what = what

    def forward(self, x: torch.Tensor) -> Any:
        return self.what(x)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)], ids=["unit", "symmetric", "levels"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_any_range_and_dtype(low: float, high: float, dtype: str) -> None:
    picture = tiles(1, 64)[0]
    top = {"uint8": 255, "uint16": 65535, "float32": 1.0}[dtype]
    given = (picture / 255 * top).astype(dtype) if dtype == "float32" else picture.astype(dtype) * (top // 255)
    answer = as_function(Negative(low + high).eval(), Conventions(low=low, high=high))(given)
    assert answer.dtype == given.dtype
    assert np.allclose(answer.astype(float) / top, 1 - given.astype(float) / top, atol=1e-5)


def test_planes_in_the_other_order() -> None:
    """Red is what such a network takes and gives last."""
    picture = tiles(1, 64)[0]
    first = Answers(lambda x: torch.cat([1 - x[:, :1], x[:, 1:]], 1)).eval()
    expected = picture.copy()
    expected[..., 2] = 255 - expected[..., 2]
    assert np.array_equal(as_function(first, Conventions(order="bgr"))(picture), expected)
    assert np.array_equal(as_function(Negative().eval(), Conventions(order="bgr", channels=1))(picture[..., 0]),
                          255 - picture[..., 0])  # fmt: skip


@pytest.mark.parametrize("white", [4095, None])
def test_a_dark_picture_stays_dark(white: int | None) -> None:
    picture = np.minimum(tiles(1, 64)[0], 200).astype(np.uint16)
    answer = as_function(Negative().eval(), Conventions(peak=white))(picture)
    assert np.array_equal(answer, (white or 65535) - picture)
    with pytest.raises(WatermarkError, match="its peak is said to be 4095"):
        as_function(Negative().eval(), Conventions(peak=4095))(picture * 100)


def test_grey_pictures_and_grey_models() -> None:
    grey, colour = tiles(1, 64)[0][..., 0], tiles(1, 64)[0]
    of_three = as_function(Negative().eval())
    of_one = as_function(Negative().eval(), Conventions(channels=1))
    assert of_three(grey).shape == (64, 64, 3)
    assert np.array_equal(of_one(grey), 255 - grey)
    assert of_one(colour).shape == (64, 64)


def test_one_of_several_outputs() -> None:
    picture = tiles(1, 64)[0]
    both, named = Answers(lambda x: (x.mean(), 1 - x)).eval(), Answers(lambda x: {"mask": x, "clean": 1 - x}).eval()
    for model, output in ((both, 1), (named, "clean")):
        assert np.array_equal(as_function(model, Conventions(output=output))(picture), 255 - picture)
        with pytest.raises(ModelAnswerError, match="say with output which"):
            as_function(model)(picture)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda x: x * float("nan"), "NaN"),
        (lambda x: x.flatten(), "is a picture: wrap it"),
        (lambda x: torch.cat([x, x], 1), "is a picture: wrap it"),
        (lambda x: 255 * x, "state its black and white"),
    ],
)
def test_what_is_no_picture(what: Any, said: str) -> None:
    with pytest.raises(ModelAnswerError, match=said):
        as_function(Answers(what).eval())(tiles(1, 64)[0])


def test_a_module_in_training_mode_is_refused() -> None:
    with pytest.raises(WatermarkError, match="call eval"):
        as_function(Negative().train())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own exporter
def test_an_onnx_file_answers_as_its_module(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Sigmoid()).eval()
    path, axes = tmp_path / "model.onnx", {2: "h", 3: "w"}
    torch.onnx.export(
        network, (torch.rand(1, 3, 32, 32),), str(path), input_names=["x"], output_names=["y"], dynamo=False,
        dynamic_axes={"x": axes, "y": axes},
    )  # fmt: skip
    picture = tiles(1, 80)[0]
    found, expected = as_function(path)(picture), as_function(network)(picture)
    assert found.shape == expected.shape == (80, 80, 3)
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_files_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    for path in (tmp_path / "model.onnx", tmp_path / "model.pkl"):
        with pytest.raises(FileFormatError):
            as_function(path)


def test_a_function_that_answers_with_no_picture() -> None:
    with pytest.raises(ModelAnswerError, match="no picture"):
        as_function(lambda picture: "a cat")(tiles(1, 64)[0])
    with pytest.raises(WatermarkError, match="is no model"):
        as_function(3)


def test_conventions_that_fit_no_picture() -> None:
    for wrong in ({"low": 1.0, "high": 0.0}, {"channels": 4}, {"high": float("inf")}, {"order": "gbr"}, {"peak": 100}):
        with pytest.raises(WatermarkError):
            Conventions(**wrong)  # type: ignore[arg-type]  # wrong on purpose
    assert planes_of(tiles(1, 64)[0], Conventions(channels=1)).shape == (1, 1, 64, 64)
