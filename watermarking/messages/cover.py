"""What is to be done with a picture, and the picture it is done with."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from watermarking.interface import HidingScheme, PlaneScheme
from watermarking.messages.carrier import Attempt, carried_payload, decode_message, seen_by, soft_reads
from watermarking.messages.fidelity import PSNR_RANGE
from watermarking.messages.words import SURE
from watermarking.metrics.coarse_score import CoarseScore
from watermarking.metrics.light import is_seen_through
from watermarking.metrics.ssimulacra2 import Ssimulacra2
from watermarking.pictures.drawing import apply_residual, draw_residual, rows_of_bands
from watermarking.pictures.plane import colour_planes, luma_energy, luma_plane, working_scale
from watermarking.pictures.ranges import restored
from watermarking.sync.template import SHARE, UNSEEN_SHARE, signal
from watermarking.threads import row_bands
from watermarking.transforms.masks import is_page

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Bits, Image, Residual, Scheme
    from watermarking.keys import Key
    from watermarking.messages.words import CopyWord

    F32 = npt.NDArray[np.float32]

__all__ = ["Cover", "Request"]

_LOOKED_AT: Final = 2.4e6
"""About so many pixels of a large picture are marked and scored to find its strength; more above 12 MP."""
_EVERY: Final = 5
"""Of so many bands of rows at least one is looked at, however large the picture is."""
_BAND: Final = 32  # working rows


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be put into pictures, and how.

    Attributes
    ----------
    scheme : Scheme
        Its PSNR is the strength where there is no fidelity.
    key : Key
    message : bytes
    fidelity : float, str or None
        SSIMULACRA2 score aimed at, or the name of a step.
    insist : bool
        Go below the fidelity, as far as :data:`~watermarking.messages.fidelity.FLOOR`, where the message needs it.
    peak : int or None
        What uint16 samples are said to stand for.
    again : bool
        Mark whatever a picture carries, and do not look.
    restorable : bool
        Write into the picture what takes the mark back, too.
    word : CopyWord or None
        Put this word of a code against colluders into pictures, as it is; the message is the name of whose it is.
    """

    scheme: Scheme
    key: Key
    message: bytes
    fidelity: float | str | None = None
    insist: bool = False
    peak: int | None = None
    again: bool = False
    restorable: bool = False
    word: CopyWord | None = None


