"""The contract: what an embedder and an extractor are, and what reading returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import numpy.typing as npt

    from watermarking.keys import Key

__all__ = [
    "Bits",
    "Detection",
    "Embedder",
    "Extraction",
    "Extractor",
    "FramedScheme",
    "HidingScheme",
    "Image",
    "KeylessReader",
    "PictureScheme",
    "PlaneScheme",
    "Residual",
    "RestoringScheme",
    "Scheme",
    "SoftRead",
    "Verdicts",
]

Image: TypeAlias = "npt.NDArray[Any]"
"""(H, W), (H, W, 3) or (H, W, 4), RGB, uint8, uint16 or floating point in [0, 1]."""
Bits: TypeAlias = "npt.NDArray[np.bool_]"
Residual: TypeAlias = "Callable[[float], npt.NDArray[np.float32]]"
"""A change of the working plane, in grey levels, of about the mean squared change that is asked for."""

P_co = TypeVar("P_co", covariant=True)
P_contra = TypeVar("P_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Detection:
    """The one verdict of the toolkit.

    Attributes
    ----------
    score : float
        The statistic's value; higher speaks for the mark.
    p_value : float
        Probability of a score at least this high if the mark is absent or the key is wrong, already multiplied by
        the number of alignments, keys, schemes and lengths that were tried. Never below the true probability.
    statistic : str
        What was measured, for example ``"pilot"``.
    """

    score: float
    p_value: float
    statistic: str

    def is_present(self, fpr: float = 1e-6) -> bool:
        """Say whether the mark is there, at the stated false-positive rate."""
        return self.p_value <= fpr


@dataclass(frozen=True)
class Verdicts(Mapping[str, Detection]):
    """Verdicts by name of who may have had a hand in something.

    Attributes
    ----------
    detections : dict from name to Detection, the strongest evidence first
        Each p-value counts all that was tried, so that names need no further correction.
    """

    detections: dict[str, Detection]

    def __getitem__(self, name: str) -> Detection:
        """Return the verdict on one."""
        return self.detections[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, the strongest evidence first."""
        return iter(self.detections)

    def __len__(self) -> int:
        """Return on how many there is a verdict."""
        return len(self.detections)

    def named(self, fpr: float = 1e-6) -> list[str]:
        """Return who had a hand in it, at this chance of naming anybody wrongly."""
        return [name for name, verdict in self.detections.items() if verdict.is_present(fpr)]


@dataclass(frozen=True, slots=True)
class Extraction(Generic[P_co]):
    """What an extractor read: hard decision, soft decision, and whether anything is there.

    Attributes
    ----------
    payload : bits (n,) bool, or an RGB picture (H, W, 3) uint8
    llr : (n,) float32 log-likelihood ratios, positive for a one; None for pictures
    detection : Detection
    """

    payload: P_co
    llr: npt.NDArray[np.float32] | None
    detection: Detection


@dataclass(frozen=True, slots=True)
class SoftRead:
    """Soft values under one hypothesis about the payload's length and the noise, and how the pilots speak for it.

    Attributes
    ----------
    length : int, payload length
    sums : (length,) float32, matched-filter sums in any one scale, positive for a one
    score : float, pilot correlation in standard deviations under a random key
    pilots : (m,) float32, each pilot's part in the score, so that several pictures' can be added; None if not told
    """

    length: int
    sums: npt.NDArray[np.float32]
    score: float
    pilots: npt.NDArray[np.float32] | None = None


class Embedder(Protocol[P_contra]):
    """Puts a payload into a picture."""

    def capacity(self, shape: tuple[int, ...]) -> int:
        """Return how many payload bits (or pictures) fit in a picture of this shape; 0 if none."""
        ...

    def embed(self, image: Image, payload: P_contra, *, key: Key) -> Image:
        """Return a marked copy, same shape and dtype; the input is never changed."""
        ...


class Extractor(Protocol[P_co]):
    """Reads a payload from a picture, knowing only the key."""

    def extract(self, image: Image, *, key: Key) -> Extraction[P_co]:
        """Read the picture; never raises because of what the picture shows."""
        ...


