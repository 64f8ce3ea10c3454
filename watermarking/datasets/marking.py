"""Marking a data set from Python, in one call: what ``watermarking dataset embed`` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from watermarking.codes.messages import to_bytes
from watermarking.datasets.collusion import code_against, with_words
from watermarking.datasets.engines.local import Local
from watermarking.datasets.operator import MarkSamples
from watermarking.datasets.plan import Plan, check_place
from watermarking.datasets.run import carry_out
from watermarking.datasets.stores.store import open_store
from watermarking.datasets.wording import Wording, read_recipients
from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from watermarking.codes.messages import Message
    from watermarking.datasets.engines.engine import Engine
    from watermarking.datasets.operator import OnError
    from watermarking.datasets.run import Progress
    from watermarking.messages.marker import Marker

__all__ = ["mark_dataset"]


def mark_dataset(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    marker: Marker,
    *,
    message: Message | None = None,
    template: str | None = None,
    message_column: str | None = None,
    recipients: str | os.PathLike[str] | None = None,
    only: Sequence[str] = (),
    kind: str | None = None,
    column: str | None = None,
    on_error: OnError = "copy",
    verify: bool = True,
    keys_per_sample: bool = False,
    collusion: int | None = None,
    engine: Engine | None = None,
    tell: Callable[[Progress], object] | None = None,
) -> Progress:
    """Mark a whole data set, going on where an earlier call with the same arguments was cut short.

    Parameters
    ----------
    source, target : path
        The target is a folder that is empty, or not there, or that the same call wrote to.
    marker : Marker
        Scheme, strength and the one key.
    message, template, message_column : optional
        One message for all, or made from each sample's fields, or one of them.
    recipients : path, optional
        CSV file with a row for each copy; the messages are theirs if none is given.
    only : names of recipients, optional
        Whose copies are written now. The others' are written when the same call names them, or names nobody.
    kind : str, optional
        Of the data set, see :data:`watermarking.datasets.stores.store.KINDS`; by default what its files say.
    column : str, optional
        Column, array or suffix that holds the pictures.
    on_error : {"copy", "skip", "stop"}
    verify : bool
        Read back what is written.
    keys_per_sample : bool
        Derive a key of its own for each sample.
    collusion : int, optional
        Recipients' copies carry words of a code that finds so many when they merge theirs, in place of messages.
    engine : Engine, optional
        By default processes on this machine, one a core: a script that calls this does so below
        ``if __name__ == "__main__"``, since they load it.
    tell : callable, optional
        Called now and then with how far it is.

    Returns
    -------
    Progress
        How it ended: ``is_whole``, ``counts``, ``failures``.

    Raises
    ------
    WatermarkError
        If the arguments do not fit, the target holds another run, or another process is at work on it.
    FileFormatError, FileAccessError
        If the source cannot be read, or the target cannot be written.
    """
    place, goal, key = Path(source), Path(target), marker.keys[0]
    people = read_recipients(Path(recipients), key.commitment) if recipients is not None else []
    code = None
    if collusion is not None:
        people = with_words(people)
        code = code_against(len(people), collusion)
    fixed = None if message is None else to_bytes(message)
    if not people and all(way is None for way in (fixed, template, message_column)):
        raise WatermarkError("a message is needed: give message, template, message_column or recipients")
    operator = MarkSamples(
        marker=marker, wording=Wording(fixed, template, message_column), on_error=on_error, verify=verify,
        keys_per_sample=keys_per_sample, code=code,
    )  # fmt: skip
    store = open_store(place, kind, **({} if column is None else {"column": column}))
    plan = Plan(
        store=store, source=place, target=goal, operator=operator, recipients=people, shards=store.shards(), only=only
    )
    check_place(place, goal)
    for progress in carry_out(plan, engine or Local()):
        if tell is not None:
            tell(progress)
    return progress