@dataclass(frozen=True)
class Cover:
    """A picture that a request is carried out on: read as it lies, marked at any strength, and judged.

    What does not depend on the strength is worked out once.
    """

    request: Request
    array: Image
    peak: float

    def attempt(self, marked: Image | None = None) -> Attempt:
        """Read the picture, or what was made of it."""
        scheme, key = self.request.scheme, self.request.key
        if isinstance(scheme, PlaneScheme):
            plane = self._plane if marked is None else luma_plane(marked, peak=self.peak)
            return Attempt.of(scheme.read(plane, key=key))
        seen = seen_by(scheme, self.array if marked is None else marked, int(self.peak))
        return soft_reads(scheme, scheme.extract(seen, key=key))

    def is_readable(self, marked: Image) -> bool:
        """Say whether the message can be read from the marked picture."""
        if self.request.word is not None:
            return self.request.word.found_in(self.attempt(marked).reads)[0].is_present(SURE)
        found, _ = decode_message(self.attempt(marked).reads, self.request.key)
        return found is not None and found.message == self.request.message

    def marked(self, psnr: float) -> Image:
        """Mark the picture so that this PSNR comes out, in dB."""
        if not isinstance(self.request.scheme, PlaneScheme):
            return self._embedded(self.request.scheme, psnr)
        energy = luma_energy(self.array, psnr)
        whole = self._residual(energy * (1 - SHARE)) + signal(self._plane, self.request.key, energy * SHARE)
        return apply_residual(self.array, whole, psnr, peak=self.peak)

    def drawn(self, psnr: float) -> Image:
        """Mark the picture so that it shows least.

        On the working plane the PSNR is that of the change before it is rounded and clipped: nothing has to be tried
        to come by it.
        """
        if psnr not in self._last:
            self._last.clear()
            self._last[psnr] = self._draw(psnr)
        return self._last[psnr]

    def score(self, psnr: float) -> float:
        """Return the SSIMULACRA2 score of the picture marked in that way: of large ones on the plane, an estimate."""
        if self._bands is None:
            return self._judge.score(self.drawn(psnr))
        change = self._change(psnr)
        seen = draw_residual(self.array, change, bands=self._bands, peak=self.peak, untinted=True)
        return self._judge.score(seen)

    @property
    def psnr_range(self) -> tuple[float, float]:
        """Least and greatest PSNR that the picture can be marked at."""
        return self.request.scheme.psnr_range if isinstance(self.request.scheme, HidingScheme) else PSNR_RANGE

    @cached_property
    def is_page(self) -> bool:
        """Whether what can be seen of it is a page or a drawing."""
        if not self._is_seen_through:
            return is_page(self._plane)
        alpha = colour_planes(self.array[..., 3:], working_scale(self.array.shape), 1.0)
        return is_page(self._plane, alpha[0] > 0)

    def _draw(self, psnr: float) -> Image:
        scheme = self.request.scheme
        if not isinstance(scheme, PlaneScheme):
            return self._embedded(scheme.unseen if isinstance(scheme, HidingScheme) else scheme, psnr)
        return draw_residual(self.array, self._change(psnr), peak=self.peak, untinted=True)

    @cached_property
    def _last(self) -> dict[float, Image]:
        """The picture drawn last, by its PSNR: what was scored last is mostly what is wanted."""
        return {}

    def _embedded(self, scheme: Scheme, psnr: float) -> Image:
        """Mark the picture with a scheme that does not work on the plane."""
        chosen = scheme if psnr == scheme.psnr else dataclasses.replace(cast("Any", scheme), psnr=psnr)
        seen = seen_by(scheme, self.array, int(self.peak))
        return restored(chosen.embed(seen, self._payload, key=self.request.key), self.array, self.peak)

    @cached_property
    def _is_seen_through(self) -> bool:
        return is_seen_through(self.array)

    @cached_property
    def _plane(self) -> F32:
        return luma_plane(self.array, peak=self.peak)

    @cached_property
    def _payload(self) -> Bits | Image:
        if self.request.word is not None:
            return self.request.word.bits
        return carried_payload(self.request.scheme, self.request.message, self.request.key, self.array.shape)

    @cached_property
    def _residual(self) -> Residual:
        scheme, bits = cast("PlaneScheme", self.request.scheme), cast("Bits", self._payload)
        unseen = self.request.fidelity is not None
        page = unseen and self.is_page
        return scheme.residual(self._plane, bits, key=self.request.key, unseen=unseen, page=page)

    @cached_property
    def _waves(self) -> F32:
        return signal(self._plane, self.request.key, 1.0)

    def _change(self, psnr: float) -> F32:
        """Return the whole change of the plane, as large as it is to be."""
        energy = luma_energy(self.array, psnr, untinted=True)
        share = UNSEEN_SHARE if working_scale(self.array.shape) == 1 else SHARE
        return self._residual(energy * (1 - share)) + self._waves * np.float32(math.sqrt(energy * share))

    @cached_property
    def _bands(self) -> list[tuple[int, int]] | None:
        """Bands of working rows that large pictures are judged by, evenly spread; None where all of it is, in full."""
        shape = self.array.shape
        if working_scale(shape) == 1 or not isinstance(self.request.scheme, PlaneScheme):
            return None
        bands = row_bands(-(-shape[0] // working_scale(shape)), _BAND)
        if self.is_page or self._is_seen_through:  # a few bands may show nothing of what is on it
            return bands
        step = min(max(round(shape[0] * shape[1] / _LOOKED_AT), 1), _EVERY)
        return bands[(step - 1) // 2 :: step]

    @cached_property
    def _judge(self) -> CoarseScore | Ssimulacra2:
        if self._bands is None:
            return Ssimulacra2(self.array, self.peak)
        rows = rows_of_bands(self.array, self._bands)
        return CoarseScore(rows, self.peak, joined=len(rows) < len(self.array))