@runtime_checkable
class Scheme(Embedder[Any], Extractor[Any], Protocol):
    """A frozen, keyword-only dataclass of JSON-able fields that is both embedder and extractor."""

    id: ClassVar[str]
    payload_kind: ClassVar[Literal["bits", "picture"]]
    keyed: ClassVar[bool]
    bit_exact: ClassVar[bool]

    @property
    def psnr(self) -> float:
        """Return the strength, in dB over RGB, that the embedder aims at; a field of the dataclass."""
        ...


class PictureScheme(Scheme, Protocol):
    """A scheme whose payload is a picture (``payload_kind`` says so): messages travel in it as a code raster."""

    @property
    def payload_shape(self) -> tuple[int, int]:
        """Return the rows and columns of the picture as it is carried; any other is brought to this size."""
        ...

    @property
    def n_modules(self) -> int:
        """Return how many black and white modules such a picture may have that are surely told apart."""
        ...


@runtime_checkable
class KeylessReader(Scheme, Protocol):
    """A scheme that reads most of a picture without the key: with several keys, that part is done once.

    ``extract(image, key=key)`` and ``extract_from(read(image), key=key)`` return the same.
    """

    def read(self, image: Image) -> Any:
        """Return what the picture says to every key, in any form."""
        ...

    def extract_from(self, read: Any, *, key: Key) -> Extraction[Any]:
        """Return what a key makes of what was read."""
        ...


@runtime_checkable
class HidingScheme(Scheme, Protocol):
    """A scheme that has a form of its own for marks that are to show little, read in the same way."""

    @property
    def unseen(self) -> Scheme:
        """Return that form; the scheme itself will do."""
        ...

    @property
    def psnr_range(self) -> tuple[float, float]:
        """Return the least and the greatest strength, in dB, that every cover can be marked at."""
        ...


@runtime_checkable
class FramedScheme(Scheme, Protocol):
    """A scheme whose mark lies over the whole picture, and may have waves beside it that say where the picture was.

    A picture that was moved is put back into its own frame, as an RGBA picture that is clear where nothing of it is
    left; ``extract`` reads that.
    """

    @property
    def is_framed(self) -> bool:
        """Return whether pictures are marked with :func:`watermarking.sync.extent.framing_waves`."""
        ...


@runtime_checkable
class RestoringScheme(Scheme, Protocol):
    """A bit scheme whose mark comes off without a trace, as long as nothing else was changed.

    How much fits depends on the picture: ``capacity`` is what no picture of a shape exceeds. ``psnr`` is not aimed at,
    it is what marking does not fall below. Samples are whole numbers, and only unchanged pictures are read. Of two
    marks in one picture the last must come off before the first can be read.
    """

    def restore(self, image: Image, *, key: Key) -> Image:
        """Return the cover, bit for bit.

        Raises
        ------
        RestorationError
            If the picture carries no mark of this key, or was changed since.
        """
        ...


@runtime_checkable
class PlaneScheme(Scheme, Protocol):
    """A bit scheme that works on the luma plane at the working scale, so that other signals can share the residual."""

    def residual(
        self, plane: npt.NDArray[np.float32], payload: Bits, *, key: Key, unseen: bool = False, page: bool = False
    ) -> Residual:
        """Return the change of the plane (h, w) that carries the payload, to be had at any strength.

        With ``unseen`` it is spread so that it shows least, on a ``page`` or elsewhere, else so that least energy is
        needed.
        """
        ...

    def read(
        self,
        plane: npt.NDArray[np.float32],
        *,
        key: Key,
        origin: tuple[int, int] = (0, 0),
        inside: npt.NDArray[np.bool_] | None = None,
    ) -> list[SoftRead]:
        """Read a plane under every hypothesis, the most credible first.

        ``origin`` counts cells from the mark's corner; ``inside`` (h, w) is False where the plane shows no picture.
        """
        ...

    @property
    def cell(self) -> int:
        """Working pixels to a cell's side, a divisor of 24."""
        ...

    def n_places(self, shape: tuple[int, ...]) -> int:
        """Return how many coefficients of a picture of this shape carry the mark."""
        ...
