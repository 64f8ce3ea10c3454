"""What becomes of one picture: marked by every scheme, attacked, read back with the key alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from watermarking.attacks import parse_attack
from watermarking.errors import CapacityError, FidelityError, WatermarkError
from watermarking.keys import Key
from watermarking.messages.arguments import CLASSICAL
from watermarking.messages.marker import Marker

if TYPE_CHECKING:
    import numpy.typing as npt

    from watermarking.messages.reading import Reading

    Pixels = npt.NDArray[np.uint8]

__all__ = ["ATTACKS", "LARGEST", "Story", "Telling", "came_back", "is_false", "prepared", "tell"]

ATTACKS: Final = (
    *("jpeg(90)", "jpeg(50)", "jpeg(30)", "jpeg(10)", "webp(50)", "noise(10)", "noise(20)", "blur(1)", "blur(2)"),
    *("median(5)", "brightness(1.2)", "contrast(1.5)", "gamma(0.7)", "grey", "posterise(4)", "sharpen"),
    *("salt_pepper(0.01)", "crop(0.7)", "rotate(7)", "resize(0.5)", "flip", "brightness(0.8) | noise(5) | jpeg(50)"),
)
LARGEST: Final = 1280
"""Pixels of the longer side; larger pictures are scaled down, or the page would take minutes."""


@dataclass(frozen=True)
class Story:
    """What happened to the picture of one scheme."""

    scheme: str
    marked: Pixels
    readings: dict[str, Reading]


@dataclass
class Telling:
    """What happened to a picture.

    Attributes
    ----------
    original : (H, W, 3) uint8
    message : str
    key : Key
    stories : list of Story, of the schemes that could mark it
    refusals : dict from scheme to str, why the others could not
    attacked : dict from attack to the picture that it left, of the first scheme
    """

    original: Pixels
    message: str
    key: Key
    stories: list[Story] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    attacked: dict[str, Pixels] = field(default_factory=dict)

    @property
    def is_as_it_should_be(self) -> bool:
        """Whether every untouched mark was read, and nothing that nobody embedded."""
        readings = [reading for story in self.stories for reading in story.readings.values()]
        untouched = [came_back(story.readings["none"], self.message) for story in self.stories]
        return all(untouched) and not any(is_false(reading, self.message) for reading in readings)


def prepared(array: npt.NDArray[np.uint8 | np.uint16]) -> Pixels:
    """Return a picture as the page shows it: RGB of 8 bits on white, of at most :data:`LARGEST` pixels a side.

    Parameters
    ----------
    array : (H, W), (H, W, 3) or (H, W, 4) ndarray, uint8 or uint16

    Returns
    -------
    (h, w, 3) uint8 ndarray
    """
    eight = array if array.dtype == np.uint8 else (array >> 8).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(eight))
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image)
    image = image.convert("RGB")
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return np.asarray(image)


def tell(original: Pixels, message: str) -> Telling:
    """Mark a picture with every scheme and a new key, attack it, read it back.

    Parameters
    ----------
    original : (H, W, 3) uint8
    message : str

    Raises
    ------
    WatermarkError
        If no scheme can mark the picture with the message.
    """
    told = Telling(original, message, Key.generate())
    for scheme in CLASSICAL:
        try:
            told.stories.append(_story(scheme, told))
        except (CapacityError, FidelityError) as error:
            told.refusals[scheme] = str(error)
    if not told.stories:
        raise WatermarkError(f"no scheme can mark the picture: {next(iter(told.refusals.values()))}")
    return told


def _story(scheme: str, told: Telling) -> Story:
    marker = Marker(scheme, key=told.key)
    marked = np.asarray(marker.embed(told.original, told.message))
    readings = {"none": marker.extract(marked)}
    for name in ATTACKS:
        picture = np.asarray(parse_attack(name)(marked, rng=np.random.default_rng(1)), np.uint8)
        told.attacked.setdefault(name, picture)
        readings[name] = marker.extract(picture)
    readings["unmarked"] = marker.extract(told.original)
    readings["another key"] = Marker(scheme, key=Key.generate()).extract(marked)
    return Story(scheme, marked, readings)


def came_back(reading: Reading, message: str) -> bool:
    """Say whether the exact message was read."""
    return reading.text == message


def is_false(reading: Reading, message: str) -> bool:
    """Say whether a message was read that nobody embedded."""
    return reading.message is not None and not came_back(reading, message)
