"""Give every customer a copy of their own, then find out whose copy turned up on the web.

python examples/whose_copy.py PHOTO FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import watermarking as wm
from watermarking.attacks import parse_attack
from watermarking.pictures.files import read_picture, write_picture

CUSTOMERS = ("Ada", "Bob", "Chloé")


def main(photo: Path, folder: Path) -> None:
    """Mark one copy a customer, leak one of them, read it."""
    folder.mkdir(parents=True, exist_ok=True)
    key = wm.Key.generate()
    marker = wm.Marker(key=key)
    for customer in CUSTOMERS:
        receipt = marker.embed_file(photo, folder / f"{customer}.jpg", f"for {customer}", overwrite=True)
        print(
            f"{customer}.jpg: PSNR {receipt.psnr:.1f} dB, read back with {receipt.bit_error_rate:.1%} of the bits wrong"
        )

    copy = read_picture(folder / "Bob.jpg")
    seen_on_the_web = parse_attack("crop(0.9) | resize(0.8) | jpeg(70)")(copy.array, rng=np.random.default_rng(0))
    write_picture(seen_on_the_web, folder / "leaked.jpg")

    found = marker.extract_file(folder / "leaked.jpg")
    print(f"leaked.jpg: {found.text!r}, p = {found.detection.p_value:.1g}")
    print(f"the original: {marker.extract_file(photo).text!r}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
