"""Tensors on disk are read back whatever the length of what their file says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")

from watermarking.deep.tensors import read_metadata, read_tensors, write_tensors  # noqa: E402
from watermarking.errors import WeightsError  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


def test_no_length_is_taken_for_a_pickle(tmp_path: Path) -> None:
    path, seen = tmp_path / "one.safetensors", set()
    for n in range(256):
        write_tensors(path, {"a": torch.arange(3)}, {"note": "x" * n})
        seen.add(path.read_bytes()[0])
        assert torch.equal(read_tensors(path)["a"], torch.arange(3))
        assert read_metadata(path) == {"note": "x" * n}
    assert 0x80 in seen  # as a pickle begins


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_pickles_are_refused(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "one.safetensors"
    path.write_bytes(head + bytes(40))
    with pytest.raises(WeightsError, match="is a pickle"):
        read_tensors(path)
