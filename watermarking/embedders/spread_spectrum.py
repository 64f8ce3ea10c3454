"""Informed spread spectrum on the working plane: what ``additive``, ``dct`` and ``dwt`` have in common.

Each scheme transforms the plane into bands of coefficients. A bit is spread over many places of a tile
(:mod:`watermarking.embedders.placement`), with a perceptual mask, and read with a matched filter whose weights the
reader estimates from the picture it has. The embedder computes what that reader would see in the unmarked picture and
cancels it, a bit at a time (improved spread spectrum: Malvar and Florencio, IEEE TSP 51(4), 2003, eq. 14, with the
correlation taken over a bit's places): the host does not disturb its own mark, and only attacks do.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt

from watermarking.embedders.locating import whole_cells
from watermarking.embedders.placement import (
    LADDER,
    PILOT_SHARE,
    Layout,
    fold,
    pilot_chips,
    place,
    slot_chips,
    slot_groups,
)
from watermarking.embedders.soft import pilot_detection, to_llr
from watermarking.errors import CapacityError
from watermarking.interface import Detection, Extraction, SoftRead
from watermarking.kernels.spread import Places, activity, despread, gather_groups, shape_weights, spread
from watermarking.pictures.arrays import check_image
from watermarking.pictures.drawing import apply_residual
from watermarking.pictures.plane import luma_energy, luma_plane, working_shape
from watermarking.threads import map_bands, row_bands

if TYPE_CHECKING:
    from watermarking.interface import Bits, Image, Residual
    from watermarking.keys import Key

__all__ = ["SpreadSpectrum"]

F32 = npt.NDArray[np.float32]

READER_NOISES: Final = (10.0, 150.0)
"""Noise variances that the reader tries, in squared grey levels: little (blur, scaling) and much (JPEG, noise)."""
_EMBEDDER_NOISE: Final = 40.0
_MASK_FLOOR: Final = 2.0
_MASK_EXPONENT: Final = 0.6
_HIDING_EXPONENT: Final = 0.25
"""How much more of the mark busy places take if it is to show little. The reader goes by the other one all the same."""
_PAGE_EXPONENT: Final = -0.1
"""The same for pages and drawings, where letters and lines drown what is put beside them: what is read is the paper."""
_CANCEL_SHARE: Final = 0.4
_BAND: Final = 32  # rows of cells a task


@dataclass(frozen=True, kw_only=True)
class SpreadSpectrum(abc.ABC):
    """A keyed bit scheme on the working plane.

    Parameters
    ----------
    psnr : float
        Strength, in dB over RGB; used by the embedder alone.

    Examples
    --------
    >>> from watermarking import Key, get_scheme
    >>> picture = np.linspace(40, 215, 128 * 128 * 3).reshape(128, 128, 3).astype(np.uint8)
    >>> key, bits = Key(bytes(16)), np.arange(40) % 3 == 0
    >>> marked = get_scheme({"id": "dwt", "psnr": 40}).embed(picture, bits, key=key)
    >>> get_scheme("dwt").extract(marked, key=key).detection.is_present()
    True
    """

    psnr: float = 42.0

    id: ClassVar[str]
    payload_kind: ClassVar[Literal["bits"]] = "bits"
    keyed: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = True
    layout: ClassVar[Layout]
    band_shape: ClassVar[tuple[float, ...]]  # how large the reader takes the mark to be in each band
    hiding_shape: ClassVar[tuple[float, ...]]  # how large it is made if it is to show little
    page_shape: ClassVar[tuple[float, ...]]  # the same on pages and drawings
    response: ClassVar[float] = 1.0  # what is left of a coefficient's change after synthesis and analysis
    spread_gain: ClassVar[float] = 1.0  # squared change of the plane a squared change of the coefficients

    @abc.abstractmethod
    def analyse(self, plane: F32) -> F32:
        """Return the bands (rows, cols, n_bands) of a working plane (h, w)."""

    @abc.abstractmethod
    def synthesise(self, bands: F32, shape: tuple[int, int]) -> F32:
        """Return the change of a working plane of this shape that a change of the bands makes."""

    def cell_signs(
        self, plane: F32, *, key: Key, origin: tuple[int, int] = (0, 0)  # noqa: ARG002 (for schemes that have signs)
    ) -> F32 | None:
        """Return what the mark is multiplied by in each cell (rows, cols) of a plane, None for nothing."""
        return None

    def signed_bands(
        self, plane: F32, *, key: Key, origin: tuple[int, int] = (0, 0)
    ) -> tuple[F32, F32 | None]:
        """Return the bands times the signs of their cells, and the signs (rows, cols, 1) if there are any."""
        bands, signs = self.analyse(plane), self.cell_signs(plane, key=key, origin=origin)
        if signs is None:
            return bands, None
        bands *= signs[..., None]
        return bands, signs[..., None]

    def capacity(self, shape: tuple[int, ...]) -> int:
        """Return how many payload bits a picture of this shape has places for.

        That many can be embedded; how many survive is for the error correction above this to decide.
        """
        usable = min(self.n_places(shape), self.layout.n_slots - self.layout.n_pilots)
        return max((length for length in LADDER if length <= usable), default=0)

    @property
    def cell(self) -> int:
        """Working pixels to a cell's side."""
        return self.layout.cell

    def n_places(self, shape: tuple[int, ...]) -> int:
        """Return how many coefficients of a picture of this shape carry payload bits."""
        rows, cols = self._cells(working_shape(shape))
        places = rows * cols * self.layout.n_bands
        return places - places // PILOT_SHARE

    def embed(self, image: Image, payload: Bits, *, key: Key) -> Image:
        """Return a marked copy of the picture.

        Parameters
        ----------
        image : (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or float in [0, 1]
        payload : (n,) bool, n at most ``capacity(image.shape)``; read back as the first n bits of the extraction
        key : Key

        Raises
        ------
        CapacityError
            If the payload is empty or too long.
        UnsupportedImageError
            If the picture is not one of those above.
        """
        image = check_image(image)
        bits = np.asarray(payload, np.bool_).ravel()
        capacity = self.capacity(image.shape)
        if not 0 < bits.size <= capacity:
            raise CapacityError(
                f"{capacity} bits fit in {image.shape[1]}x{image.shape[0]} pixels with {self.id!r}, {bits.size} are "
                "given: use a shorter payload or a larger image"
            )
        residual = self.residual(luma_plane(image), bits, key=key)(luma_energy(image, self.psnr))
        return apply_residual(image, residual, self.psnr)

    def extract(self, image: Image, *, key: Key) -> Extraction[Bits]:
        """Read a picture: the payload repeated to the next length of the ladder, and whether anything is there.

        Returns
        -------
        Extraction
            ``payload`` (n,) bool and ``llr`` (n,) float32, n from the ladder; the embedded bits come first.
        """
        reads = self.read(luma_plane(check_image(image)), key=key)
        if not reads:
            return Extraction(np.zeros(0, np.bool_), np.zeros(0, np.float32), Detection(0.0, 1.0, "pilot"))
        best = reads[0]
        return Extraction(best.sums > 0, to_llr(best.sums), pilot_detection(reads))

    def residual(self, plane: F32, payload: Bits, *, key: Key, unseen: bool = False, page: bool = False) -> Residual:
        """Return the change of the plane that carries the payload, as a function of its mean squared change.

        Parameters
        ----------
        plane : (h, w) float32, luma at the working scale
        payload : (n,) bool
        unseen : bool
            Spread it so that it shows least, not so that least of it is needed.
        page : bool
            The plane shows a page or a drawing: what shows least there is something else.

        Returns
        -------
        callable
            Takes the energy aimed at, in squared grey levels; returns (h, w) float32, about of that energy.
        """
        layout = self.layout
        length = min(n for n in LADDER if n >= payload.size)
        bits = np.resize(payload, length)
        bands, signs = self.signed_bands(plane, key=key)
        mask, weights = self.weigh(bands, (_EMBEDDER_NOISE,))
        if unseen:
            shape, exponent = (self.page_shape, _PAGE_EXPONENT) if page else (self.hiding_shape, _HIDING_EXPONENT)
            mask, _ = self.weigh(bands, (), shape, exponent)
        table = place(layout, key, layout.n_tiles(bands.shape[:2]))
        chips, groups = slot_chips(layout, key, bits), slot_groups(layout, length)
        host, gain, power = (np.zeros(length + 1, np.float32) for _ in range(3))
        where = (table.slots, table.offsets, table.signs, layout.tile, table.tiles_across)
        gather_groups(bands, mask, weights[0], Places(*where), chips, groups, host, gain, power)
        host /= np.maximum(gain * self.response, 1e-9)
        shares = power.astype(np.float64)

        def of_energy(energy: float) -> F32:
            amplitudes = _amplitudes(host, shares, energy * plane.size / self.spread_gain)
            change = np.empty_like(bands)
            spread(mask, Places(*where), amplitudes[groups] * chips, change)
            if signs is not None:
                change *= signs
            return self.synthesise(change, (plane.shape[0], plane.shape[1]))

        return of_energy

    def read(
        self,
        plane: F32,
        *,
        key: Key,
        origin: tuple[int, int] = (0, 0),
        inside: npt.NDArray[np.bool_] | None = None,
    ) -> list[SoftRead]:
        """Read a plane under every hypothesis about length and noise, the most credible first.

        Parameters
        ----------
        plane : (h, w) float32, luma at the working scale, aligned with the cells
        origin : (row, column) of the plane's first cell in the grid of tiles, not negative
        inside : (h, w) bool, optional; cells with a pixel that is not are left out
        """
        layout = self.layout
        if min(self._cells((plane.shape[0], plane.shape[1]))) < 1:
            return []
        bands, _ = self.signed_bands(plane, key=key, origin=origin)
        if inside is not None:
            bands[~whole_cells(inside, layout.cell)] = 0
        weights = self.reader_weights(bands)
        stop = (origin[0] + bands.shape[0], origin[1] + bands.shape[1])
        table = place(layout, key, layout.n_tiles(stop))
        where = (table.slots, table.offsets, table.signs, layout.tile, table.tiles_across)
        reads = []
        for weight in weights:
            sums, spent = np.zeros(layout.n_slots, np.float32), np.zeros(layout.n_slots, np.float32)
            despread(bands, weight, Places(*where), origin, sums, spent)
            pilots = sums[: layout.n_pilots]
            norm = math.sqrt(float(spent[: layout.n_pilots].sum(dtype=np.float64)))
            for length in LADDER:
                parts = pilots * pilot_chips(layout, key, length) / np.float32(norm if norm > 0 else 1.0)
                reads.append(SoftRead(length, fold(layout, sums, length), float(parts.sum()), parts))
        return sorted(reads, key=lambda read: -read.score)

    def reader_weights(self, bands: F32) -> F32:
        """Return what the reader weighs bands (rows, cols, n_bands) with: (n_noises, rows, cols, n_bands)."""
        return self.weigh(bands, READER_NOISES)[1]

    def _cells(self, shape: tuple[int, int]) -> tuple[int, int]:
        return shape[0] // self.layout.cell, shape[1] // self.layout.cell

    def weigh(
        self,
        bands: F32,
        noises: tuple[float, ...],
        shape: tuple[float, ...] | None = None,
        exponent: float = _MASK_EXPONENT,
    ) -> tuple[F32, F32]:
        """Return the mask of each coefficient, and its weight for each of the noises."""
        rows, cols, n = bands.shape
        level = np.empty(n, np.float32)
        raw, relative = np.empty((rows, cols), np.float32), np.empty((rows, cols), np.float32)
        activity(bands, level, raw, relative)
        mask, weights = np.empty_like(bands), np.empty((len(noises), *bands.shape), np.float32)
        measured = (bands, level, raw, relative, np.array(shape or self.band_shape, np.float32))
        chosen = (_MASK_FLOOR, exponent, np.array(noises, np.float32))
        map_bands(lambda band: shape_weights(band, *measured, *chosen, mask, weights), row_bands(rows, _BAND))
        return mask, weights


def _amplitudes(host: F32, power: npt.NDArray[np.float64], energy: float) -> F32:
    """Choose each group's amplitude: common strength minus what the host contributes, at the energy given.

    ``host`` is in units of amplitude. Cancelling may take at most a share of the energy; a payload so long that it
    would take more is cancelled in part.
    """
    cost = float(power @ np.square(host, dtype=np.float64))
    part = min(1.0, math.sqrt(_CANCEL_SHARE * energy / cost)) if cost > 0 else 1.0
    cross = part * float(power @ host)
    total = max(float(power.sum()), 1e-12)
    strength = (cross + math.sqrt(max(cross * cross + total * (energy - part * part * cost), 0.0))) / total
    return np.asarray(strength - part * host, np.float32)
