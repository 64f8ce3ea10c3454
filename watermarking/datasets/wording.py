"""Which message a sample carries: one for all, one from a template or a column, one of each recipient."""

from __future__ import annotations

import csv
import string
from collections import ChainMap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from watermarking.codes.messages import to_bytes
from watermarking.errors import FileFormatError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from watermarking.datasets.set_message import SetMessage

__all__ = ["Recipient", "Wording", "read_recipients"]

_TOKEN: int = 8  # bytes
_ARTICLES = ("recipient", "customer", "name")


@dataclass(frozen=True)
class Recipient:
    """Who gets a copy of their own.

    Attributes
    ----------
    name : str, also the name of the folder with the copy
    fields : what the recipients file says
    message : bytes, what the copy carries; None if a template says it
    """

    name: str
    fields: Mapping[str, str]
    message: bytes | None


class _Plain(string.Formatter):
    """Fills in fields by their names alone: no attributes, no items, which would show more than the fields."""

    def get_field(self, field_name: str, _args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        if field_name not in kwargs:
            known = ", ".join(sorted(kwargs)) or "none"
            raise WatermarkError(f"the sample has no field {field_name!r} for its message: its fields are {known}")
        return kwargs[field_name], field_name


@dataclass(frozen=True)
class Wording:
    """How messages are made.

    Parameters
    ----------
    fixed : bytes, optional
        One for all.
    template : str, optional
        As ``"{customer}-{index:06d}"``: fields of the sample and its recipient, ``{index}``, ``{sample}``, ``{shard}``.
    column : str, optional
        Field of a sample that is its message.
    record : SetMessage, optional
        A record of which every sample carries a part, by its place in the set.

    One of them is given, none only where recipients have messages of their own.
    """

    fixed: bytes | None = None
    template: str | None = None
    column: str | None = None
    record: SetMessage | None = None

    def __post_init__(self) -> None:
        if sum(way is not None for way in (self.fixed, self.template, self.column, self.record)) > 1:
            raise WatermarkError("a message is one for all, a template, a column or a record: give one of them")
        if self.template is not None:
            try:
                list(_Plain().parse(self.template))
            except ValueError as error:
                raise WatermarkError(f"{self.template!r} is no template ({error}): write {{{{ for a brace") from None

    def of(self, fields: Mapping[str, object], recipient: Recipient | None = None) -> bytes:
        """Return the message of a sample.

        Raises
        ------
        WatermarkError
            If a field is missing, or is nothing that a message can be.
        """
        known: Mapping[str, object] = ChainMap(cast("Any", recipient.fields if recipient else {}), cast("Any", fields))
        if self.template is not None:
            try:
                return to_bytes(_Plain().vformat(self.template, (), known))
            except (ValueError, TypeError) as error:
                raise WatermarkError(f"the template {self.template!r} does not fit the sample: {error}") from error
        if self.column is not None:
            return _from_column(self.column, known)
        if self.record is not None:
            return self.record.message_of(int(cast("Any", known["index"])))
        if recipient is not None and recipient.message is not None:
            return recipient.message
        assert self.fixed is not None
        return self.fixed

    @property
    def is_numbered(self) -> bool:
        """Whether the message follows from a sample's place in the set."""
        return self.record is not None or "index" in self._names

    def check_recipients(self, recipients: Sequence[Recipient]) -> None:
        """See to it that no two recipients' copies carry the same messages: nobody could tell them apart.

        Raises
        ------
        WatermarkError
            If two would; the message says what to change.
        """
        if len(recipients) < 2:
            return
        if self.fixed is not None or self.record is not None:
            raise WatermarkError(
                "one message for all recipients tells nobody apart: leave it out, for one of each one's own, or give a "
                "template with a column of the recipients' file"
            )
        seen: dict[object, str] = {}
        for one in recipients:
            names = sorted(name for name in self._names if name in one.fields)
            own: object = tuple(one.fields[name] for name in names) if self._names else one.message
            if own in seen:
                what = f"the template {self.template!r} says" if self.template else "the messages say"
                raise WatermarkError(
                    f"{what} the same for {seen[own]!r} and {one.name!r}: their copies could not be told apart"
                )
            seen[own] = one.name

    @property
    def _names(self) -> set[str]:
        """Fields that messages are made of."""
        if self.column is not None:
            return {self.column}
        parts = _Plain().parse(self.template or "")
        return {name for _, name, _, _ in parts if name}

    def description(self) -> dict[str, str]:
        """Return how messages are made, as the manifest says it."""
        if self.fixed is not None:
            return {"hex": self.fixed.hex()}
        if self.record is not None:
            return {"record": self.record.record.hex(), "parts": str(self.record.n_blocks)}
        return {name: value for name in ("template", "column") if (value := getattr(self, name)) is not None}


def _from_column(column: str, fields: Mapping[str, object]) -> bytes:
    if column not in fields or fields[column] is None:
        known = ", ".join(sorted(fields)) or "none"
        raise WatermarkError(f"the sample has nothing in {column!r} for its message: its fields are {known}")
    value = fields[column]
    return to_bytes(value if isinstance(value, (str, bytes)) else str(value))


def read_recipients(path: Path, commitment: str) -> list[Recipient]:
    """Read a CSV file of recipients: a column ``recipient`` (or ``customer``, ``name``, or the first one) names them.

    A column ``message`` says what each one's copy carries; without it, it is 8 bytes that belong to name and key.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or a name is empty, there twice, or none that a folder can have.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise FileFormatError(f"the recipients cannot be read from {path}: {error}") from error
    if not rows:
        raise FileFormatError(f"{path} names no recipient: the first line names the columns, the others a recipient")
    column = next((name for name in _ARTICLES if name in rows[0]), next(iter(rows[0])))
    seen: dict[str, int] = {}
    found = []
    for line, row in enumerate(rows, 2):
        name = (row[column] or "").strip()
        _check_name(path, line, name)
        if name.casefold() in seen:
            raise FileFormatError(
                f"{path}, row {line}: {name!r} is the recipient of row {seen[name.casefold()]} already: leave one out"
            )
        seen[name.casefold()] = line
        fields = {key: value or "" for key, value in row.items() if isinstance(key, str)} | {"recipient": name}
        found.append(Recipient(name, fields, _message_of(row, name, commitment)))
    return found


def _message_of(row: Mapping[str, str | None], name: str, commitment: str) -> bytes:
    import hashlib

    if row.get("message"):
        return to_bytes(row["message"] or "")
    return hashlib.shake_256(f"recipient/{commitment}/{name}".encode()).digest(_TOKEN)


def _check_name(path: Path, line: int, name: str) -> None:
    wrong = not name or name.startswith(".") or len(name.encode("utf-8", "surrogateescape")) > 200
    if wrong or any(character in '/\\:*?"<>|' or ord(character) < 32 for character in name):
        raise FileFormatError(
            f"{path}, row {line}: {name!r} names no folder for the copy: use 1 to 200 letters, digits, spaces, - or _"
        )
