"""Collect the photographs and icons that the shipped weights are trained on.

    python benchmarks/deep_data.py DATA OUT

DATA is the folder of unpacked Debian packages (see the methodology); OUT gets ``photographs/*.jpg`` (two thirds of
their size, quality 93, 4:4:4: small enough to travel; training shrinks them again, which removes the block grid) and
``icons/*.png`` (on white). Names are kept, since the split into training and validation goes by them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from watermarking.deep.training.prepare import edj_photograph, shrink_to

Image.MAX_IMAGE_PIXELS = None
KRANK = "krank/usr/share/games/krank/levels/unera-backgrounds"
ENLIGHTENMENT = "enlightenment-data/usr/share/enlightenment/data/backgrounds"
LOMIRI = "lomiri-wallpapers-16.04/usr/share/backgrounds"
ICONS = "tango-icon-theme/usr/share/icons/Tango"
DUPLICATES = {"bonus-01", "menu-credits", "menu-sounds"}
EDJ = [
    "Bamboo", "Foggy-Trees", "God-Rays", "Green-Maple", "Lichen-Branches", "Mountain", "Peaks", "Red-Maple",
    "Sea-of-Lanterns", "Snow-Trees", "Spruce-Needles", "Sunset-Clouds", "White-Flower", "Yellow-Flower",
]  # fmt: skip
WALLPAPERS = ["aitzgorri", "friends", "life", "picosdeeuropa", "sunset", "Picture_0B", "Picture_1A", "Wine", "seeding"]


def photographs(data: Path) -> dict[str, Path]:
    """Map names to the 61 files of the three packages."""
    found = {f"krank-{p.stem}": p for p in sorted((data / KRANK).glob("*.jpg")) if p.stem not in DUPLICATES}
    for name in EDJ:
        found[f"enlightenment-{name}"] = next((data / ENLIGHTENMENT).glob(f"*{name}*.edj"))
    for name in WALLPAPERS:
        found[f"lomiri-{name}"] = next((data / LOMIRI).glob(f"*{name}*.jpg"))
    return found


def icons(data: Path, out: Path) -> int:
    """Write the 32 x 32 icons on a white ground."""
    out.mkdir(parents=True, exist_ok=True)
    names = sorted(p for p in (data / ICONS / "32x32").rglob("*.png") if not p.is_symlink())
    for path in names:
        icon = Image.open(path).convert("RGBA")
        ground = Image.new("RGBA", icon.size, (255, 255, 255, 255))
        Image.alpha_composite(ground, icon).convert("RGB").save(out / f"{path.stem}.png", optimize=True)
    return len(names)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quality", type=int, default=93)
    arguments = parser.parse_args()
    folder = arguments.out / "photographs"
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, path in photographs(arguments.data).items():
        image = edj_photograph(path) if path.suffix == ".edj" else Image.open(path).convert("RGB")
        small = shrink_to(np.asarray(image), 2 / 3)
        settings = [cv2.IMWRITE_JPEG_QUALITY, arguments.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
        cv2.imwrite(str(folder / f"{name}.jpg"), small[..., ::-1], settings)
        total += (folder / f"{name}.jpg").stat().st_size
    n_icons = icons(arguments.data, arguments.out / "icons")
    print(f"{len(list(folder.iterdir()))} photographs, {total / 2**20:.1f} MiB; {n_icons} icons")


if __name__ == "__main__":
    main()
