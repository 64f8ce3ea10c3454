"""Draw a photograph before and after marking, and the difference x 20: python benchmarks/mark_pictures.py OUT."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from harness.photographs import find, load
from watermarking.keys import Key
from watermarking.messages.marker import Marker

PHOTOGRAPH, MESSAGE, TIMES = "coffee", "(c) Ada 2026", 20
DETAIL = np.s_[40:340, 150:510]


def main() -> None:
    """Write ``mark.png``, marked at the default strength: pixel for pixel, nothing is scaled."""
    [cover] = [load(photograph) for photograph in find("shipped") if photograph.name == PHOTOGRAPH]
    marker = Marker(key=Key(hashlib.sha256(b"mark pictures").digest()))
    marked = marker.embed(cover, MESSAGE)
    assert marker.extract(marked).text == MESSAGE
    difference = np.clip(128 + TIMES * (marked.astype(np.int16) - cover), 0, 255).astype(np.uint8)
    white = np.full((DETAIL[0].stop - DETAIL[0].start, 8, 3), 255, np.uint8)
    row = np.hstack([cover[DETAIL], white, marked[DETAIL], white, difference[DETAIL]])
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(row).save(folder / "mark.png", optimize=True)


if __name__ == "__main__":
    main()
