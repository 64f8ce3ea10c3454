"""The mark of a classifier: a keyed tail in its answers that whoever distils them learns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.answers import check_probabilities
from watermarking.ownership.classifiers.coarse import Coarse, fit_coarse
from watermarking.ownership.classifiers.keyed import draw
from watermarking.ownership.classifiers.swaps import reach_for, swapped
from watermarking.ownership.classifiers.tail import with_tail
from watermarking.ownership.marks import config_fields

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.keys import Key
    from watermarking.ownership.classifiers.keyed import Keyed

    F64 = npt.NDArray[np.float64]

__all__ = ["PROFILES", "SoftLabelMark"]

PROFILES: Final = {"light": (0.005, 0.0, 3.0), "standard": (0.02, 0.5, 3.0), "strong": (0.05, 1.5, 3.0)}
"""tau, b1 and b2 of each: the mass of the tail, and how much a key's favour shows in what was there and in the tail."""
_MOST_CLASSES: Final = 2048
_MOST_PRICE: Final = 0.05
_BOUNDS: Final = {"tau": (0.001, 0.2), "b1": (0.0, 4.0), "b2": (0.5, 6.0), "reach": (0.0, 2.0)}


@dataclass(frozen=True, kw_only=True)
class SoftLabelMark:
    """A little of an answer's mass, spread over the classes that are not its first as a key says.

    What a key favours depends on the first class and on smooth functions of what the input is, coarsely: both are
    learnt with the task by whoever trains on the answers. The first class never changes, so accuracy does not either;
    the second and third often do. With a ``reach`` above 0, which has its price, some first classes change, too: see
    :meth:`for_labels`.

    Parameters
    ----------
    n_classes : int
        2 to 2,048.
    coarse : Coarse, or its fields
        What an input is, coarsely: :meth:`fit` makes it of inputs of yours, once.
    tau : float
        Mass of the tail, .001 to .2.
    b1 : float
        How much the favour multiplies the odds of the other classes, 0 to 4.
    b2 : float
        How unevenly the tail is spread, .5 to 6.
    reach : float
        Log-odds by which a key moves the boundary between an answer's first two classes, 0 to 2.

    Raises
    ------
    WatermarkError
        If one of them is out of its bounds.

    Examples
    --------
    >>> from watermarking.keys import Key
    >>> inputs = np.random.default_rng(0).normal(size=(64, 12))
    >>> mark = SoftLabelMark.fit(inputs, n_classes=4)
    >>> answers = np.array([[0.9, 0.06, 0.03, 0.01]])
    >>> marked = mark.answer(answers, inputs[:1], key=Key(bytes(range(16))))
    >>> int(marked.argmax()), round(float(marked.sum()), 12), bool((marked != answers).all())
    (0, 1.0, True)
    """

    id: ClassVar[str] = "soft-label"
    n_classes: int
    coarse: Coarse
    tau: float = PROFILES["standard"][0]
    b1: float = PROFILES["standard"][1]
    b2: float = PROFILES["standard"][2]
    reach: float = 0.0

    def __post_init__(self) -> None:
        k = self.n_classes
        if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or not 2 <= k <= _MOST_CLASSES:
            raise WatermarkError(
                f"a classifier of {k!r} classes cannot be marked, 2 to {_MOST_CLASSES} can: one class has no others, "
                "and of more classes mark coarser ones"
            )
        object.__setattr__(self, "n_classes", int(k))
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise WatermarkError(f"{name} is {value}: give {low:g} to {high:g}, or one of {', '.join(PROFILES)}")
        if isinstance(self.coarse, Mapping):
            try:
                object.__setattr__(self, "coarse", Coarse(**self.coarse))
            except TypeError as error:
                raise WatermarkError(f"these are no coarse features: {error}") from error

    @classmethod
    def fit(
        cls, inputs: Any, *, n_classes: int, profile: str = "standard", flips: bool = True, kind: str | None = None
    ) -> SoftLabelMark:
        """Make a mark for inputs like some of yours.

        Parameters
        ----------
        inputs : (N, H, W), (N, H, W, C), (N, C, H, W) pictures or (N, D) features, embeddings
            A few thousand. Of anything else, give coarse features that you work out yourself, here and wherever
            inputs are asked for: vectors, of texts their embeddings.
        n_classes : int
        profile : "light", "standard" or "strong"
        flips : bool
            Whether a picture and its mirror image get the same mark, as they must if thieves flip what they train on.
        kind : "pictures" or "vectors", optional
            What inputs are, if their shape does not say so.

        Raises
        ------
        UnsupportedImageError
            If the inputs are too few, all alike, or no numbers.
        WatermarkError
            If there is no such profile, or too few classes.
        """
        if profile not in PROFILES:
            raise WatermarkError(f"there is no profile {profile!r}: choose one of {', '.join(PROFILES)}")
        tau, b1, b2 = PROFILES[profile]
        coarse = fit_coarse(inputs, flips=flips, kind=kind)
        return cls(n_classes=n_classes, coarse=coarse, tau=tau, b1=b1, b2=b2)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SoftLabelMark:
        """Make a mark of its configuration, as :func:`watermarking.ownership.marks.mark_config` returns it.

        Raises
        ------
        WatermarkError
            If it is of another mark, or does not fit.
        """
        return cls(**config_fields(cls, config, ("n_classes", "coarse")))

    def for_labels(self, answers: npt.NDArray[Any], inputs: Any, labels: Any = None, *, price: float = 0.002) -> Self:
        """Return this mark with first classes that change, for clients who are told no more, at a price in accuracy.

        Where the first two classes are close, a key says which of them comes first. Thieves who train on labels alone
        learn that, and verification reads it from labels alone; without it nothing can be read from those.

        Keep what each client asked, as far as it was ambiguous, in their order and unchanged:
        :func:`watermarking.ownership.classifiers.swaps.most_ambiguous` says which. Of networks trained on 10,000 to
        50,000 labels of Fashion-MNIST, at a loss of .12 to .35 points of accuracy with three keys, .23 on average, the
        1,500 most ambiguous of their own queries gave p < 2e-9 for each of seven perceptrons and 5e-8 for a small
        convolutional network with one key; the 5,000 most ambiguous gave 2e-7 and 1e-5 at worst: ask the closest ones.
        Inputs that they were never asked gave 4e-5 at best, their own moved by a pixel .008: nothing to rely on
        (``benchmarks/classifiers.py --labels``). P-values hold for queries that were fixed before the client's first
        marked answer; of those chosen by answers, a model that never learnt from one may agree with the key.

        Whom labels are enough for, give the first class of what a
        :class:`watermarking.ownership.classifiers.protect.ProtectedClassifier` answers.

        Parameters
        ----------
        answers : (N, K) float
            The model's probabilities for some thousands of inputs that it was not trained on.
        inputs : N inputs like those that the mark was fitted on
        labels : (N,) integers, optional
            Their true classes. Without them the probabilities are believed, and what is lost may be half as much again.
        price : float
            Share of right answers that may be lost on average over keys, 0 to .05.

        Raises
        ------
        ModelAnswerError
            If these are no probabilities.
        WatermarkError
            If the price is out of its bounds, or buys nothing, or the numbers of answers, inputs and labels differ.
        """
        if not 0 < price <= _MOST_PRICE:
            raise WatermarkError(
                f"a price of {price}: give the share of answers, more than 0 and at most {_MOST_PRICE}"
            )
        given = check_probabilities(answers, self.n_classes).astype(np.float64)
        at = self.coarse(inputs)
        if len(at) != len(given) or (labels is not None and np.shape(labels) != (len(given),)):
            raise WatermarkError(f"{len(given)} answers, {len(at)} inputs and labels {np.shape(labels)}: give one each")
        reach = reach_for(given, at, labels, price, _BOUNDS["reach"][1])
        if reach <= 0:
            raise WatermarkError(f"at a price of {price} no first class of these answers may change: give more of both")
        return dataclasses.replace(self, reach=reach)

    @property
    def delta(self) -> float:
        """The tail's mean probability: what is below it is no part of the tail."""
        return self.tau / (self.n_classes - 1)

    def keyed(self, key: Key) -> Keyed:
        """Return what a key decides."""
        return draw(key, self.n_classes, self.coarse.n_axes)

    def answer(self, probabilities: npt.NDArray[Any], inputs: Any, *, key: Key) -> npt.NDArray[Any]:
        """Return marked answers, of the same shape and dtype; each has the first class that it had if the reach is 0.

        Parameters
        ----------
        probabilities : (N, K) float16, float32 or float64
        inputs : N inputs like those that the mark was fitted on
        key : Key
            See :func:`watermarking.ownership.classifiers.clients.client_key`.

        Raises
        ------
        ModelAnswerError
            If these are no probabilities: logits, NaN, other classes, none at all.
        UnsupportedImageError
            If the inputs are others than those the mark was fitted on.
        """
        return self.answer_at(probabilities, self.coarse(inputs), key=key)

    def answer_at(self, probabilities: npt.NDArray[Any], coordinates: F64, *, key: Key) -> npt.NDArray[Any]:
        """Return marked answers to inputs of which the whitened coordinates (N, A) are known already."""
        given = check_probabilities(probabilities, self.n_classes)
        if len(coordinates) != len(given):
            raise WatermarkError(f"there are {len(given)} answers to {len(coordinates)} inputs: give one each")
        if self.reach:
            given = swapped(given, coordinates, key, self.reach)
        exact = given.astype(np.float64)
        top = exact.argmax(1)
        favour = self.keyed(key).favour(top, coordinates)
        found = with_tail(exact, favour, tau=self.tau, b1=self.b1, b2=self.b2).astype(given.dtype)
        changed = found.argmax(1) != top  # by rounding to half precision alone
        found[changed] = given[changed]
        return np.asarray(found)
