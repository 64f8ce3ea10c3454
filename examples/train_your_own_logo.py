"""Train H and R to carry the built-in logo (or go on with it) and read it back from a picture.

    python examples/train_your_own_logo.py PHOTOGRAPHS OUT [--minutes 60]

PHOTOGRAPHS is a folder of at least 8 pictures, better 60 or more. Change ``fixed_logo`` in
``watermarking/deep/payloads.py`` to carry your own.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import watermarking.deep as package
from watermarking.deep.config import load_config
from watermarking.deep.logo import FixedLogo
from watermarking.deep.release import release
from watermarking.deep.session import run_training


def main(arguments: list[str] | None = None) -> float:
    """Train, release the weights, mark one photograph and return the correlation of what is read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--start", type=Path, help="checkpoint to start from")
    parser.add_argument("--small", action="store_true", help="small tiles, for a trial of a minute")
    options = parser.parse_args(arguments)
    config = load_config(Path(package.__file__).parent / "configs" / "deep-logo.json")
    config = replace(config, precision="fp32")
    if options.small:
        config = replace(config, tile=64, groups=1, reach=(1.0, 1.2), shrink=(1.0,), steps=20, log_every=10)
    run_training(config, options.photographs, options.out, start=options.start, seconds=60 * options.minutes)
    weights = release(options.out / "checkpoint.safetensors", config, options.out, working=128, notes={})
    scheme = FixedLogo(weights=str(weights), psnr=45.0)
    cover = np.asarray(Image.open(min(options.photographs.glob("*.jpg"))).convert("RGB"))
    read, found = scheme.read(scheme.embed(cover))
    Image.fromarray(read).save(options.out / "read-back.png")
    correlation = float(np.corrcoef(read.ravel(), scheme.logo.ravel())[0, 1])
    print(f"correlation {correlation:.3f}, {found}; what was read is {options.out / 'read-back.png'}")
    return correlation


if __name__ == "__main__":
    main()
