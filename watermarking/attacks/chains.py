"""Several attacks in a row: written by hand, or the recipes of everyday life and of other benchmarks."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watermarking.attacks.attack import Attack, choice, number
from watermarking.attacks.filters import Blur
from watermarking.attacks.formats import Jpeg
from watermarking.attacks.geometry import Crop, Perspective, Resize, ResizeTo, Rotate
from watermarking.attacks.noise import Noise
from watermarking.attacks.occlusion import Erase
from watermarking.attacks.screens import Moire
from watermarking.attacks.values import Brightness, Contrast, Gamma
from watermarking.errors import UnknownAttackError
from watermarking.steps import Steps

if TYPE_CHECKING:
    from watermarking.attacks.attack import Matrix, Pixels, Size

__all__ = [
    "Chain", "Comb", "CropResizeJpeg", "Messenger", "PhotographedScreen", "PrintScan", "Recipe", "Screenshot", "Waves",
    "chain",
]  # fmt: skip


class Recipe(Attack):
    """An attack made of others, done one after the other, each with its own generator drawn from `rng`."""

    family = "chain"
    geometric = True

    def __post_init__(self) -> None:
        """Check the parameters; a recipe is geometric if one of its steps is."""
        super().__post_init__()
        object.__setattr__(self, "geometric", any(step.geometric for step in self.steps()))

    @abstractmethod
    def steps(self) -> tuple[Attack, ...]:
        """Return the attacks, the first one first."""

    @property
    def _takes_alpha(self) -> bool:
        return True

    def apply(self, pixels: Pixels, rng: np.random.Generator) -> Pixels:
        """Attack one after the other."""
        told = Steps()
        for attack, own in zip(self.steps(), _generators(rng, len(self.steps())), strict=True):
            pixels = attack(pixels, rng=own)
            told.done(f"{attack.label}, {pixels.shape[1]}x{pixels.shape[0]} left")
        return pixels

    def place(self, size: Size, rng: np.random.Generator) -> tuple[Matrix | None, Size]:
        """Multiply the steps' matrices; None if a step has none."""
        product: Matrix | None = np.eye(3)
        for attack, own in zip(self.steps(), _generators(rng, len(self.steps())), strict=True):
            step, size = attack.place(size, own)
            product = None if step is None or product is None else step @ product
        return product, size


@dataclass(frozen=True)
class Chain(Recipe):
    """Attacks that somebody put together; its text form is ``a(...) | b(...)``."""

    id = "chain"
    attacks: tuple[Attack, ...] = ()

    def __post_init__(self) -> None:
        """Flatten chains among the attacks."""
        if not self.attacks or not all(isinstance(attack, Attack) for attack in self.attacks):
            raise UnknownAttackError(f"a chain needs at least one attack, and nothing else, not {self.attacks!r}")
        parts = [attack.attacks if isinstance(attack, Chain) else (attack,) for attack in self.attacks]
        object.__setattr__(self, "attacks", tuple(step for part in parts for step in part))
        object.__setattr__(self, "geometric", any(step.geometric for step in self.attacks))

    def steps(self) -> tuple[Attack, ...]:
        """Return the attacks."""
        return self.attacks

    def __str__(self) -> str:
        """Join the steps' text forms."""
        return " | ".join(str(attack) for attack in self.attacks)

    @property
    def label(self) -> str:
        """The steps' shortest text forms, joined."""
        return " | ".join(attack.label for attack in self.attacks)


def chain(*attacks: Attack) -> Chain:
    """Put attacks in a row, the first one first."""
    return Chain(attacks)


@dataclass(frozen=True)
class Messenger(Recipe):
    """What messengers do: shrink the longer edge to `long_side` (never enlarge), save as JPEG 4:2:0."""

    id = "messenger"
    long_side: int = number(1600, 1, 65500)
    quality: int = number(70, 1, 100)

    def steps(self) -> tuple[Attack, ...]:
        """Resize, save."""
        return ResizeTo(self.long_side), Jpeg(self.quality)


@dataclass(frozen=True)
class Screenshot(Recipe):
    """What a screenshot of a picture in a window does: scale both edges, save as JPEG 4:2:0."""

    id = "screenshot"
    scale: float = number(0.8, 0.01, 16.0)
    quality: int = number(75, 1, 100)

    def steps(self) -> tuple[Attack, ...]:
        """Resize, save."""
        return Resize(self.scale), Jpeg(self.quality)


