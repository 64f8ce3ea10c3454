"""Draw cover, marked, difference x 20, what is read, for docs/deep.md: python benchmarks/deep_pictures.py OUT."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from harness.photographs import find, load
from watermarking.deep.logo import FixedLogo, fixed_logo
from watermarking.deep.scheme import Deep
from watermarking.keys import Key


def row(cover: np.ndarray, marked: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Put the four pictures side by side, 256 pixels high."""
    difference = np.clip(128 + 20 * (marked.astype(np.int16) - cover), 0, 255).astype(np.uint8)
    shown = [cv2.resize(x, (256, 256), interpolation=cv2.INTER_AREA) for x in (cover, marked, difference)]
    return np.hstack([*shown, cv2.resize(read, (256, 256), interpolation=cv2.INTER_NEAREST)])


def main() -> None:
    """Write ``deep.png``: the logo at 50 dB, a picture at 42 dB, a raster at 40 dB."""
    photographs = {photograph.name: load(photograph) for photograph in find("shipped")}
    cover, other = photographs["chelsea"], photographs["coffee"]
    key = Key(hashlib.sha256(b"deep pictures").digest())
    logo, any_, robust = FixedLogo(), Deep(weights="deep-any"), Deep(weights="deep-robust", psnr=40.0)
    raster = np.where(key.bits("raster", 1024).reshape(32, 32), np.uint8(255), np.uint8(0))
    hidden = cv2.resize(other, (128, 128), interpolation=cv2.INTER_AREA)
    marked = logo.embed(cover), any_.embed(cover, hidden, key=key), robust.embed(cover, raster, key=key)
    read = logo.read(marked[0])[0], any_.extract(marked[1], key=key).payload, robust.extract(marked[2], key=key).payload
    rows = [row(cover, m, r) for m, r in zip(marked, read, strict=True)]
    sent = (fixed_logo(128), hidden, np.repeat(raster[..., None], 3, axis=2))
    column = np.vstack([cv2.resize(x, (256, 256), interpolation=cv2.INTER_NEAREST) for x in sent])
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.hstack([np.vstack(rows), column])).quantize(256).save(folder / "deep.png", optimize=True)


if __name__ == "__main__":
    main()
