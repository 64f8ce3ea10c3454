"""A thief who fits the mark itself: what outputs have on top of what he expects, as a function of the picture.

The expected outputs are his inputs, or better, the answers of a model of his own. Whatever of the difference a linear
combination of features says is subtracted. He knows the code but not the key, so he may take the mark's own features.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from watermarking.errors import UnsupportedImageError, WatermarkError
from watermarking.ownership.surrogates.thief import Pictures, as_rgb, check_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Features = Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]]

__all__ = ["Regression", "colour_polynomials", "fit_mark", "mark_left"]

_LUMA: Final = np.array([0.299, 0.587, 0.114])
_MOST_FEATURES: Final = 2000


def colour_polynomials(degree: int) -> Features:
    """Return a function from pictures (H, W, 3) to all products of up to ``degree`` colours, (H, W, K), the 1 included.

    Raises
    ------
    WatermarkError
        If the degree is not from 0 to 8.
    """
    if not 0 <= degree <= 8:
        raise WatermarkError(f"polynomials of degree {degree} cannot be fitted: give 0 to 8")
    terms = [term for d in range(degree + 1) for term in combinations_with_replacement(range(3), d)]

    def features(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        colours = as_rgb(picture).astype(np.float32) / 127.5 - 1
        found = np.ones((*colours.shape[:2], len(terms)), np.float32)
        for k, term in enumerate(terms):
            for channel in term:
                found[..., k] *= colours[..., channel]
        return found

    return features


@dataclass(frozen=True, eq=False)
class Regression:
    """A fitted mark.

    Attributes
    ----------
    features : callable
        uint8 picture (H, W, 3) to (H, W, K).
    weights : (K, 3) float64
        Grey levels a unit of each feature.
    chroma : bool
        Whether brightness is left as it is.
    """

    features: Features
    weights: npt.NDArray[np.float64]
    chroma: bool

    def predict(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Return the mark (H, W, 3) that a picture is thought to carry, in grey levels."""
        found = _checked(self.features, as_rgb(picture)) @ self.weights
        return found - (found @ _LUMA)[..., None] if self.chroma else found

    def remove(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return a picture (H, W, 3) without it."""
        rgb = as_rgb(picture)
        return np.asarray(np.clip(np.rint(rgb - self.predict(rgb)), 0, 255), np.uint8)


def fit_mark(
    inputs: Pictures,
    outputs: Pictures,
    *,
    features: Features,
    expected: Pictures | None = None,
    chroma: bool = True,
    ridge: float = 1e-6,
) -> Regression:
    """Fit what outputs have on top of what is expected, by least squares over all pixels.

    Parameters
    ----------
    inputs, outputs : sequences of uint8 arrays (H, W, 3) or (H, W)
    features : callable
        Called with outputs: these are what the thief has when he removes the mark.
    expected : sequence of uint8 arrays, optional
        What outputs would be without a mark, as far as he knows; left out, the inputs.
    chroma : bool
        Fit and remove colour alone. What the task itself does, such as taking rain away, is brightness above all, and
        subtracting that would bring the rain back.
    ridge : float
        Added to the features' covariance, as a share of its mean diagonal.

    Raises
    ------
    UnsupportedImageError
        If the pictures are no pairs, or the features do not fit them.
    WatermarkError
        If the ridge is not above 0.
    """
    if not ridge > 0:
        raise WatermarkError(f"a ridge of {ridge:g} leaves features that depend on each other open: give one above 0")
    check_pairs(inputs, outputs, 1)
    wanted = inputs if expected is None else expected
    check_pairs(wanted, outputs, 1)
    grams, moments = [], []
    for one, two in zip(wanted, outputs, strict=True):
        rgb = as_rgb(two)
        phi = _checked(features, rgb)
        flat = phi.reshape(-1, phi.shape[2])
        extra = rgb.astype(np.float64) - as_rgb(one)
        extra = (extra - (extra @ _LUMA)[..., None] if chroma else extra).reshape(-1, 3)
        # Means, so that a picture counts for one whatever its size.
        grams.append(flat.T @ flat / len(flat))
        moments.append(flat.T @ extra / len(flat))
    if len({gram.shape for gram in grams}) > 1:
        raise UnsupportedImageError(
            "some pictures have more features than others: give a function with as many for all"
        )
    gram = np.mean(grams, axis=0)
    loaded = gram + ridge * max(float(np.diag(gram).mean()), 1e-12) * np.eye(len(gram))
    return Regression(features, np.linalg.solve(loaded, np.mean(moments, axis=0)), chroma)


def mark_left(unmarked: Pictures, marked: Pictures, cleaned: Pictures) -> float:
    """Return how much of a mark's residual is left after somebody cleaned the pictures.

    The change from ``unmarked`` to ``cleaned``, projected onto that from ``unmarked`` to ``marked``, over the latter's
    energy: 1 untouched, 0 gone, below 0 overdone.

    Raises
    ------
    UnsupportedImageError
        If the pictures do not fit each other, or marked ones are unmarked.
    """
    check_pairs(unmarked, marked, 1)
    check_pairs(unmarked, cleaned, 1)
    both = energy = 0.0
    for one, two, three in zip(unmarked, marked, cleaned, strict=True):
        cover = as_rgb(one).astype(np.float64)
        mark = as_rgb(two) - cover
        both += float(np.vdot(mark, as_rgb(three) - cover))
        energy += float(np.vdot(mark, mark))
    if not energy:
        raise UnsupportedImageError("the marked pictures equal the unmarked ones: no mark can be left")
    return both / energy


def _checked(features: Features, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return a picture's features, refused if they are not (H, W, K) finite numbers."""
    found = np.asarray(features(picture), np.float64)
    if found.ndim != 3 or found.shape[:2] != picture.shape[:2] or not 1 <= found.shape[2] <= _MOST_FEATURES:
        raise UnsupportedImageError(
            f"the features of a picture of {picture.shape[:2]} are {found.shape}: give (H, W, K), K from 1 to "
            f"{_MOST_FEATURES}"
        )
    if not np.isfinite(found).all():
        raise UnsupportedImageError(
            "features that are not finite cannot be fitted: look at the function that makes them"
        )
    return found
