"""What is done with one picture, in a worker's process: everything in memory, every failure an answer."""

from __future__ import annotations

import base64
import io
import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import (
    AlreadyMarkedError,
    CapacityError,
    FidelityError,
    FileAccessError,
    FileFormatError,
    MissingExtraError,
    UnsupportedImageError,
    VerificationError,
    WatermarkError,
)
from watermarking.web.settings import Refusal

if TYPE_CHECKING:
    from watermarking.interface import Image
    from watermarking.keys import Key

__all__ = ["Answer", "Desk", "MarkJob", "ReadJob"]

_MEDIA: Final = {
    "JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp", "AVIF": "image/avif", "TIFF": "image/tiff",
    "BMP": "image/bmp", "HEIC": "image/heic", "JXL": "image/jxl",
}  # fmt: skip
_REFUSALS: Final[tuple[tuple[type[WatermarkError], int, str], ...]] = (
    (MissingExtraError, 415, "format"),
    (FileFormatError, 415, "format"),
    (UnsupportedImageError, 415, "format"),
    (AlreadyMarkedError, 409, "already_marked"),
    (CapacityError, 422, "capacity"),
    (FidelityError, 422, "fidelity"),
    (VerificationError, 422, "verification"),
    (FileAccessError, 500, "failed"),
    (WatermarkError, 400, "request"),
)
_MAP_SIDE: Final = 800  # pixels
_COMPILING: Final = (
    "watermarking: compiling for this machine, which the first picture waits for; kept for later where a cache can "
    "be written"
)


@dataclass(frozen=True, kw_only=True)
class MarkJob:
    """A picture to be marked."""

    data: bytes = field(repr=False)
    message: bytes
    key_index: int = 0
    fidelity: str | float | None = None
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class ReadJob:
    """A picture to be read, a message that may be in it, and whether a map of where the mark is is wanted."""

    data: bytes = field(repr=False)
    expected: bytes | None = None
    with_map: bool = False


@dataclass(frozen=True)
class Answer:
    """Fields for JSON, and the picture that was made."""

    fields: dict[str, Any]
    content: bytes | None = field(default=None, repr=False)
    media: str = ""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where jobs are done, one after the other."""

    keys: tuple[Key, ...] = field(repr=False)
    key_names: tuple[str, ...]
    scheme: str | None = None

    def carry_out(self, job: MarkJob | ReadJob) -> Answer | Refusal:
        """Do a job; whatever goes wrong is returned."""
        try:
            return self._mark(job) if isinstance(job, MarkJob) else self._read(job)
        except WatermarkError as error:
            return _refused(error)
        except MemoryError:
            return Refusal(413, "too_large", "there is not enough memory for this picture: scale it down")
        except Exception as error:  # noqa: BLE001  # the server stays up; what it was is said, not where
            return Refusal(500, "failed", f"{type(error).__name__}: this should not happen, please report it")

    def warm_up(self) -> None:
        """Load and compile what the first job would wait for."""
        import numpy as np

        from watermarking.kernels.jit import on_first_compilation
        from watermarking.messages.marker import Marker, extract_any

        on_first_compilation(lambda: print(_COMPILING, file=sys.stderr, flush=True))  # noqa: T201  # as the CLI does
        ramp = np.linspace(60, 190, 256 * 256, dtype=np.float32).reshape(256, 256)
        noise = np.random.default_rng(0).normal(0, 6, (256, 256, 3))
        picture = (ramp[..., None] + noise).astype(np.uint8)
        for one in (Marker(key=self.keys[0]).embed(picture, b"warm"), picture[:, ::-1]):
            extract_any(one, keys=self.keys[:1])

    def _mark(self, job: MarkJob) -> Answer:
        from watermarking.messages.marker import Marker
        from watermarking.messages.records import receipt_fields
        from watermarking.messages.reserve import THIN
        from watermarking.pictures.formats.kinds import HEAD, identify

        media = _MEDIA[identify(job.data[:HEAD])]
        marker = Marker(self.scheme, key=self.keys[job.key_index], fidelity=job.fidelity)
        target = io.BytesIO()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            receipt = marker.embed_file(job.data, target, job.message, again=job.again)
        notes = [str(one.message) for one in told if issubclass(one.category, UserWarning)]
        if receipt.reserve is not None and receipt.reserve < THIN:
            notes.append(
                "the message is near its limit already, so that JPEG or a smaller size may wipe it out: use a shorter "
                "message, a stronger mark or a larger picture"
            )
        fields = {**receipt_fields(receipt), "key": self.key_names[job.key_index], "notes": notes}
        return Answer(fields, target.getvalue(), media)

    def _read(self, job: ReadJob) -> Answer:
        from watermarking.messages.any_scheme import extract_any, sighted
        from watermarking.messages.arguments import CLASSICAL
        from watermarking.messages.records import reading_fields, sighting_fields
        from watermarking.pictures.files import read_picture
        from watermarking.significance import any_of
        from watermarking.web.verdicts import SURE, of_reading, of_sighting, shown

        array = read_picture(job.data).array
        schemes = CLASSICAL if self.scheme is None else (self.scheme,)
        reading = extract_any(array, keys=self.keys, schemes=schemes, presence=job.with_map)
        fields = reading_fields(reading, self.key_names)
        shown_map = None if reading.presence is None else _as_png(reading.presence.heat_map(array))
        known = job.expected is not None
        verdict = of_reading(reading, self.key_names, unreadable=self._unreadable(array, schemes), known=known)
        if job.expected is not None and reading.message is None:
            sighting = sighted(array, job.expected, keys=self.keys, schemes=schemes)
            p_value = any_of(sighting.detection.p_value, 2)  # it was read as well: two chances of a false alarm
            if p_value <= SURE:
                fields = {**sighting_fields(job.expected, sighting, SURE, self.key_names), "p_value": p_value}
                verdict = of_sighting(shown(job.expected, fields["message"]), fields["key"], p_value)
        notes = list(verdict.notes)
        if known and reading.message is not None and reading.message != job.expected:
            notes.append("It is not the message that you gave.")
        said = {"verdict": verdict.kind, "sentence": verdict.sentence, "notes": notes, "map": shown_map}
        return Answer({**said, **fields})

    def _unreadable(self, array: Image, schemes: tuple[str, ...]) -> str | None:
        """Say why no mark could ever be read from such a picture."""
        from watermarking.messages.arguments import scheme_of
        from watermarking.messages.carrier import longest_message

        if not any(longest_message(scheme_of(scheme), array.shape) for scheme in schemes):
            return f"{array.shape[1]}x{array.shape[0]} pixels are too few to hold a mark"
        return None


def _as_png(picture: Image) -> str:
    """Return a picture, scaled to fit a page, as a PNG file in base64."""
    from PIL import Image as Pictures

    small, target = Pictures.fromarray(picture), io.BytesIO()
    small.thumbnail((_MAP_SIDE, _MAP_SIDE))
    small.save(target, "PNG")
    return base64.b64encode(target.getvalue()).decode("ascii")


def _refused(error: WatermarkError) -> Refusal:
    from watermarking.pictures.formats.limits import TooManyPixelsError

    if isinstance(error, TooManyPixelsError):
        what, _, _ = str(error).partition(":")
        return Refusal(413, "too_large", f"{what}: scale it down")
    status, code = next((status, code) for kind, status, code in _REFUSALS if isinstance(error, kind))
    return Refusal(status, code, str(error))
