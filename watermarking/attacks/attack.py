"""What an attack is: a frozen dataclass of checked parameters that turns one picture into another."""

from __future__ import annotations

import dataclasses
import difflib
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar, cast

import numpy as np

from watermarking.errors import UnknownAttackError, UnsupportedImageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.interface import Image

__all__ = ["Attack", "Family", "Matrix", "Pixels", "Size", "as_uint8", "choice", "from_uint8", "number", "round_pixels"]

Family: TypeAlias = Literal["formats", "geometry", "values", "noise", "filters", "occlusion", "chain", "security"]
Pixels: TypeAlias = "npt.NDArray[np.uint8]"
Matrix: TypeAlias = "npt.NDArray[np.float64]"
Size: TypeAlias = tuple[int, int]
"""(rows, columns)"""

N = TypeVar("N", int, float)
S = TypeVar("S", int, str)


def number(default: N, low: float, high: float) -> N:
    """Declare a numeric parameter that must lie in [low, high]; an integer default asks for integers."""
    declared: Any = dataclasses.field(default=default, metadata={"low": low, "high": high})
    return cast("N", declared)


def choice(default: S, *others: S) -> S:
    """Declare a parameter that must be one of a few values."""
    declared: Any = dataclasses.field(default=default, metadata={"choices": (default, *others)})
    return cast("S", declared)


def round_pixels(values: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Round grey levels (ties to even), clip them to 0 ... 255 and store them as uint8."""
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class Attack(ABC):
    """One thing that happens to pictures, with its parameters.

    Subclasses are frozen dataclasses whose fields all have a default and are declared with :func:`number`,
    :func:`choice`, a plain bool or a plain string. They implement :meth:`apply` on 8-bit pictures.

    Calling an attack takes (H, W), (H, W, 3) or (H, W, 4), RGB, and returns the same kind and dtype, H and W changed
    by geometric attacks alone. Everything happens in 8 bits, as in the files that people pass on: uint16 and floating
    point in [0, 1] are rounded to 8 bits before, and scaled back afterwards. Alpha moves with the pixels under a
    geometric attack and is left alone by all others. The input is never changed. `rng` is the only source of
    randomness: a generator with the same seed gives the same picture.
    """

    id: ClassVar[str]
    family: ClassVar[Family]
    geometric: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check every parameter and give it the type of its default."""
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(self.id, field, getattr(self, field.name)))

    def __call__(self, image: Image, *, rng: np.random.Generator) -> Image:
        """Return the attacked picture.

        Raises
        ------
        UnsupportedImageError
            If the array is no picture, or the attack cannot be done to it.
        """
        pixels = as_uint8(image)
        if not self._takes_alpha and pixels.ndim == 3 and pixels.shape[2] == 4:
            attacked = np.dstack([self.apply(np.ascontiguousarray(pixels[..., :3]), rng), pixels[..., 3]])
        else:
            attacked = self.apply(pixels, rng)
        attacked = attacked.copy() if np.may_share_memory(attacked, image) else attacked
        return from_uint8(attacked, image.dtype)

    @property
    def _takes_alpha(self) -> bool:
        """Say whether `apply` gets all four channels."""
        return self.geometric

    @abstractmethod
    def apply(self, pixels: Pixels, rng: np.random.Generator, /) -> Pixels:
        """Attack a contiguous 8-bit picture, (H, W) or (H, W, 3), for geometric attacks (H, W, 4) too."""

    def place(self, size: Size, rng: np.random.Generator, /) -> tuple[Matrix | None, Size]:
        """Return the matrix for a picture of `size`, and the result's size; `rng` is drawn from as `apply` does."""
        del rng
        return (None if self.geometric else np.eye(3)), size

    def matrix(self, shape: tuple[int, ...], *, rng: np.random.Generator) -> Matrix | None:
        """Return how pixels move: (3, 3), homogeneous (x, y, 1) of the input to that of the output.

        Pixel centres are at integers, x to the right, y down. `rng` in the state in which the call gets it yields the
        matrix of that call. None where no projective map describes the movement.
        """
        return self.place((shape[0], shape[1]), rng)[0]

    def __str__(self) -> str:
        """Return the text form with every parameter, which :func:`parse_attack` reads."""
        return _text(self.id, {field.name: getattr(self, field.name) for field in dataclasses.fields(self)})

    @property
    def label(self) -> str:
        """The shortest text form: parameters at their defaults are left out."""
        changed = {f.name: v for f in dataclasses.fields(self) if (v := getattr(self, f.name)) != f.default}
        return _text(self.id, changed)


def _text(attack_id: str, values: dict[str, object]) -> str:
    return f"{attack_id}({', '.join(f'{name}={value!r}' for name, value in values.items())})" if values else attack_id


def _checked(attack_id: str, field: dataclasses.Field[Any], value: object) -> object:
    """Return the value with the type of the field's default, or raise UnknownAttackError."""
    default: Any = field.default
    limits = field.metadata
    if "choices" in limits:
        if value in limits["choices"] and not isinstance(value, bool):
            return value
        close = difflib.get_close_matches(value, limits["choices"], n=1) if isinstance(value, str) else []
        hint = f"; did you mean {close[0]}?" if close else ""
        allowed = ", ".join(str(known) for known in limits["choices"])
        raise UnknownAttackError(f"{attack_id}: {field.name} must be one of {allowed}, not {value!r}{hint}")
    if isinstance(default, bool) or "low" not in limits:
        if isinstance(value, type(default)):
            return value
        raise UnknownAttackError(f"{attack_id}: {field.name} must be a {type(default).__name__}, not {value!r}")
    low, high = limits["low"], limits["high"]
    numeric = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not numeric or not math.isfinite(cast("float", value)) or not low <= cast("float", value) <= high:
        raise UnknownAttackError(f"{attack_id}: {field.name} must be a number from {low} to {high}, not {value!r}")
    if isinstance(default, int) and value != int(cast("float", value)):
        raise UnknownAttackError(f"{attack_id}: {field.name} must be a whole number, not {value!r}")
    return int(cast("float", value)) if isinstance(default, int) else float(cast("float", value))


def as_uint8(image: Image) -> Pixels:
    """Convert a picture to contiguous uint8, by the rule in the docstring of `Attack`."""
    kind = isinstance(image, np.ndarray) and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4)))
    if not kind or 0 in image.shape:
        shape = getattr(image, "shape", type(image).__name__)
        raise UnsupportedImageError(f"an attack needs (H, W), (H, W, 3) or (H, W, 4), none of them 0, not {shape}")
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    if image.dtype == np.uint16:
        return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8, order="C")
    if not np.issubdtype(image.dtype, np.floating):
        raise UnsupportedImageError(f"an attack needs uint8, uint16 or floating point in [0, 1], not {image.dtype}")
    low, high = float(image.min()), float(image.max())
    if not (low >= 0.0 and high <= 1.0):  # NaN fails both comparisons
        raise UnsupportedImageError(f"floating-point pictures lie in [0, 1], these values run from {low} to {high}")
    return np.ascontiguousarray(round_pixels(image * 255.0))


def from_uint8(pixels: Pixels, dtype: np.dtype[Any]) -> Image:
    """Scale an 8-bit picture to the dtype that it came from."""
    if dtype == np.uint8:
        return pixels
    if dtype == np.uint16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return (pixels / 255.0).astype(dtype)
