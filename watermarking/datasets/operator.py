"""What is done to samples: the one operator that serves every engine, a map over a data set, and a transform."""

from __future__ import annotations

import abc
import dataclasses
import io
import itertools
import warnings
from collections import ChainMap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from watermarking.datasets.collusion import check_alone, described
from watermarking.datasets.manifest import Record, shown_name
from watermarking.datasets.sample import Placed, sha256_of
from watermarking.datasets.wording import Wording
from watermarking.errors import KeyFileError, VerificationError, WatermarkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watermarking.codes.tracing.code import TardosCode
    from watermarking.datasets.sample import Content, Sample, Shard
    from watermarking.datasets.wording import Recipient
    from watermarking.keys import Key
    from watermarking.messages.cover import Request
    from watermarking.messages.marker import Marker
    from watermarking.messages.marking import Marked as MarkedArray
    from watermarking.messages.reading import Receipt
    from watermarking.messages.words import CopyWord

__all__ = ["DIED", "MarkSamples", "Marked", "OnError", "Operator", "StoppedError", "as_placed", "key_label"]

OnError = Literal["copy", "skip", "stop"]
_TRIED: Final = 16
"""Pictures whose messages are made before a run begins."""
DIED: Final = "the process that marked it died, for want of memory perhaps"


class StoppedError(WatermarkError):
    """A sample cannot be marked, and that was to end the run."""


def key_label(index: int) -> str:
    """Return the purpose that the key of a sample is derived for, where each sample has its own.

    Examples
    --------
    >>> key_label(17)
    'dataset/sample/17'
    """
    return f"dataset/sample/{index}"


@dataclass(frozen=True)
class Marked:
    """What became of a sample: what is written in its place, and the record of it."""

    placed: Placed
    record: Record


@dataclass(frozen=True, kw_only=True)
class Operator(abc.ABC):
    """What is done to every sample of a data set: it can be pickled, and holds nothing that changes.

    Parameters
    ----------
    on_error : {"copy", "skip", "stop"}
        What becomes of samples that it fails at: copied as they are, left out, or the end of it all.
    """

    on_error: OnError = "copy"

    def __call__(
        self, sample: Sample, *, shard: str, index: int, recipient: Recipient | None = None, died: bool = False
    ) -> Marked:
        """Mark one sample.

        Parameters
        ----------
        shard : str
        index : int
            Its place in the whole source.
        recipient : Recipient, optional
            Whose copy it is for.
        died : bool
            The process that marked it before died twice: it is not tried again.

        Raises
        ------
        StoppedError
            If it cannot be marked and ``on_error`` is "stop".
        """
        record = Record(
            sample.name, shard, index, "copied", None, None, recipient.name if recipient else None, None, None, None,
            None, sha256_of(sample.content), None,
        )  # fmt: skip
        if not sample.is_picture:
            return as_placed(sample, sample.content, record)
        try:
            if died or sample.flaw is not None:
                raise WatermarkError(sample.flaw or DIED)
            return self._marked(sample, record, recipient)
        except Exception as error:  # noqa: BLE001  # one picture does not end a run of days
            return self._refused(sample, record, error)

    @abc.abstractmethod
    def check(self, pictures: Iterable[tuple[Shard, Sample]], recipients: Sequence[Recipient]) -> None:
        """See to it, before anything is written, that something can come of it.

        Parameters
        ----------
        pictures : iterable of (Shard, Sample), those of the source, as far as they are asked for
        recipients : of copies

        Raises
        ------
        WatermarkError
            If nothing can.
        """

    @abc.abstractmethod
    def description(self) -> dict[str, Any]:
        """Return what it is asked to do, as the manifest says it: of the key there is the commitment alone."""

    @abc.abstractmethod
    def _marked(self, sample: Sample, record: Record, recipient: Recipient | None) -> Marked:
        """Mark a sample that is a picture; what it raises is the reason why it cannot be."""

    def _refused(self, sample: Sample, record: Record, error: Exception) -> Marked:
        reason = _reason(error)
        if self.on_error == "stop":
            raise StoppedError(f"{sample.name}: {reason}") from error
        record = dataclasses.replace(record, reason=reason)
        left_out = sample.forbidden or self.on_error == "skip"
        if left_out:
            record = dataclasses.replace(record, status="skipped")
        return as_placed(sample, None if left_out else sample.content, record)


