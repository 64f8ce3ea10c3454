"""The hidden picture as a mark for a model's answers, read with the owner's answers or without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import torch

from watermarking.deep.logo import read_logo
from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.interface import Detection
from watermarking.ownership.checks import check_numbers, check_strength
from watermarking.ownership.hidden.networks import LUMA, MULTIPLE, N_COLOURS
from watermarking.ownership.hidden.weights import load_hidden
from watermarking.ownership.learnable.chance import correlation, correlation_p_value, cosine, orthonormal
from watermarking.ownership.learnable.evidence import accumulated
from watermarking.ownership.learnable.streams import sphere
from watermarking.ownership.surrogates.networks import to_tensor
from watermarking.ownership.surrogates.thief import as_rgb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from watermarking.interface import Image
    from watermarking.keys import Key
    from watermarking.ownership.hidden.networks import HiddenNetworks
    from watermarking.ownership.learnable.evidence import Evidence

    F32 = npt.NDArray[np.float32]
    F64 = npt.NDArray[np.float64]

__all__ = ["HiddenPicture", "HiddenReading", "direction_of", "normalised_correlation", "zero_mean_correlation"]

_SIDE: Final = 64
_WHITE: Final = 255
_DOUBTFUL, _CERTAIN = 1e-2, 1e-5
"""p-values of one picture from which on R shows something, and all of it."""
_LEAST_SIDE: Final = 32
_TRIES: Final = 6


@dataclass(frozen=True)
class HiddenReading:
    """What R reads from one picture.

    Attributes
    ----------
    picture : (64, 64, 3) uint8
        The hidden picture as far as it was found, white where it was not.
    detection : Detection
        Whether the key's direction is there; exact, since the key is drawn without regard to the picture.
    """

    picture: npt.NDArray[np.uint8]
    detection: Detection


@dataclass(frozen=True, kw_only=True)
class HiddenPicture:
    """A picture that R reads from marked answers, and from those of surrogates that learnt from them [1].

    As in the paper, R does not find the picture's pixels in an answer: it knows the picture and recognises the mark.
    Here the mark is a direction that the key draws. Give each customer or version a key and a picture of his own: one H
    and one R serve them all, and each is read separately.

    What H adds repeats with every second pixel. A surrogate learns that if its pairs keep their place on the pixel
    grid, as in the paper; a thief who shifts his crops by odd numbers, resizes or turns them wipes it out. Against him
    there is :class:`~watermarking.ownership.learnable.mark.LearnableMark`; both go into one answer with
    :class:`~watermarking.ownership.several.SeveralMarks`. JPEG at usual qualities wipes it out as well: serve PNG.

    Parameters
    ----------
    weights : str
        Name of built-in weights (``hidden``; ``hidden-initial`` are those before the adversarial stage) or a
        safetensors file.
    logo : str
        File of the picture; empty for the built-in one.
    psnr : float
        Strength in dB, 36 to 57.
    floor : float
        No picture is changed by more, in dB; at most ``psnr``.

    Raises
    ------
    WatermarkError
        If a strength is out of its bounds.

    References
    ----------
    .. [1] Zhang et al., Model Watermarking for Image Processing Networks, AAAI 2020, arXiv:2002.11088.
    """

    id: ClassVar[str] = "hidden"
    weights: str = "hidden"
    logo: str = ""
    psnr: float = 43.0
    floor: float = 42.0

    def __post_init__(self) -> None:
        check_strength(self.psnr, self.floor)

    @property
    def networks(self) -> HiddenNetworks:
        """H and R, read once."""
        return load_hidden(self.weights)

    def mark(self, picture: Image, *, key: Key) -> Image:
        """Return a marked copy; a picture in which nothing shows and that has no room is returned as it is.

        Parameters
        ----------
        picture : (H, W) or (H, W, 3) uint8, RGB, sides of 32 pixels or more
        key : Key

        Raises
        ------
        UnsupportedImageError
            For any other array.
        """
        rgb = _checked(picture)
        change = self._change(rgb, direction_of(key, self.networks.spec.directions), grey=_is_grey(picture))
        cover = picture.astype(np.float32)
        change = change[..., 0] if picture.ndim == 2 else change
        most, size = 255.0**2 / 10 ** (self.floor / 10), 255.0 / 10 ** (self.psnr / 20)
        for _ in range(_TRIES):
            marked = np.clip(np.rint(cover + np.float32(size) * change), 0, _WHITE).astype(np.uint8)
            energy = float(np.square(marked - cover).mean())
            if energy <= most:
                return marked
            size *= (0.97 * most / energy) ** 0.5  # rounding added more than its usual share
        return picture.copy()

    def read(self, picture: Image, *, key: Key) -> HiddenReading:
        """Read one picture, without any other.

        Raises
        ------
        UnsupportedImageError
            If it is no uint8 picture of 32 pixels or more a side.
        """
        detection = self.verify_blind([picture], key=key)
        certainty = np.log(_DOUBTFUL / detection.p_value) / np.log(_DOUBTFUL / _CERTAIN)
        share = float(np.clip(certainty, 0, 1))
        logo = read_logo(self.logo, _SIDE).astype(np.float32)
        return HiddenReading(np.rint(_WHITE + share * (logo - _WHITE)).astype(np.uint8), detection)

    def verify(
        self, suspect: Sequence[Image], own: Sequence[Image], *, key: Key, references: Sequence[Sequence[Image]] = ()
    ) -> Detection:
        """Test whether a suspect's answers carry the mark, with the owner's own unmarked answers.

        What R measures of an answer less what it measures of the owner's is averaged; what references show in its place
        is projected out. The p-value is exact for any suspect who does not know the key.

        Raises
        ------
        WatermarkError
            If there are no answers, or their numbers differ.
        UnsupportedImageError
            If one has a side below 32 pixels, or another size than the owner's.
        """
        check_numbers(suspect, own, references)
        for one, other in zip(suspect, own, strict=True):
            _check_pair(one, other)
        mine = self.measured(own)
        shown = (self.measured(suspect) - mine).mean(0)
        others = [(self.measured(one) - mine).mean(0) for one in references]
        # What the mark was is said by the owner's answer: a thief may tint what he learnt.
        grey = all(_is_grey(one) or _is_grey(other) for one, other in zip(suspect, own, strict=True))
        return self._verdict(shown, others, key, grey=grey)

    def verify_blind(self, suspect: Sequence[Image], *, key: Key) -> Detection:
        """Test whether answers carry the mark, without the owner's.

        Raises
        ------
        WatermarkError
            If there are no answers.
        """
        if not len(suspect):
            raise WatermarkError("there are no answers to read: give at least one")
        return self._verdict(self.measured(suspect).mean(0), [], key, grey=all(map(_is_grey, suspect)))

    def evidence(self, pairs: Iterable[tuple[Image, Image]], *, key: Key) -> Iterator[Evidence]:
        """Yield the evidence after each query, which may be stopped at any time.

        As with :func:`watermarking.ownership.learnable.evidence.gather`, the key's direction is uniform given all
        answers, so that a sum of calibrated p-values at checkpoints fixed beforehand has a mean of at most 1.
        """
        return accumulated(self._verdicts(pairs, key))

    def _verdicts(self, pairs: Iterable[tuple[Image, Image]], key: Key) -> Iterator[Detection]:
        """Yield what all queries so far say together, after each."""
        total, grey = np.zeros(self.networks.spec.directions), True
        for suspect, own in pairs:
            _check_pair(suspect, own)
            total += (self.measured([suspect]) - self.measured([own]))[0]
            grey = grey and (_is_grey(suspect) or _is_grey(own))
            yield self._verdict(total, [], key, grey=grey)

    def measured(self, pictures: Sequence[Image]) -> F64:
        """Return what R measures of each picture, (N, D) float64, about a unit vector where a mark is."""
        reader = self.networks.reader
        found = []
        with torch.inference_mode():
            for picture in pictures:
                tensor = _tensor(_checked(picture))
                found.append(reader(tensor)[0].double().numpy())
        return np.stack(found)

    def _change(self, rgb: npt.NDArray[np.uint8], direction: F32, *, grey: bool) -> F32:
        """Return what H adds, (H, W, 3) float32 of mean square 1 or nearly nothing."""
        with torch.inference_mode():
            found = self.networks.hider(_tensor(rgb), torch.from_numpy(direction)[None])[0]
        change = np.ascontiguousarray(found[:, : rgb.shape[0], : rgb.shape[1]].permute(1, 2, 0).numpy())
        if grey:
            luma = (change @ np.asarray(LUMA, np.float32))[..., np.newaxis]
            change = np.broadcast_to(luma / np.sqrt(np.square(luma).mean() + 1e-6), change.shape)
        return np.asarray(change, np.float32)

    def _verdict(self, shown: F64, others: list[F64], key: Key, *, grey: bool = False) -> Detection:
        """Return what a measured direction says of the key's; of grey answers only the patterns in luma count."""
        size = self.networks.spec.directions
        kept = np.diag((np.arange(size) >= size - size // N_COLOURS).astype(np.float64)) if grey else np.eye(size)
        known = orthonormal([kept @ one for one in others], size)
        kept -= known.T @ known
        seen = kept @ shown
        rho = correlation(seen, kept, direction_of(key, size).astype(np.float64))
        return Detection(
            rho, correlation_p_value(rho, seen, kept), f"correlation in {round(np.trace(kept))} hidden dimensions"
        )


def direction_of(key: Key, dimensions: int) -> F32:
    """Return the direction that a key hides, (D,) float32, a uniform point of the unit sphere."""
    return np.asarray(sphere(key, "hidden/direction", (dimensions, 1))[:, 0], np.float32)


def normalised_correlation(read: npt.NDArray[Any], hidden: npt.NDArray[Any]) -> float:
    """Return the paper's NC, the cosine of two pictures: near 1 for bright pictures whatever was read."""
    return cosine(read.astype(np.float64), hidden.astype(np.float64))


def zero_mean_correlation(read: npt.NDArray[Any], hidden: npt.NDArray[Any]) -> float:
    """Return the correlation of two pictures less their means, 0 for a blank."""
    one, other = (picture.astype(np.float64) for picture in (read, hidden))
    return cosine(one - one.mean(), other - other.mean())


def _check_pair(suspect: Image, own: Image) -> None:
    if suspect.shape[:2] != own.shape[:2]:
        raise UnsupportedImageError(
            f"an answer is {suspect.shape[0]}x{suspect.shape[1]}, the owner's is {own.shape[0]}x{own.shape[1]}: they "
            "must be of one size"
        )


def _is_grey(picture: Image) -> bool:
    """Say whether a picture has no colours, in one channel or in three that are equal."""
    return picture.ndim == 2 or bool((picture[..., :1] == picture).all())


def _checked(picture: Image) -> npt.NDArray[np.uint8]:
    rgb = as_rgb(picture)
    if min(rgb.shape[:2]) < _LEAST_SIDE:
        raise UnsupportedImageError(
            f"a picture of {rgb.shape[0]}x{rgb.shape[1]} is too small to hide one in: sides of {_LEAST_SIDE} are needed"
        )
    return rgb


def _tensor(rgb: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Return (1, 3, H, W) in [0, 1], its edges repeated to what the networks divide by."""
    below, right = (-length % MULTIPLE for length in rgb.shape[:2])
    padded = np.pad(rgb, ((0, below), (0, right), (0, 0)), mode="edge")
    return to_tensor(padded[None])
