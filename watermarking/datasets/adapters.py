"""The operator in the hands of others: a map of Hugging Face's or Ray's, a PyTorch data set, a transform."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watermarking.codes.messages import Message, to_bytes
from watermarking.datasets.operator import MarkSamples
from watermarking.datasets.sample import Sample
from watermarking.datasets.wording import Wording
from watermarking.errors import FileFormatError, UnsupportedImageError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watermarking.datasets.operator import OnError
    from watermarking.messages.marker import Marker

__all__ = ["MarkBatches", "MarkRows", "MarkTransform", "MarkedDataset"]


@dataclass(frozen=True)
class MarkRows:
    """Marks the pictures of rows, as ``datasets.Dataset.map`` and its streams hand them over.

    Pictures are bytes, or dictionaries of bytes and path, which is what the library gives after
    ``cast_column(column, Image(decode=False))``. Decoded pictures are refused: the library would store them as PNG, or
    by the path of the unmarked file. The same arguments have the same fingerprint, so that a second map comes from the
    cache. What cannot be marked stays as it is, with a warning, unless ``on_error`` is "stop".

    Examples
    --------
    >>> from watermarking import Key, Marker
    >>> mark = MarkRows.of(Marker(key=Key(bytes(16))), message="Ada")
    >>> mark.column
    'image'
    """

    operator: MarkSamples
    column: str = "image"

    @classmethod
    def of(
        cls,
        marker: Marker,
        *,
        message: Message | None = None,
        template: str | None = None,
        message_column: str | None = None,
        column: str = "image",
        on_error: OnError = "copy",
        verify: bool = True,
        keys_per_sample: bool = False,
    ) -> MarkRows:
        """Make one: of the message, its template and its column one is given.

        Raises
        ------
        WatermarkError
            If none is given, or several are.
        """
        fixed = None if message is None else to_bytes(message)
        if fixed is None and template is None and message_column is None:
            raise WatermarkError("a message is needed: give message, template or message_column")
        wording = Wording(fixed, template, message_column)
        return cls(
            MarkSamples(
                marker=marker, wording=wording, on_error=on_error, verify=verify, keys_per_sample=keys_per_sample
            ),
            column,
        )

    def __call__(self, row: Mapping[str, Any], index: int | None = None) -> dict[str, Any]:
        """Return the marked picture of a row, under the column's name; the other columns stay."""
        old = row[self.column]
        content = _content_of(old)
        name = "a row" if index is None else f"row {index}"
        if content is None and self.operator.on_error != "stop":
            warnings.warn(f"{name} is not marked: it holds no picture", stacklevel=2)
            return {self.column: old}
        if not isinstance(content, bytes):
            raise WatermarkError(
                f"column {self.column!r} holds {type(old).__name__}, a picture file's bytes are needed: use "
                f"cast_column({self.column!r}, Image(decode=False)) first, cast back afterwards"
            )
        if index is None and (self.operator.keys_per_sample or self.operator.wording.is_numbered):
            raise WatermarkError(
                "keys per sample and messages with {index} need the rows' numbers: use map(..., with_indices=True), or "
                "name the column that holds them"
            )
        fields = {name: value for name, value in row.items() if name != self.column}
        marked = self.operator(Sample(name, content, fields), shard="", index=index or 0)
        if marked.record.reason is not None:
            warnings.warn(f"{name} is not marked: {marked.record.reason}", stacklevel=2)
        new = content if marked.placed.content is None else marked.placed.content
        return {self.column: {**old, "bytes": new} if isinstance(old, Mapping) else new}


def _content_of(value: Any) -> Any:
    """Return what a row holds as its picture: its bytes, or those of the file that it names; None for none."""
    if not isinstance(value, Mapping):
        return value
    if value.get("bytes") is None and value.get("path"):
        try:
            return Path(value["path"]).read_bytes()
        except (OSError, ValueError) as error:
            raise FileFormatError(f"the picture cannot be read from {value['path']!r}: {error}") from error
    return value.get("bytes")


class MarkBatches:
    """Marks the pictures of batches, as ``ray.data.Dataset.map_batches`` hands them over: one array a column.

    Parameters
    ----------
    rows : MarkRows
        What marks a row.
    index : str, optional
        Column that holds the rows' numbers, for ``{index}`` in templates and keys per sample.
    """

    def __init__(self, rows: MarkRows, index: str | None = None) -> None:
        self.rows, self.index = rows, index

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return the batch with marked pictures, as an array of bytes objects."""
        import numpy as np

        n = len(batch[self.rows.column])
        found = np.empty(n, object)
        for number in range(n):
            row = {name: values[number] for name, values in batch.items()}
            index = None if self.index is None else int(row[self.index])
            found[number] = self.rows(row, index)[self.rows.column]
        return {**batch, self.rows.column: found}


@dataclass(frozen=True)
class MarkTransform:
    """Marks a picture in a chain of transforms: PIL image, array, or tensor (3, H, W); the same kind comes back.

    Floats are in [0, 1]. Marked again in every epoch, a data set carries the same marks each time.
    """

    marker: Marker
    message: Message

    def __call__(self, picture: Any) -> Any:
        """Return the marked picture."""
        return _marked(self.marker, picture, self.message)


class MarkedDataset(Sequence[Any]):
    """A map-style PyTorch data set whose pictures are marked when they are asked for.

    Parameters
    ----------
    source : anything with ``__len__`` and ``__getitem__``
    marker : Marker
    message : str, bytes, or a function of the sample's number that returns one
    place : int or str
        Where the picture is in a sample that is a tuple or a mapping; a sample that is neither is the picture.
    """

    def __init__(self, source: Any, marker: Marker, message: Any, place: Any = 0) -> None:
        self.source, self.marker, self.message, self.place = source, marker, message, place

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, int):
            raise TypeError(f"samples are asked for by their number, not by {index!r}")
        index = index + len(self) if index < 0 else index  # the message is that of the place
        sample = self.source[index]
        message = self.message(index) if callable(self.message) else self.message
        if isinstance(sample, Mapping):
            return {**sample, self.place: _marked(self.marker, sample[self.place], message)}
        if isinstance(sample, (tuple, list)):
            parts = list(sample)
            parts[self.place] = _marked(self.marker, parts[self.place], message)
            return type(sample)(parts) if not hasattr(sample, "_fields") else type(sample)(*parts)  # a named tuple
        return _marked(self.marker, sample, message)

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))


def _marked(marker: Marker, picture: Any, message: Message) -> Any:
    if not hasattr(picture, "numpy"):  # a PIL image or an array
        return marker.embed(picture, message)
    import numpy as np

    if picture.ndim != 3 or picture.shape[0] not in (1, 3, 4):
        raise UnsupportedImageError(f"a tensor of {tuple(picture.shape)} is no picture: (1, 3 or 4, H, W) is one")
    array = np.ascontiguousarray(picture.detach().cpu().numpy().transpose(1, 2, 0))
    grey = array.shape[2] == 1
    marked = marker.embed(array[..., 0] if grey else array, message)
    found = marked[..., None] if grey else marked
    return picture.new_tensor(np.ascontiguousarray(found.transpose(2, 0, 1)))
