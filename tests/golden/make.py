"""Write the golden files that are missing, ``python tests/golden/make.py [SCHEME ...]``: those that exist bind.

A golden file is a marked picture that every later version must read. For each scheme: ``marked.png``, at most 40 kB,
and ``marked.json`` with key, message and configuration; for ``deep`` also those of its other weights, and ``framed``,
which was made with waves beside the mark and is put back where it was moved. For the ownership mark ``learnable``,
which is read from answers and the owner's own: marked pictures, colour and grey, in a folder of their own beside the
schemes', ``ownership/``, and the unmarked ones.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from watermarking.keys import Key
from watermarking.messages.marker import Marker
from watermarking.ownership.learnable import LearnableMark
from watermarking.registry import get_config, get_scheme, scheme_ids

FOLDER: Final = Path(__file__).parent
MESSAGE: Final = "Zoë"
LARGEST_FILE: Final = 40_000
SIDES: Final = (256, 320, 384, 448, 512)
STRENGTHS: Final = (42.0, 44.0, 46.0, 48.0, 50.0, 52.0, 54.0, 56.0)


def cover(side: int) -> np.ndarray:
    """Draw flat patches, which leave a small file its bytes for the mark."""
    rows, cols = np.indices((side, side)) // 64
    return (70 + 30 * ((rows + 2 * cols) % 5)).astype(np.uint8)


def make(config: dict[str, Any], stem: str) -> None:
    """Mark the smallest picture that has room, as strongly as its file may be large."""
    scheme_id = config["id"]
    if (FOLDER / scheme_id / f"{stem}.png").exists():
        sys.stdout.write(f"{scheme_id}/{stem}.png exists and binds: a format that breaks it is a new scheme id\n")
        return
    key = Key.from_passphrase(scheme_id, salt="golden")
    side = next(side for side in SIDES if Marker(config, key=key).capacity((side, side)) >= len(MESSAGE.encode()))
    for strength in STRENGTHS:
        marker = Marker(get_scheme({**config, "psnr": strength}), key=key)
        stream = io.BytesIO()
        Image.fromarray(marker.embed(cover(side), MESSAGE)).save(stream, "PNG", optimize=True)
        if stream.tell() <= LARGEST_FILE:
            break
    assert marker.extract_bytes(stream.getvalue()).text == MESSAGE
    folder = FOLDER / scheme_id
    folder.mkdir(exist_ok=True)
    (folder / f"{stem}.png").write_bytes(stream.getvalue())
    config = get_config(marker.scheme)
    description = {"passphrase": scheme_id, "salt": "golden", "message": MESSAGE, "config": config}
    if stem == "framed":
        description["framed"] = True
    (folder / f"{stem}.json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", "utf-8")


def make_learnable() -> None:
    """Mark a drawn picture of either kind."""
    folder = FOLDER / "ownership"
    folder.mkdir(exist_ok=True)
    key = Key.from_passphrase("learnable", salt="golden")
    for name, own in (("colour", _drawn_colours()), ("grey", _drawn_colours()[..., 1])):
        if (folder / f"{name}-marked.png").exists():
            sys.stdout.write(f"ownership/{name} exists and binds: a mark that breaks it is a new id\n")
            continue
        Image.fromarray(own).save(folder / f"{name}-own.png", optimize=True)
        Image.fromarray(LearnableMark().mark(own, key=key)).save(folder / f"{name}-marked.png", optimize=True)


def _drawn_colours() -> np.ndarray:
    """Draw soft patches of many colours, (96, 96, 3) uint8."""
    rng = np.random.default_rng(7)
    patches = Image.fromarray(rng.integers(20, 236, (12, 12, 3), np.uint8))
    return np.asarray(patches.resize((96, 96), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    if "learnable" in sys.argv[1:]:
        make_learnable()
        raise SystemExit
    for name in sys.argv[1:] or scheme_ids():
        make({"id": name}, "marked")
        if name == "deep":
            make({"id": name, "weights": "deep-any"}, "any")
            make({"id": name}, "framed")
