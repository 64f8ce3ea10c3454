"""Marked pictures to look at, beside what was changed in them."""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.photographs import find, load
from watermarking.errors import WatermarkError
from watermarking.keys import Key
from watermarking.messages.fidelity import NORMAL
from watermarking.messages.marker import CLASSICAL, Marker
from watermarking.metrics import butteraugli, psnr, ssim, ssimulacra2
from watermarking.pictures.opencv import cv2_module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watermarking.interface import Image

__all__ = ["Sample", "samples"]

GAIN = 12
_PHOTOGRAPH, _MESSAGE = "european-honey-bee", b"a sample"
_CUT = (slice(60, 380), slice(150, 630))


@dataclass(frozen=True)
class Sample:
    """A scheme's marked picture and the change, as data addresses of pictures."""

    title: str
    picture: str
    change: str
    figures: str


def samples(others: Iterable[str] = ()) -> list[Sample]:
    """Mark a part of one photograph with every classical scheme, and others, at the default fidelity.

    Schemes that know no fidelity are marked at their own strength, those that cannot mark it are left out. The change
    is shown times 12 around grey.
    """
    cover = load(next(photograph for photograph in find("shipped") if photograph.name == _PHOTOGRAPH))
    found = [Sample("unmarked", _address(cover[_CUT]), "", "")]
    for scheme in (*CLASSICAL, *others):
        try:
            fidelity = NORMAL if scheme in CLASSICAL else None
            marked = Marker(scheme, key=Key(b"the key of the samples"), fidelity=fidelity).embed(cover, _MESSAGE)
        except WatermarkError as error:
            print(f"no sample of {scheme}: {error}", file=sys.stderr)
            continue
        change = np.clip(128 + GAIN * (marked.astype(np.int16) - cover), 0, 255).astype(np.uint8)
        seen = f"SSIMULACRA2 {ssimulacra2(cover, marked):.0f}, Butteraugli {butteraugli(cover, marked).max:.1f}"
        figures = f"PSNR {psnr(cover, marked):.1f} dB, SSIM {ssim(cover, marked):.3f}, {seen}"
        found.append(Sample(scheme, _address(marked[_CUT]), _address(change[_CUT]), figures))
    return found


def _address(pixels: Image) -> str:
    cv2 = cv2_module()
    encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