@dataclass(frozen=True)
class CropResizeJpeg(Recipe):
    """Cut a random rectangle out (`keep` of each edge), scale both edges, save as JPEG 4:2:0."""

    id = "crop_resize_jpeg"
    keep: float = number(0.9, 0.001, 1.0)
    scale: float = number(0.75, 0.01, 16.0)
    quality: int = number(60, 1, 100)

    def steps(self) -> tuple[Attack, ...]:
        """Crop, resize, save."""
        return Crop(self.keep), Resize(self.scale), Jpeg(self.quality)


@dataclass(frozen=True)
class PrintScan(Recipe):
    """A model of printing and photographing: perspective, blur, gamma, noise, JPEG 4:2:0."""

    id = "print_scan"
    perspective: float = number(0.05, 0.0, 0.95)
    sigma: float = number(1.0, 0.05, 100.0)
    power: float = number(1.2, 0.05, 20.0)
    noise: float = number(5.0, 0.0, 255.0)
    quality: int = number(75, 1, 100)

    def steps(self) -> tuple[Attack, ...]:
        """Do all five."""
        values = (Blur(self.sigma), Gamma(self.power), Noise(self.noise))
        return Perspective(self.perspective), *values, Jpeg(self.quality)


@dataclass(frozen=True)
class PhotographedScreen(Recipe):
    """A model of photographing a screen with a phone: moire, perspective, gamma, slight blur, noise, JPEG 4:2:0.

    `scale` is how many pixels of the camera see a pixel of the screen, along each axis.
    """

    id = "photographed_screen"
    scale: float = number(1.2, 0.1, 4.0)
    perspective: float = number(0.05, 0.0, 0.95)
    moire: float = number(0.1, 0.0, 1.0)
    power: float = number(1.15, 0.05, 20.0)
    sigma: float = number(0.7, 0.05, 100.0)
    noise: float = number(3.0, 0.0, 255.0)
    quality: int = number(80, 1, 100)

    def steps(self) -> tuple[Attack, ...]:
        """Look at the grid askew, then do the other four."""
        seen = Moire(self.moire, self.scale, self.perspective)
        return seen, Gamma(self.power), Blur(self.sigma), Noise(self.noise), Jpeg(self.quality)


@dataclass(frozen=True)
class Comb(Recipe):
    """Omni Seal Bench's combination: centre crop to half the area, brightness x 1.5, JPEG 80."""

    id = "comb"
    keep: float = number(0.5, 0.001, 1.0)
    brightness: float = number(1.5, 0.0, 10.0)
    quality: int = number(80, 1, 100)

    def steps(self) -> tuple[Attack, ...]:
        """Crop (share of the area), brighten, save."""
        return Crop(self.keep, of="area", where="centre"), Brightness(self.brightness), Jpeg(self.quality)


@dataclass(frozen=True)
class Waves(Recipe):
    """WAVES' combined distortions at one relative `strength`, on the ranges of its published code.

    Rotation 0 to 45 degrees, resized crop 1 to 0.5 of the area, erasing 0 to 0.25 of the area, brightness and contrast
    x 1 to 2, blur sigma 0 to 20 pixels, noise sigma 0 to 25.5, JPEG 90 to 10; each by this package's own definition.
    (An et al., "WAVES: Benchmarking the Robustness of Image Watermarks", ICML 2024.)
    """

    id = "waves"
    combination: str = choice("all", "geometric", "photometric", "degradation")
    strength: float = number(0.25, 0.0, 1.0)

    def steps(self) -> tuple[Attack, ...]:
        """Choose the group, or all three groups one after the other."""
        s = self.strength
        groups: dict[str, tuple[Attack, ...]] = {
            "geometric": (Rotate(45 * s), Crop(1 - s / 2, of="area", restore=True), Erase(s / 4)),
            "photometric": (Brightness(1 + s), Contrast(1 + s)),
            "degradation": (Blur(max(20 * s, 0.05)), Noise(25.5 * s), Jpeg(round(90 - 80 * s))),
        }
        return sum(groups.values(), ()) if self.combination == "all" else groups[self.combination]


def _generators(rng: np.random.Generator, count: int) -> list[np.random.Generator]:
    """Draw one generator a step, so that a step's randomness does not hang on how much the others draw."""
    return [np.random.default_rng(int(seed)) for seed in rng.integers(2**63, size=count)]
