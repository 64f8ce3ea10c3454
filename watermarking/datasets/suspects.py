"""Pictures of any store as a sequence, decoded as they are asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from watermarking.errors import WatermarkError
from watermarking.pictures.arrays import to_array
from watermarking.pictures.files import read_picture
from watermarking.pictures.ranges import rescaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.datasets.sample import Content
    from watermarking.datasets.stores.store import Store

__all__ = ["Suspects", "each_picture", "load"]


class Suspects(Sequence[Any]):
    """The pictures of a store.

    What they are coded as stays in memory, which is a tenth of what they are decoded.

    Attributes
    ----------
    names : list of str
    refused : list of (str, str), names of the samples that are no pictures that can be read, and why
    """

    def __init__(self, store: Store) -> None:
        self.names: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self._contents: list[Content] = []
        for shard in store.shards():
            for sample in store.read(shard):
                if not sample.is_picture:
                    continue
                try:
                    load(sample.content)
                except WatermarkError as error:
                    self.refused.append((sample.name, " ".join(str(error).split())))
                    continue
                self.names.append(sample.name)
                self._contents.append(sample.content)

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._contents)

    def __getitem__(self, place: Any) -> Any:
        """Decode a picture."""
        return load(self._contents[place])


def each_picture(store: Store) -> Iterator[Any]:
    """Yield the pictures of a store that can be read, one in memory at a time."""
    for shard in store.shards():
        for sample in store.read(shard):
            if sample.is_picture:
                with contextlib.suppress(WatermarkError):
                    yield load(sample.content)


def load(content: Content) -> Any:
    """Return the samples of a picture, given as a file's content or as an array.

    Raises
    ------
    WatermarkError
        If it is none that can be read.
    """
    if isinstance(content, bytes):
        picture = read_picture(content)
        return rescaled(picture.array, picture.peak)
    return to_array(content)[0]
