"""PyTorch: data sets whose pictures are marked when they are asked for, and a transform."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from tests.datasets.conftest import KEY, texture
from watermarking.datasets.adapters import MarkedDataset, MarkTransform
from watermarking.errors import UnsupportedImageError
from watermarking.messages.marker import Marker

MARKER = Marker(key=KEY, psnr=40, search=0)


class Pictures(Dataset):  # type: ignore[type-arg]
    """Tensors and labels."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index >= len(self):
            raise IndexError(index)
        array = texture(192, 192, index).transpose(2, 0, 1).astype(np.float32) / 255
        return torch.from_numpy(array), index % 2


def text_of(tensor: torch.Tensor) -> str | None:
    return MARKER.extract(np.ascontiguousarray(tensor.numpy().transpose(1, 2, 0))).text


def test_a_loader_gives_marked_pictures_and_the_same_labels() -> None:
    marked = MarkedDataset(Pictures(), MARKER, lambda index: f"n{index}")
    assert len(marked) == 4
    pictures, labels = next(iter(DataLoader(marked, batch_size=4)))  # type: ignore[arg-type]
    assert pictures.dtype == torch.float32
    assert [text_of(one) for one in pictures] == ["n0", "n1", "n2", "n3"]
    assert labels.tolist() == [0, 1, 0, 1]


Pair = namedtuple("Pair", "label picture")  # noqa: PYI024  # what people have


@pytest.mark.parametrize(
    ("sample", "place"),
    [
        ({"picture": texture(192, 192, 1), "label": 3}, "picture"),
        ([3, texture(192, 192, 1)], 1),
        (Pair(3, texture(192, 192, 1)), 1),
        (texture(192, 192, 1), 0),
    ],
)
def test_samples_keep_their_kind(sample: Any, place: Any) -> None:
    found = MarkedDataset([sample], MARKER, "Ada", place)[0]
    assert type(found) is type(sample)
    picture = found if isinstance(found, np.ndarray) else found[place]
    assert MARKER.extract(picture).text == "Ada"
    assert [len(one) for one in (found, sample)] == [len(sample)] * 2


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transform_marks_what_it_is_given(channels: int) -> None:
    array = texture(192, 192, 5)[..., :channels]
    transform = MarkTransform(MARKER, "Ada")
    tensor = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))
    marked = transform(tensor)
    assert (marked.dtype, marked.shape) == (torch.uint8, tensor.shape)
    found = marked.numpy().transpose(1, 2, 0)
    assert MARKER.extract(np.ascontiguousarray(found[..., 0] if channels == 1 else found)).text == "Ada"
    picture = transform(Image.fromarray(array[..., 0] if channels == 1 else array))
    assert isinstance(picture, Image.Image)
    assert MARKER.extract(picture).text == "Ada"


def test_places_are_counted_from_the_end_too_and_odd_tensors_refused() -> None:
    marked = MarkedDataset([(texture(192, 192, i), i) for i in range(3)], MARKER, lambda index: f"photo {index}")
    assert Marker(key=KEY, search=0).extract(marked[-1][0]).text == "photo 2"
    with pytest.raises(TypeError, match="by their number"):
        marked[0:2]
    for shape in ((64, 64), (2, 3, 64, 64)):
        with pytest.raises(UnsupportedImageError, match="is no picture"):
            MarkTransform(MARKER, "Ada")(torch.zeros(shape))
