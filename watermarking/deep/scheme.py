"""The scheme ``deep``: a picture hidden in a picture by the trained networks, keyed."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from watermarking.deep.adapter import to_picture
from watermarking.deep.fit import HIGHEST_ROUNDED
from watermarking.deep.networks.nets import STRIDE
from watermarking.deep.scramble import block_correlation, pilot_detection, pilot_signs, scramble, unscramble
from watermarking.deep.weights import Weights, load_weights
from watermarking.errors import CapacityError, UnsupportedImageError, WatermarkError, WeightsError
from watermarking.interface import Detection, Extraction, Image
from watermarking.pictures.arrays import check_image
from watermarking.pictures.plane import luma_plane
from watermarking.significance import rademacher_p_value
from watermarking.sync.extent import framing_waves

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["Deep", "to_payload"]

F32 = npt.NDArray[np.float32]
_LEAST_SHARE: Final = 0.5
"""Smallest side of a cover over the working side for payloads as coarse as a trunk's cell; finer ones need every pixel
of the working picture."""
PSNR_RANGE: Final = (30.0, 60.0)
WAVES_SHARE: Final = 0.16
"""Of the mark's energy, what the waves take that say where a picture was cut or turned; the rest is the networks'."""
_UNSEEN: Final = {"deep-robust": "deep-unseen"}


def to_payload(picture: Image, side: int, channels: int) -> F32:
    """Bring a picture to a payload's size, (channels, side, side) float32 in [-1, 1].

    Parameters
    ----------
    picture : (h, w), (h, w, 3) or (h, w, 4), uint8, uint16, bool or float in [0, 1], any size
        Transparency becomes white.

    Raises
    ------
    UnsupportedImageError
        If it is no picture.
    """
    if np.asarray(picture).dtype == np.bool_:
        picture = np.asarray(picture).astype(np.float32)
    picture = check_image(picture)
    if not picture.size:
        raise UnsupportedImageError("the picture to hide is empty")
    top = {"u1": 255.0, "u2": 65535.0}.get(picture.dtype.str[1:], 1.0)
    values = np.asarray(picture, np.float32) / np.float32(top)
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, axis=2)
    if values.shape[2] == 4:
        opacity = values[..., 3:]
        values = values[..., :3] * opacity + (1 - opacity)
    # Integer factors repeat or average whole pixels, so that a 64 x 64 picture is carried exactly twice as large.
    growing = side % values.shape[0] == 0 and side % values.shape[1] == 0
    how = cv2.INTER_NEAREST if growing else (cv2.INTER_AREA if min(values.shape[:2]) >= side else cv2.INTER_LINEAR)
    values = cv2.resize(np.ascontiguousarray(values), (side, side), interpolation=how).astype(np.float32)
    planes = values.transpose(2, 0, 1) if channels == 3 else values.mean(2)[None]
    return np.ascontiguousarray(planes * 2 - 1, np.float32)


@dataclass(frozen=True, kw_only=True)
class Deep:
    """Hides a picture in the whole picture with trained networks; messages travel as a code raster.

    Attributes
    ----------
    weights : str
        ``"deep-robust"`` (a 32 x 32 code raster), ``"deep-unseen"`` (the same, H trained to show less; what a fidelity
        is reached with), ``"deep-any"`` (any picture, 128 x 128 RGB), or the path of a ``.safetensors`` file with its
        card beside it.
    psnr : float
        Strength in dB, 30 to 60, with ``deep-any`` in 8-bit covers to 54; R was trained for about 36 to 52.
    device : str
        Torch device of the networks, ``"cpu"`` or ``"cuda"``.

    Examples
    --------
    >>> Deep(weights="deep-any", psnr=44.0).capacity((512, 768, 3))
    1
    """

    id: ClassVar[str] = "deep"
    payload_kind: ClassVar[Literal["bits", "picture"]] = "picture"
    keyed: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = False

    weights: str = "deep-robust"
    psnr: float = 42.0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not isinstance(self.psnr, Real) or not PSNR_RANGE[0] <= self.psnr <= PSNR_RANGE[1]:
            raise WatermarkError(f"psnr is {self.psnr} dB: choose {PSNR_RANGE[0]:g} to {PSNR_RANGE[1]:g}")

    def _load(self) -> Weights:
        found = load_weights(self.weights, self.device)
        if not found.spec.pilot_ratio:
            raise WeightsError(
                f"{self.weights} carries one fixed picture and knows no key: use watermarking.deep.logo.FixedLogo, or "
                "the weights deep-robust or deep-any"
            )
        return found

    @property
    def payload_shape(self) -> tuple[int, int]:
        """Size (rows, columns) of the picture that the weights carry; any other is brought to it."""
        side = self._load().side
        return side, side

    @property
    def psnr_range(self) -> tuple[float, float]:
        """Least and greatest strength in dB that any cover can be marked at: with ``deep-any``, one of 8 bits too."""
        low, high = PSNR_RANGE
        return low, high if self._load().pair.scalable else HIGHEST_ROUNDED

    @property
    def is_framed(self) -> bool:
        """Whether waves lie beside the mark, so that a picture that was moved is put back: not with ``deep-any``.

        On a lattice every detail has its place, and waves would move it.
        """
        return self._load().pair.scalable

    @property
    def unseen(self) -> Deep:
        """The same scheme with weights that show less, read by the same R; of most weights, itself.

        ``deep-robust`` needs the least energy, and is read from fainter marks; those of ``deep-unseen`` show less.
        """
        return dataclasses.replace(self, weights=_UNSEEN.get(self.weights, self.weights))

    @property
    def n_modules(self) -> int:
        """Modules of a code raster that are told apart: none smaller than a cell of the networks' trunk."""
        weights = self._load()
        return int((weights.working // max(weights.spec.payload_ratio, STRIDE)) ** 2)

    def capacity(self, shape: tuple[int, ...]) -> int:
        """Return how many pictures fit: 1, or 0 in a cover with too short a side (deep-any: 256 pixels, others 128)."""
        return int(min(shape[:2]) >= self.min_side)

    @property
    def min_side(self) -> int:
        """Smallest side of a cover in pixels."""
        weights = self._load()
        return weights.working if weights.spec.payload_ratio < STRIDE else math.ceil(weights.working * _LEAST_SHARE)

    def embed(self, image: Image, payload: Image, *, key: Key) -> Image:
        """Return a marked copy, same shape and dtype.

        Raises
        ------
        CapacityError
            If a side of the cover is too short.
        UnsupportedImageError
            If the cover or the payload is no picture.
        """
        image = check_image(image)
        if not self.capacity(image.shape):
            size, least = f"{image.shape[1]}x{image.shape[0]}", f"{self.min_side}x{self.min_side}"
            raise CapacityError(
                f"no picture fits in {size} pixels with {self.id!r}, {least} are needed: use a larger image"
            )
        weights = self._load()
        hidden = scramble(to_payload(payload, weights.side, weights.spec.payload_channels), key, weights.card["block"])
        pilot = pilot_signs(key, weights.working // weights.spec.pilot_ratio)
        if not self.is_framed:
            return weights.mark(image, hidden, pilot, self.psnr)
        return weights.mark(image, hidden, pilot, self.psnr, framing_waves(luma_plane(image), key), WAVES_SHARE)

    def read(self, image: Image) -> tuple[Weights, F32, F32]:
        """Return the weights and what R reads, payload (still scrambled) and pilot; the same for every key."""
        weights = self._load()
        return weights, *weights.read(check_image(image))

    def extract_from(self, read: tuple[Weights, F32, F32], *, key: Key) -> Extraction[npt.NDArray[np.uint8]]:
        """Return what :meth:`extract` returns for the picture that was read, without running R again."""
        weights, payload, pilot = read
        picture = to_picture(unscramble(payload, key, weights.card["block"]))
        return Extraction(picture, None, pilot_detection(pilot, key))

    def extract(self, image: Image, *, key: Key) -> Extraction[npt.NDArray[np.uint8]]:
        """Read the picture: (rows, columns, 3) uint8, uniform mid-grey but for noise where nothing is hidden."""
        return self.extract_from(self.read(image), key=key)

    def detect(self, image: Image, payload: Image, *, key: Key) -> Detection:
        """Test for a picture that is known: zero-mean correlation, block by block with the key's signs."""
        weights, read, _ = self.read(image)
        wanted = to_payload(payload, weights.side, weights.spec.payload_channels)
        plain = unscramble(read, key, weights.card["block"])
        score = block_correlation(plain, wanted, weights.card["block"])
        return Detection(score, rademacher_p_value(score), "zero-mean correlation")
