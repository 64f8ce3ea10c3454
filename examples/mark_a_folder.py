"""Mark every photograph of a folder, then find the one that somebody cropped, made smaller and passed on.

python examples/mark_a_folder.py PHOTOS OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import watermarking as wm
from watermarking.attacks import parse_attack
from watermarking.pictures.files import read_picture, write_picture

MESSAGE = "(c) Ada 2026"
ON_THE_WEB = "crop(0.8) | resize(0.75) | jpeg(70)"
WANTED = {".jpg", ".jpeg", ".png", ".webp", ".tif"}
FPR = 1e-6  # one false alarm in a million pictures that carry no mark of this key


def main(photos: Path, out: Path) -> None:
    """Mark the folder; crop the last photograph; say what each of the pictures found on the web is."""
    marked, web = out / "marked", out / "web"
    for folder in (marked, web):
        folder.mkdir(parents=True, exist_ok=True)
    key = wm.Key.generate()
    key.save(out / "my.key")  # whoever has it reads and removes the marks; without it nobody does
    marker = wm.Marker(key=key)
    done = []
    for path in sorted(path for path in photos.iterdir() if path.suffix.lower() in WANTED):
        try:
            receipt = marker.embed_file(path, marked / path.name, MESSAGE)
        except wm.WatermarkError as error:  # too small a picture, a damaged file: the others go on
            print(f"{path.name}: not marked: {error}")
            continue
        print(f"{path.name}: marked, SSIMULACRA2 {receipt.fidelity:.1f}")
        done.append(path)
    if not done:
        sys.exit(f"no photograph in {photos} could be marked")

    last = read_picture(marked / done[-1].name)
    seen = parse_attack(ON_THE_WEB)(last.array, rng=np.random.default_rng(0))
    write_picture(seen, web / "posted.png")
    (web / f"unmarked{done[0].suffix}").write_bytes(done[0].read_bytes())

    for path in sorted(web.iterdir()):
        found = marker.extract_file(path)
        verdict = f"says {found.text!r}" if found.text else "says nothing"
        mine = "marked by this key" if found.detection.is_present(FPR) else "no mark of this key"
        print(f"{path.name}: {mine}, {verdict}, p = {found.detection.p_value:.1g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
