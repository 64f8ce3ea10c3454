"""Train H and R to carry a logo of your own, hide it in a photograph that they have not seen and read it back.

    python examples/train_your_own_logo.py LOGO.png PHOTOGRAPHS OUT [--minutes 60]

PHOTOGRAPHS is a folder of at least 8 pictures, better 60 or more, with sides of at least 320 pixels. Stop it when you
like and start it again: it goes on where it was. With TensorBoard, ``tensorboard --logdir OUT`` shows how it is doing.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from watermarking.deep.logo import FixedLogo
from watermarking.deep.training.config import load_config
from watermarking.deep.training.data import photograph_files, split_by_photograph
from watermarking.deep.training.release import release
from watermarking.deep.training.session import run_training


def main(arguments: list[str] | None = None) -> float:
    """Train, release the weights, mark a photograph and return the correlation of what is read with the logo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logo", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--trial", action="store_true", help="20 steps on small tiles, to see that all is in place")
    options = parser.parse_args(arguments)

    config = replace(load_config("deep-logo"), name="my-logo", logo=str(options.logo))
    if options.trial:
        config = replace(config, tile=64, reach=(1.0, 1.2), shrink=(1.0,), steps=20, log_every=10)
    run_training(config, options.photographs, options.out, seconds=60 * options.minutes)
    weights = release(options.out / "checkpoint.safetensors", None, options.out, notes={})

    scheme = FixedLogo(weights=str(weights), psnr=45.0)
    unseen = split_by_photograph(photograph_files(options.photographs))[1][0]
    marked = scheme.embed(np.asarray(Image.open(unseen).convert("RGB")))
    Image.fromarray(marked).save(options.out / "marked.png")
    read, found = scheme.read(marked)
    Image.fromarray(read).save(options.out / "read-back.png")
    correlation = float(np.corrcoef(read.ravel(), scheme.logo.ravel())[0, 1])
    print(f"read back {options.out / 'read-back.png'}: correlation {correlation:.3f}, {found}")
    return correlation


if __name__ == "__main__":
    main()
