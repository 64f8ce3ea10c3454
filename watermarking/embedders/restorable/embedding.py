"""A payload on its way into a picture: the least change that makes room for it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from watermarking.embedders.restorable.layers import CLASSES, Curve, helping_weights, measured, write_layer
from watermarking.embedders.restorable.sheet import Header, Sheet, layer_mask, tag_of_cover, tag_of_payload
from watermarking.errors import CapacityError
from watermarking.pictures.ranges import sample_peak

if TYPE_CHECKING:
    from watermarking.interface import Bits, Image
    from watermarking.keys import Key

__all__ = ["Embedding", "refusal"]

U8 = npt.NDArray[np.uint8]

_TRIES: Final = 12
_LOOKS: Final = 8


def refusal(fits: int, image: Image, given: int, way_out: str) -> str:
    """Return the sentence of a :class:`CapacityError`."""
    size = f"{image.shape[1]}x{image.shape[0]}"
    return f"{fits} bits fit in {size} pixels with 'reversible', {given} are given: use {way_out}"


class Made(NamedTuple):
    """A marked picture, None if not everything had room; the sum of its squared changes; bits of the stream written."""

    picture: Image | None
    energy: int
    n_bits: int


@dataclass(frozen=True)
class Embedding:
    """A payload on its way into a picture: what it needs, what the picture has."""

    image: Image
    payload: Bits
    key: Key
    stream: U8
    depth: int
    weights: tuple[int, int]
    curves: dict[int, list[Curve]]
    n_samples: int

    @classmethod
    def of(cls, image: Image, payload: Bits, key: Key) -> Embedding:
        """Count what the picture has room for.

        Raises
        ------
        CapacityError
            If not even the header fits.
        """
        depth = int(sample_peak(image) + 1).bit_length() - 1
        sheet = Sheet.of(image, key, depth)
        if sheet is None:
            raise CapacityError(refusal(0, image, payload.size, "a larger image, or one with more visible pixels"))
        tags = tag_of_payload(key, payload) + tag_of_cover(key, image, payload)
        weights = helping_weights(sheet.canvas.work)
        layers = sheet.layers(weights, depth)
        curves = {
            unit: [measured(sheet.canvas, how, unit, roughly=True) for how in layers] for unit in range(depth - 7)
        }
        n_visible = sheet.clear.size - int(sheet.clear.sum()) if sheet.clear is not None else sheet.canvas.skip.size
        stream = np.concatenate([np.unpackbits(np.frombuffer(tags, np.uint8)), sheet.lowest, payload.astype(np.uint8)])
        return cls(image, payload, key, stream, depth, weights, curves, n_visible * sheet.canvas.work.shape[2])

    def at(self, psnr: float) -> Image:
        """Write the payload at the least price it takes; refuse where that is below a PSNR."""
        allowed = self._energy(psnr)
        most, wanted, low = 0, float(self.stream.size), 0.0
        for attempt in range(_TRIES):
            unit, price = self._cheapest(wanted)
            made = self.written(unit, price)
            if made.picture is not None and made.energy <= allowed:
                return made.picture
            if made.picture is None and made.energy <= allowed:
                # A layer has less room in what the layers before it left than in the cover, so the price is raised. If
                # that is too much for the strength, something in between may do; an excess of room is not written.
                low, most = wanted, max(most, made.n_bits)
                if price >= self._dearest:
                    raise CapacityError(self._too_much(max(0, most - self._own), "a shorter payload or a larger image"))
                wanted *= (1 + 0.005 * 2**attempt) * min(2.0, self.stream.size / max(made.n_bits, 1))
            elif made.picture is not None and wanted > 1.002 * low > 0:
                wanted = (low + wanted) / 2
            else:
                break
        raise CapacityError(self._too_much(self.room(psnr), self._way_out()))

    def room(self, psnr: float) -> int:
        """Return how many bits of payload fit at a strength: written, counted and thrown away."""
        allowed, best = self._energy(psnr), 0
        filled = dataclasses.replace(self, stream=np.resize(self.stream, self.n_samples))
        unit, price = max(((u, self._price_of(u, allowed)) for u in self.curves), key=lambda one: self._bits(*one))
        low, high = price / 64, price * 2
        for _ in range(_LOOKS):
            made = filled.written(unit, price)
            if made.energy <= allowed:
                best, low = max(best, made.n_bits - self._own), price
            else:
                high = price
            price = math.sqrt(low * high)
        return best

    def _cheapest(self, n_bits: float) -> tuple[int, float]:
        """Return the unit and the price at which so many bits seem to fit at the least cost."""
        found = [(unit, self._price(unit, n_bits)) for unit in self.curves]
        enough = [one for one in found if one[1] < self._dearest] or found[-1:]
        return min(enough, key=lambda one: self._cost(*one))

    def _price_of(self, unit: int, cost: float) -> float:
        """Return the highest price at which the changes cost no more, by the counts."""
        low, high = 1e-3, self._dearest
        while high / low > 1.01:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self._cost(unit, middle) <= cost else (low, middle)
        return low

    def _way_out(self) -> str:
        """Say at which strength the payload fits, which is tried, if at any."""
        wanted = float(self.stream.size)
        for _ in range(_LOOKS):
            unit, price = self._cheapest(wanted)
            made = self.written(unit, price)
            if made.picture is not None:
                strength = math.floor(100 * math.log10(self._energy(0) / made.energy)) / 10
                return f"a lower strength, psnr={strength:.1f}, a shorter payload or a larger image"
            wanted *= 1.005 * min(2.0, self.stream.size / max(made.n_bits, 1))
        return "a shorter payload or a larger image"

    def _too_much(self, fits: int, way_out: str) -> str:
        return refusal(min(fits, self.payload.size - 1), self.image, self.payload.size, way_out)

    def _energy(self, psnr: float) -> float:
        """Return the sum of squared changes that a PSNR allows."""
        return float(self.n_samples * (2**self.depth - 1) ** 2 / 10 ** (psnr / 10))

    @property
    def _own(self) -> int:
        """Bits of the stream that are not payload."""
        return self.stream.size - self.payload.size

    @property
    def _dearest(self) -> float:
        return float(3e3 * 4.0 ** (self.depth - 8))

    def _bits(self, unit: int, price: float) -> float:
        return sum(curve.total(price)[0] for curve in self.curves[unit]) - 24 * len(self.curves[unit])

    def _cost(self, unit: int, price: float) -> float:
        return sum(curve.total(price)[1] for curve in self.curves[unit])

    def _price(self, unit: int, n_bits: float) -> float:
        """Return the least price at which so many bits seem to fit, the highest one if none."""
        low, high = 1e-3, self._dearest
        while high / low > 1.003:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self._bits(unit, middle) < n_bits else (low, middle)
        return high

    def written(self, unit: int, price: float) -> Made:
        """Write at a price."""
        sheet = Sheet.of(self.image, self.key, self.depth)
        assert sheet is not None
        left, seen, chosen, energy = self.stream, [], [], 0
        for place, how in enumerate(sheet.layers(self.weights, self.depth)):
            one = measured(sheet.canvas, how, unit).chosen(price)
            done = write_layer(sheet.canvas, how, one, unit, left, layer_mask(self.key, place))
            left = left[done.n_bits :]
            seen.append(done.seen)
            chosen.append(one if done.seen else np.zeros(CLASSES, np.int64))
            energy += done.energy
            if not left.size:
                break
        if left.size:
            return Made(None, energy, self.stream.size - left.size)
        missing = 2 * sheet.canvas.work.shape[2] - len(seen)
        every = np.concatenate([*chosen, np.zeros(missing * CLASSES, np.int64)]).reshape(-1, CLASSES)
        told = Header(self.depth, unit, self.weights, self.payload.size, (*seen, *[0] * missing), every)
        header = told.sealed(self.key)
        energy += int(np.count_nonzero(header != sheet.lowest))
        return Made(sheet.picture(self.image, header), energy, self.stream.size)