@dataclass(frozen=True, kw_only=True)
class MarkSamples(Operator):
    """Marks samples with messages.

    Parameters
    ----------
    marker : Marker
        Scheme, strength and the one key.
    wording : Wording
    verify : bool
        Read back what would be written.
    keys_per_sample : bool
        Derive a key of its own for every sample, so that averaging many gives nothing away.
    code : TardosCode, optional
        Samples carry the words that recipients' names have in this code against colluders, in place of messages.
    """

    marker: Marker
    wording: Wording
    verify: bool = True
    keys_per_sample: bool = False
    code: TardosCode | None = None

    def __post_init__(self) -> None:
        if len(self.marker.keys) != 1:
            raise KeyFileError(f"{len(self.marker.keys)} keys are given, a data set is marked with one")
        if self.code is not None:
            check_alone(self.marker.scheme, has_message=self.wording != Wording(),
                        keys_per_sample=self.keys_per_sample)  # fmt: skip

    def check(self, pictures: Iterable[tuple[Shard, Sample]], recipients: Sequence[Recipient]) -> None:
        """Refuse recipients that nobody could tell apart, and messages that the first pictures all have no fields for.

        Raises
        ------
        WatermarkError
        """
        self.wording.check_recipients(recipients)
        recipient, reason = next(iter(recipients), None), None
        for shard, sample in itertools.islice(pictures, _TRIED):
            known = {"sample": sample.name, "shard": shard.name, "index": shard.first}
            try:
                self.wording.of(ChainMap(known, cast("Any", sample.fields)), recipient)
            except WatermarkError as error:
                reason = reason or error
            else:
                return
        if reason is not None:
            raise reason

    def description(self) -> dict[str, Any]:
        """Return what it is asked to do, as the manifest says it."""
        from watermarking.registry import get_config

        marker = self.marker
        return {
            "scheme": get_config(marker.scheme), "fidelity": marker.fidelity, "insist": marker.insist,
            "peak": marker.peak, "key_commitment": marker.keys[0].commitment,
            "keys_per_sample": self.keys_per_sample, "message": self.wording.description(),
            "on_error": self.on_error, "verify": self.verify, **described(self.code),
        }  # fmt: skip

    def _marked(self, sample: Sample, record: Record, recipient: Recipient | None) -> Marked:
        known = {"sample": sample.name, "shard": record.shard, "index": record.index}
        fields: Any = ChainMap(known, cast("Any", sample.fields))  # which are read only if they are asked for
        message = self.wording.of(fields, recipient)
        label = key_label(record.index) if self.keys_per_sample else None
        key = self.marker.keys[0] if label is None else self.marker.keys[0].derive(label)
        word = None if self.code is None else _word(self.code, message, key)
        mark = _mark_file if isinstance(sample.content, bytes) else _mark_array
        content, receipt = mark(_request(self.marker, message, key, word), sample.content, self.verify)
        record = dataclasses.replace(
            record, status="already" if receipt.already_marked else "marked", message=message, key_label=label,
            psnr=_finite(receipt.psnr), fidelity=receipt.fidelity, bit_error_rate=receipt.bit_error_rate,
        )  # fmt: skip
        return as_placed(sample, content, record)


def _word(code: TardosCode, message: bytes, key: Key) -> CopyWord:
    from watermarking.messages.words import CopyWord

    return CopyWord.of(code, message.decode(), key)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory for this picture"
    said = shown_name(" ".join(str(error).split()))
    return said if isinstance(error, WatermarkError) else f"{type(error).__name__}: {said}"


def as_placed(sample: Sample, content: Content | None, record: Record) -> Marked:
    """Return what is written in a sample's place, None where it is left out, with the record of it."""
    same = content is sample.content
    after = None if content is None else record.sha256_before if same else sha256_of(content)
    return Marked(Placed(sample, content), dataclasses.replace(record, sha256_after=after))


def _request(marker: Marker, message: bytes, key: Key, word: CopyWord | None) -> Request:
    from watermarking.messages.cover import Request

    return Request(
        scheme=marker.scheme, key=key, message=message, fidelity=marker.fidelity, insist=marker.insist,
        peak=marker.peak, word=word,
    )  # fmt: skip


def _mark_file(request: Request, content: Any, verify: bool) -> tuple[bytes, Receipt]:
    from watermarking.messages.files import mark_file

    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd files: what came of them the record says
        receipt = mark_file(
            request, content, target, verify=verify, in_place=False, quality=None,
            subsampling=None,
        )  # fmt: skip
    found = target.getvalue()
    return (content if found == content else found), receipt


def _mark_array(request: Request, content: Any, verify: bool) -> tuple[Any, Receipt]:
    from watermarking.messages.marking import mark
    from watermarking.messages.reading import Receipt
    from watermarking.pictures.arrays import to_array

    array, restore = to_array(content)
    marked = mark(request, array)
    receipt = Receipt(
        request.message, request.scheme.id, None, None, None, fidelity=marked.fidelity,
        already_marked=marked.already is not None,
    )  # fmt: skip
    if marked.already is not None:
        return content, dataclasses.replace(receipt, bit_error_rate=marked.already.bit_error_rate)
    if verify:
        receipt = _read_back(request, array, marked, receipt)
    return restore(marked.array), receipt


def _read_back(request: Request, array: Any, marked: MarkedArray, receipt: Receipt) -> Receipt:
    from watermarking.messages.files import read_back
    from watermarking.metrics.psnr import psnr
    from watermarking.pictures.ranges import peak_in_use, rescaled

    message, rate = read_back(request, rescaled(marked.array, request.peak))
    if message != receipt.message:
        raise VerificationError(
            "the message cannot be read back from the marked samples: choose a lower fidelity or PSNR, a shorter "
            "message or larger pictures"
        )
    level = psnr(array, marked.array, peak=peak_in_use(array, request.peak))
    return dataclasses.replace(receipt, psnr=level, bit_error_rate=rate)


def _finite(value: float | None) -> float | None:
    return None if value is None or value == float("inf") else float(value)
