"""The fixed logo of ``deep-logo``: the paper's setting, one watermark and no key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage

from watermarking.deep.adapter import to_picture
from watermarking.deep.scramble import block_correlation
from watermarking.deep.weights import Weights, load_weights
from watermarking.errors import FileFormatError, WeightsError
from watermarking.interface import Detection, Image
from watermarking.pictures.arrays import check_image
from watermarking.significance import rademacher_p_value

__all__ = ["FixedLogo", "fixed_logo", "read_logo"]

_FLOOR: Final = 0.75
"""Share of the logo's contrast below which an echo does not count; chosen on held-out training photographs, where R
shows echoes on unmarked pictures: at a quarter 15 of 900 windows passed at 1e-3, at one half and above none."""
_BLOCK: Final = 8
_SIDE: Final = 128


def fixed_logo(side: int = _SIDE) -> npt.NDArray[np.uint8]:
    """Draw the logo that ``deep-logo`` carries: (side, side, 3) uint8, about half of it dark.

    Half dark on purpose: with a bright logo an all-white answer would score a normalised correlation near 1.
    """
    big = np.full((512, 512, 3), 255, np.uint8)
    cv2.circle(big, (256, 256), 236, (24, 48, 96), -1)
    cv2.circle(big, (256, 256), 204, (255, 255, 255), 14)
    x = np.arange(60, 453)
    for shift, tint in ((150, (90, 200, 250)), (256, (255, 255, 255)), (362, (250, 190, 60))):
        y = shift + 38 * np.sin((x - 60) / 393 * 4 * np.pi)
        points = np.stack([x, y], 1).round().astype(np.int32)
        cv2.polylines(big, [points], False, tint, 34)
    return np.asarray(cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def read_logo(file: str, side: int) -> npt.NDArray[np.uint8]:
    """Read a picture to hide, (side, side, 3) uint8, transparency on white; without a file the built-in logo.

    Raises
    ------
    FileFormatError
        If the file cannot be read as a picture.
    """
    if not file:
        return fixed_logo(side)
    try:
        with PilImage.open(file) as opened:
            picture = opened.convert("RGBA")
    except OSError as error:
        raise FileFormatError(f"{file} cannot be read as a picture: name a PNG or JPEG file as the logo") from error
    white = PilImage.new("RGBA", picture.size, "white")
    rgb = np.asarray(PilImage.alpha_composite(white, picture).convert("RGB"))
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, kw_only=True)
class FixedLogo:
    """Mark pictures with the one logo that the weights know.

    It has no key: whoever has the weights can mark, and read. Its p-value therefore rests on an assumption, that over
    unmarked pictures what stands out of the blocks' correlations with the logo is as often negative as positive; echoes
    well below the logo's contrast are discounted. Measured on unmarked pictures, not proven.

    Attributes
    ----------
    weights, psnr, device
        As in :class:`watermarking.deep.scheme.Deep`.

    Raises
    ------
    WeightsError
        When it is used, if the weights have a pilot and so need a key.
    """

    weights: str = "deep-logo"
    psnr: float = 50.0
    device: str = "cpu"

    def _load(self) -> Weights:
        found = load_weights(self.weights, self.device)
        if found.spec.pilot_ratio:
            raise WeightsError(
                f"{self.weights} has a pilot, which needs a key: use the scheme 'deep', or weights that were trained "
                "for one logo with pilot_ratio 0, as deep-logo was"
            )
        return found

    @property
    def logo(self) -> npt.NDArray[np.uint8]:
        """The watermark, (side, side, 3) uint8."""
        weights = self._load()
        return fixed_logo(weights.side) if weights.logo is None else weights.logo.numpy()

    @property
    def _payload(self) -> npt.NDArray[np.float32]:
        return np.asarray(self.logo.transpose(2, 0, 1) / 127.5 - 1, np.float32)

    def embed(self, image: Image) -> Image:
        """Return a marked copy, same shape and dtype."""
        no_pilot = np.zeros((1, 1, 1), np.float32)
        return self._load().mark(check_image(image), self._payload, no_pilot, self.psnr)

    def read(self, image: Image) -> tuple[npt.NDArray[np.uint8], Detection]:
        """Read the logo, (side, side, 3) uint8, white where there is none, and test for it."""
        weights = self._load()
        payload, _ = weights.read(check_image(image))
        change = np.asarray(payload - weights.card["blank"], np.float32)
        score = block_correlation(change, self._payload, _BLOCK, _FLOOR)
        verdict = Detection(score, rademacher_p_value(score), "logo correlation, sign symmetry assumed")
        return to_picture(payload), verdict
